// AlexNet, VGG, LeNet, nets of one and three dimensions, shared weights, several inputs.
#include "tests/support/architectures.h"

namespace compress::test {
namespace {

using Values = Net::Values;

ValueId flatten(Net& net, ValueId x) {
  return net.op("Flatten", {x});
}

/// A convolution over one axis, padded on the left alone.
ValueId causal(Net& net, ValueId x, int64_t outputs, int64_t dilation) {
  const ValueId w = net.weight({outputs, net.size(x, 1), 2}, 2 * net.size(x, 1));
  return net.op("Conv", {x, w, net.normal({outputs}, 0.3)},
                {{"dilations", Net::Dims{dilation}}, {"pads", Net::Dims{dilation, 0}}});
}

ValueId temporal(Net& net, ValueId x, int64_t outputs, int64_t dilation) {
  const ValueId y = net.relu(causal(net, net.relu(causal(net, x, outputs, dilation)), outputs, dilation));
  const ValueId w = net.weight({outputs, net.size(x, 1), 1}, net.size(x, 1));
  return net.relu(net.add(y, net.op("Conv", {x, w})));
}

/// tanh times sigmoid, one product for the residual and one for the sum of all.
std::pair<ValueId, ValueId> waveUnit(Net& net, ValueId x, int64_t dilation) {
  const ValueId y =
      net.mul(net.op("Tanh", {causal(net, x, 6, dilation)}), net.op("Sigmoid", {causal(net, x, 6, dilation)}));
  const auto mix = [&](int64_t outputs) { return net.op("Conv", {y, net.weight({outputs, 6, 1}, 6)}); };
  return {net.add(x, mix(net.size(x, 1))), mix(5)};
}

const Net::Dims kPicture = {1, 3, 8, 8};

}  // namespace

std::vector<Architecture> classicArchitectures() {
  return {
      pictureNet("lenet", {1, 1, 12, 12},
                 [](Net& net, ValueId x) -> Values {
                   x = net.maxPool(net.op("Tanh", {net.conv(x, 6, {.kernel = 5, .hasBias = true})}));
                   x = net.maxPool(net.op("Tanh", {net.conv(x, 8, {.kernel = 5, .hasBias = true})}));
                   return {net.gemm(net.op("Tanh", {net.gemm(net.op("Tanh", {net.gemm(flatten(net, x), 12)}), 8)}), 4)};
                 }),
      pictureNet(
          "alexnet", kPicture,
          [](Net& net, ValueId x) -> Values {
            x = net.op("LRN", {net.relu(net.conv(x, 6, {.kernel = 5, .hasBias = true}))}, {{"size", int64_t{3}}});
            x = net.maxPool(net.relu(net.conv(x, 8, {.groups = 2, .hasBias = true})));
            x = net.relu(net.conv(x, 8, {.groups = 2, .hasBias = true}));
            return {net.gemm(net.relu(net.gemm(flatten(net, x), 12)), 4)};
          }),
      pictureNet("vgg", kPicture,
                 [](Net& net, ValueId x) -> Values {
                   x = net.maxPool(
                       net.relu(net.conv(net.relu(net.conv(x, 6, {.hasBias = true})), 6, {.hasBias = true})));
                   const ValueId flat = net.reshape(net.maxPool(net.convNormRelu(x, 8)), {1, -1});
                   return {net.linear(net.relu(net.linear(flat, 10)), 4)};
                 }),
      pictureNet("perceptron", {2, 7},
                 [](Net& net, ValueId x) -> Values {
                   return {net.gemm(net.op("Elu", {net.linear(net.relu(net.gemm(x, 10)), 8)}), 3)};
                 }),
      pictureNet("temporal convolutions", {1, 4, 12},
                 [](Net& net, ValueId x) -> Values {
                   x = temporal(net, temporal(net, x, 6, 1), 8, 2);
                   return {net.gemm(net.op("Squeeze", {net.slice(x, 2, -1, 1000), net.ints({2})}), 3)};
                 }),
      pictureNet("wavenet", {1, 4, 12},
                 [](Net& net, ValueId x) -> Values {
                   const auto [first, one] = waveUnit(net, causal(net, x, 5, 1), 1);
                   const auto [second, two] = waveUnit(net, first, 2);
                   return {net.op("Conv", {net.relu(net.add(one, two)), net.weight({3, 5, 1}, 5)})};
                 }),
      pictureNet("volumes", {1, 2, 4, 6, 6},
                 [](Net& net, ValueId x) -> Values {
                   const auto volume = [&](ValueId at, int64_t outputs) {
                     const ValueId w = net.weight({outputs, net.size(at, 1), 3, 3, 3}, 27 * net.size(at, 1));
                     return net.relu(net.norm(net.op("Conv", {at, w}, {{"pads", Net::Dims(6, 1)}})));
                   };
                   return {net.classifier(net.add(volume(x, 5), volume(volume(x, 6), 5)))};
                 }),
      pictureNet(
          "siamese", kPicture,
          [](Net& net, ValueId x) -> Values {
            const ValueId other = net.input(kPicture), w = net.weight({6, 3, 3, 3}, 27), v = net.weight({4, 6}, 6);
            const auto embed = [&](ValueId at) {
              return net.op("Gemm", {flatten(net, net.globalPool(net.relu(net.op("Conv", {at, w})))), v},
                            {{"transB", int64_t{1}}});
            };
            return {net.gemm(net.op("Abs", {net.op("Sub", {embed(x), embed(other)})}), 2)};
          }),
      pictureNet("two inputs", kPicture,
                 [](Net& net, ValueId x) -> Values {
                   const ValueId facts = net.relu(net.gemm(net.input({1, 5}), 6));
                   const ValueId seen = flatten(net, net.globalPool(net.convNormRelu(x, 6)));
                   return {net.gemm(net.relu(net.gemm(net.concat({seen, facts}), 8)), 3), net.gemm(seen, 2)};
                 }),
      pictureNet(
          "style transfer", kPicture,
          [](Net& net, ValueId x) -> Values {
            const auto unit = [&](ValueId at, int64_t outputs) {
              const ValueId padded =
                  net.op("Pad", {at, net.ints({0, 0, 1, 1, 0, 0, 1, 1})}, {{"mode", std::string("reflect")}});
              const ValueId y =
                  net.op("Conv", {padded, net.weight({outputs, net.size(at, 1), 3, 3}, 9 * net.size(at, 1))});
              return net.op("InstanceNormalization", {y, net.uniform({outputs}, 0.5, 1.5), net.normal({outputs}, 0.3)});
            };
            const ValueId first = net.relu(unit(x, 6));
            return {net.op("Tanh", {unit(net.add(first, unit(net.relu(unit(first, 5)), 6)), 3)})};
          }),
      pictureNet(
          "group norm written out", kPicture,
          [](Net& net, ValueId x) -> Values {
            const auto grouped = [&](ValueId at) {
              const Net::Dims d = net.dims(at);
              const ValueId apart = net.reshape(at, {1, 2, -1});
              const ValueId even = net.op("InstanceNormalization", {apart, net.uniform({2}, 1, 1), net.normal({2}, 0)});
              const ValueId back = net.reshape(even, d);
              return net.add(net.mul(back, net.uniform({d[1], 1, 1}, 0.5, 1.5)), net.normal({d[1], 1, 1}, 0.3));
            };
            return {net.classifier(net.relu(grouped(net.conv(net.relu(grouped(net.conv(x, 8))), 6))))};
          }),
  };
}

}  // namespace compress::test
