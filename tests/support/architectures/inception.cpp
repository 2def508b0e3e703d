// Inception: parallel branches of different depth, joined.
#include "tests/support/architectures.h"

namespace compress::test {
namespace {

using Values = Net::Values;

ValueId module(Net& net, ValueId x) {
  const ValueId a = net.convNormRelu(x, 4, {.kernel = 1});
  const ValueId b = net.convNormRelu(net.convNormRelu(x, 3, {.kernel = 1}), 5);
  const ValueId c = net.convNormRelu(net.convNormRelu(x, 3, {.kernel = 1}), 4, {.kernel = 5});
  const ValueId d = net.convNormRelu(net.maxPool(x, 3, 1, 1), 3, {.kernel = 1});
  return net.concat({a, b, c, d});
}

/// A kernel of 1 x `width` or `width` x 1.
ValueId strip(Net& net, ValueId x, int64_t outputs, int64_t height, int64_t width) {
  const ValueId w = net.weight({outputs, net.size(x, 1), height, width}, net.size(x, 1) * height * width);
  return net.relu(
      net.norm(net.op("Conv", {x, w}, {{"pads", Net::Dims{height / 2, width / 2, height / 2, width / 2}}})));
}

ValueId factorised(Net& net, ValueId x) {
  const ValueId a = net.convNormRelu(x, 4, {.kernel = 1});
  const ValueId b = strip(net, strip(net, net.convNormRelu(x, 4, {.kernel = 1}), 5, 1, 7), 5, 7, 1);
  const ValueId c = net.convNormRelu(x, 4, {.kernel = 1});
  return net.concat({a, b, strip(net, c, 3, 1, 3), strip(net, c, 3, 3, 1)});
}

ValueId residual(Net& net, ValueId x) {
  const ValueId joined =
      net.concat({net.convNormRelu(x, 3, {.kernel = 1}), net.convNormRelu(net.convNormRelu(x, 3, {.kernel = 1}), 4)});
  const ValueId change = net.conv(joined, net.size(x, 1), {.kernel = 1, .hasBias = true});
  return net.relu(net.add(x, net.mul(change, net.number(0.17F))));
}

const Net::Dims kPicture = {1, 3, 8, 8};

}  // namespace

std::vector<Architecture> inceptionArchitectures() {
  return {
      pictureNet("inception 1", kPicture,
                 [](Net& net, ValueId x) -> Values {
                   return {net.classifier(module(net, module(net, net.convNormRelu(x, 6))))};
                 }),
      pictureNet("inception 3", kPicture,
                 [](Net& net, ValueId x) -> Values {
                   return {net.classifier(factorised(net, factorised(net, net.convNormRelu(x, 6))))};
                 }),
      pictureNet("inception resnet", kPicture,
                 [](Net& net, ValueId x) -> Values {
                   return {net.classifier(residual(net, residual(net, net.convNormRelu(x, 6))))};
                 }),
  };
}

}  // namespace compress::test
