// Swin transformers: windows cut out and put back, shifts, patch merging, position tables per head.
#include "tests/support/architectures.h"
#include "tests/support/attention.h"

namespace compress::test {
namespace {

using Values = Net::Values;

/// [1, H, W, C] -> [windows, 4, C], windows of 2 x 2.
ValueId partition(Net& net, ValueId x) {
  const Net::Dims d = net.dims(x);
  const ValueId apart = net.reshape(x, {1, d[1] / 2, 2, d[2] / 2, 2, d[3]});
  return net.reshape(net.transpose(apart, {0, 1, 3, 2, 4, 5}), {-1, 4, d[3]});
}

ValueId unite(Net& net, ValueId windows, int64_t height, int64_t width) {
  const int64_t channels = net.dims(windows)[2];
  const ValueId apart = net.reshape(windows, {1, height / 2, width / 2, 2, 2, channels});
  return net.reshape(net.transpose(apart, {0, 1, 3, 2, 4, 5}), {1, height, width, channels});
}

ValueId rolled(Net& net, ValueId x, int64_t axis, int64_t by) {
  return net.concat({net.slice(x, axis, by, 1000), net.slice(x, axis, 0, by)}, axis);
}

/// A table of [9, heads] read by place, as [1, heads, 4, 4].
ValueId positions(Net& net, const Heads& heads) {
  Net::Dims places;
  for (int64_t i = 0; i < 16; ++i) places.push_back((i * 5) % 9);
  const ValueId rows = net.op("Gather", {net.normal({9, heads.count}, 0.5), net.ints(places)}, {{"axis", int64_t{0}}});
  return net.op("Unsqueeze", {net.transpose(net.reshape(rows, {4, 4, heads.count}), {2, 0, 1}), net.ints({0})});
}

ValueId block(Net& net, ValueId x, bool isShifted) {
  const Net::Dims d = net.dims(x);
  ValueId y = net.layerNorm(x);
  if (isShifted) y = rolled(net, rolled(net, y, 1, 1), 2, 1);
  const Heads heads;
  y = unite(net, gatheredAttention(net, partition(net, y), heads, positions(net, heads)), d[1], d[2]);
  if (isShifted) y = rolled(net, rolled(net, y, 1, d[1] - 1), 2, d[2] - 1);
  x = net.add(x, y);
  return net.add(x, net.linear(net.gelu(net.linear(net.layerNorm(x), 10)), d[3]));
}

ValueId merged(Net& net, ValueId x) {
  const auto part = [&](int64_t row, int64_t column) {
    return net.slice(net.slice(x, 1, row, 1000, 2), 2, column, 1000, 2);
  };
  const ValueId joined = net.concat({part(0, 0), part(1, 0), part(0, 1), part(1, 1)}, 3);
  return net.linear(net.layerNorm(joined), 2 * net.dims(x)[3], false);
}

ValueId patches(Net& net, ValueId x) {
  return net.transpose(net.op("Conv", {x, net.weight({6, 3, 2, 2}, 12)}, {{"strides", Net::Dims{2, 2}}}), {0, 2, 3, 1});
}

ValueId head(Net& net, ValueId x) {
  return net.gemm(net.op("ReduceMean", {x}, {{"axes", Net::Dims{1, 2}}, {"keepdims", int64_t{0}}}), 4);
}

const Net::Dims kPicture = {1, 3, 8, 8};

}  // namespace

std::vector<Architecture> swinArchitectures() {
  return {
      pictureNet("swin", kPicture,
                 [](Net& net, ValueId x) -> Values {
                   return {
                       head(net, net.layerNorm(block(net, merged(net, block(net, patches(net, x), false)), false)))};
                 }),
      pictureNet("swin shifted", kPicture,
                 [](Net& net, ValueId x) -> Values {
                   return {head(net, block(net, block(net, patches(net, x), false), true))};
                 }),
  };
}

}  // namespace compress::test
