// ShuffleNet 1 and 2: grouped convolutions and channels that change places.
#include "tests/support/architectures.h"

namespace compress::test {
namespace {

using Values = Net::Values;

ValueId shuffle(Net& net, ValueId x, int64_t groups) {
  const Net::Dims d = net.dims(x);
  const ValueId apart = net.reshape(x, {d[0], groups, d[1] / groups, d[2], d[3]});
  return net.reshape(net.transpose(apart, {0, 2, 1, 3, 4}), {d[0], -1, d[2], d[3]});
}

ValueId firstUnit(Net& net, ValueId x, int64_t groups) {
  const int64_t width = net.size(x, 1);
  ValueId y = shuffle(net, net.convNormRelu(x, width, {.kernel = 1, .groups = groups}), groups);
  y = net.norm(net.conv(net.norm(net.depthwise(y)), width, {.kernel = 1, .groups = groups}));
  return net.relu(net.add(x, y));
}

ValueId branch(Net& net, ValueId x, int64_t outputs, int64_t stride) {
  return net.convNormRelu(net.norm(net.depthwise(net.convNormRelu(x, outputs, {.kernel = 1}), 3, stride)), outputs,
                          {.kernel = 1});
}

ValueId secondUnit(Net& net, ValueId x) {
  const int64_t half = net.size(x, 1) / 2;
  const Values parts = net.split(x, {half, half});
  return shuffle(net, net.concat({parts[0], branch(net, parts[1], half, 1)}), 2);
}

/// Without Split: two Slices.
ValueId slicedUnit(Net& net, ValueId x) {
  const int64_t half = net.size(x, 1) / 2;
  const ValueId kept = net.slice(x, 1, 0, half), rest = net.slice(x, 1, half, 2 * half);
  return shuffle(net, net.concat({kept, branch(net, rest, half, 1)}), 2);
}

ValueId secondDown(Net& net, ValueId x) {
  const ValueId passed = net.convNormRelu(net.norm(net.depthwise(x, 3, 2)), 6, {.kernel = 1});
  return shuffle(net, net.concat({passed, branch(net, x, 6, 2)}), 2);
}

const Net::Dims kPicture = {1, 3, 8, 8};

}  // namespace

std::vector<Architecture> shuffleArchitectures() {
  return {
      pictureNet("shufflenet 1 of two groups", kPicture,
                 [](Net& net, ValueId x) -> Values {
                   return {net.classifier(firstUnit(net, firstUnit(net, net.convNormRelu(x, 8), 2), 2))};
                 }),
      pictureNet(
          "shufflenet 1 of three groups", kPicture,
          [](Net& net, ValueId x) -> Values { return {net.classifier(firstUnit(net, net.convNormRelu(x, 12), 3))}; }),
      pictureNet("shufflenet 2", kPicture,
                 [](Net& net, ValueId x) -> Values {
                   x = secondUnit(net, secondDown(net, net.convNormRelu(x, 6)));
                   return {net.classifier(net.convNormRelu(secondUnit(net, x), 16, {.kernel = 1}))};
                 }),
      pictureNet("shufflenet 2 sliced", kPicture,
                 [](Net& net, ValueId x) -> Values {
                   return {net.classifier(slicedUnit(net, slicedUnit(net, net.convNormRelu(x, 8))))};
                 }),
  };
}

}  // namespace compress::test
