// Nets that make pictures larger: pixel shuffles as one node and written out, residuals around all.
#include "tests/support/architectures.h"

namespace compress::test {
namespace {

using Values = Net::Values;

ValueId pixelShuffle(Net& net, ValueId x, int64_t block, const std::string& mode) {
  return net.op("DepthToSpace", {x}, {{"blocksize", block}, {"mode", mode}});
}

/// Reshape, Transpose, Reshape.
ValueId written(Net& net, ValueId x, int64_t block) {
  const Net::Dims d = net.dims(x);
  const int64_t channels = d[1] / (block * block);
  const ValueId apart = net.transpose(net.reshape(x, {d[0], channels, block, block, d[2], d[3]}), {0, 1, 4, 2, 5, 3});
  return net.reshape(apart, {d[0], channels, block * d[2], block * d[3]});
}

ValueId residual(Net& net, ValueId x) {
  const ValueId change = net.conv(net.relu(net.conv(x, 8, {.hasBias = true})), net.size(x, 1), {.hasBias = true});
  return net.add(x, net.mul(change, net.number(0.1F)));
}

const Net::Dims kPicture = {1, 3, 5, 5};

}  // namespace

std::vector<Architecture> superResolutionArchitectures() {
  return {
      pictureNet("espcn", {1, 1, 5, 5},
                 [](Net& net, ValueId x) -> Values {
                   const ValueId y =
                       net.op("Tanh", {net.conv(net.op("Tanh", {net.conv(x, 8, {.kernel = 5, .hasBias = true})}), 6)});
                   return {pixelShuffle(net, net.conv(y, 9), 3, "CRD")};
                 }),
      pictureNet("edsr", kPicture,
                 [](Net& net, ValueId x) -> Values {
                   const ValueId first = net.conv(x, 6);
                   const ValueId deep = net.add(first, net.conv(residual(net, residual(net, first)), 6));
                   return {net.conv(pixelShuffle(net, net.conv(deep, 20), 2, "CRD"), 3)};
                 }),
      pictureNet("edsr written out", kPicture,
                 [](Net& net, ValueId x) -> Values {
                   const ValueId deep = residual(net, net.conv(x, 6));
                   return {net.conv(written(net, net.conv(deep, 20), 2), 3)};
                 }),
      pictureNet("twice twofold", kPicture,
                 [](Net& net, ValueId x) -> Values {
                   const ValueId once = net.op("PRelu", {pixelShuffle(net, net.conv(net.conv(x, 6), 16), 2, "DCR"),
                                                         net.uniform({4, 1, 1}, 0.1, 0.3)});
                   return {net.conv(written(net, net.conv(once, 12), 2), 3)};
                 }),
      pictureNet(
          "folded and unfolded", {1, 4, 6, 6},
          [](Net& net, ValueId x) -> Values {
            const ValueId folded = net.op("SpaceToDepth", {net.relu(net.conv(x, 4))}, {{"blocksize", int64_t{2}}});
            return {net.conv(pixelShuffle(net, net.relu(net.conv(folded, 16)), 2, "DCR"), 4)};
          }),
  };
}

}  // namespace compress::test
