// DenseNet, SqueezeNet: channels are joined again and again.
#include "tests/support/architectures.h"

namespace compress::test {
namespace {

using Values = Net::Values;

ValueId denseBlock(Net& net, ValueId x, int layers, bool hasBottleneck) {
  for (int i = 0; i < layers; ++i) {
    ValueId y = net.relu(net.norm(x));
    if (hasBottleneck) y = net.relu(net.norm(net.pointwise(y, 8)));
    x = net.concat({x, net.conv(y, 4)});
  }
  return x;
}

ValueId transition(Net& net, ValueId x, int64_t outputs) {
  return net.op("AveragePool", {net.pointwise(net.relu(net.norm(x)), outputs)},
                {{"kernel_shape", Net::Dims{2, 2}}, {"strides", Net::Dims{2, 2}}});
}

ValueId fire(Net& net, ValueId x, int64_t squeezed, int64_t expanded) {
  const ValueId thin = net.relu(net.conv(x, squeezed, {.kernel = 1, .hasBias = true}));
  return net.concat({net.relu(net.conv(thin, expanded, {.kernel = 1, .hasBias = true})),
                     net.relu(net.conv(thin, expanded, {.hasBias = true}))});
}

const Net::Dims kPicture = {1, 3, 8, 8};

}  // namespace

std::vector<Architecture> denseArchitectures() {
  return {
      pictureNet("densenet", kPicture,
                 [](Net& net, ValueId x) -> Values {
                   x = transition(net, denseBlock(net, net.conv(x, 6), 3, false), 6);
                   return {net.classifier(net.relu(net.norm(denseBlock(net, x, 2, false))))};
                 }),
      pictureNet("densenet with bottlenecks", kPicture,
                 [](Net& net, ValueId x) -> Values {
                   x = transition(net, denseBlock(net, net.conv(x, 6), 2, true), 6);
                   return {net.classifier(net.relu(net.norm(denseBlock(net, x, 3, true))))};
                 }),
      pictureNet("squeezenet", kPicture,
                 [](Net& net, ValueId x) -> Values {
                   x = fire(net, net.maxPool(net.relu(net.conv(x, 8))), 4, 6);
                   x = net.relu(net.conv(fire(net, x, 4, 6), 5, {.kernel = 1, .hasBias = true}));
                   return {net.op("Flatten", {net.globalPool(x)})};
                 }),
      pictureNet("squeezenet with residuals", kPicture,
                 [](Net& net, ValueId x) -> Values {
                   x = fire(net, net.relu(net.conv(x, 8)), 4, 6);
                   return {net.classifier(net.add(x, fire(net, x, 4, 6)))};
                 }),
  };
}

}  // namespace compress::test
