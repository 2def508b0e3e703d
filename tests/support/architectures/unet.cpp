// U-Net and other nets that go down and up again: skips joined, added or gated, decoders of all kinds.
#include "tests/support/architectures.h"

namespace compress::test {
namespace {

using Values = Net::Values;

ValueId twice(Net& net, ValueId x, int64_t outputs) {
  return net.convNormRelu(net.convNormRelu(x, outputs), outputs);
}

ValueId transposed(Net& net, ValueId x, int64_t outputs, int64_t groups = 1) {
  const ValueId w = net.weight({net.size(x, 1), outputs / groups, 2, 2}, net.size(x, 1));
  return net.op("ConvTranspose", {x, w, net.normal({outputs}, 0.3)}, {{"strides", Net::Dims{2, 2}}, {"group", groups}});
}

ValueId upsampled(Net& net, ValueId x) {
  return net.op(
      "Resize",
      {x, kNoValue, net.uniform({1}, 0, 0), net.ints({1, net.size(x, 1), 2 * net.size(x, 2), 2 * net.size(x, 3)})},
      {{"mode", std::string("linear")}});
}

/// `scales` as an operand, as for nearest neighbours.
ValueId enlarged(Net& net, ValueId x) {
  return net.op("Resize", {x, kNoValue, net.numbers({1, 1, 2, 2})});
}

ValueId gated(Net& net, ValueId skip, ValueId guide) {
  const ValueId sum = net.relu(net.add(net.pointwise(skip, 4), net.pointwise(guide, 4)));
  return net.mul(skip, net.op("Sigmoid", {net.conv(sum, 1, {.kernel = 1, .hasBias = true})}));
}

const Net::Dims kPicture = {1, 3, 8, 8};

}  // namespace

std::vector<Architecture> unetArchitectures() {
  return {
      pictureNet("unet", kPicture,
                 [](Net& net, ValueId x) -> Values {
                   const ValueId top = twice(net, x, 4), deep = twice(net, net.maxPool(top), 8);
                   return {net.pointwise(twice(net, net.concat({top, transposed(net, deep, 4)}), 4), 2)};
                 }),
      pictureNet("unet resized", kPicture,
                 [](Net& net, ValueId x) -> Values {
                   const ValueId top = twice(net, x, 4), deep = twice(net, net.maxPool(top), 8);
                   return {net.pointwise(twice(net, net.concat({upsampled(net, deep), top}), 4), 2)};
                 }),
      pictureNet("linknet", kPicture,
                 [](Net& net, ValueId x) -> Values {
                   const ValueId top = twice(net, x, 4), deep = twice(net, net.maxPool(top), 8);
                   return {net.pointwise(net.add(top, net.relu(transposed(net, deep, 4))), 2)};
                 }),
      pictureNet("attention unet", kPicture,
                 [](Net& net, ValueId x) -> Values {
                   const ValueId top = twice(net, x, 4), up = transposed(net, twice(net, net.maxPool(top), 8), 6);
                   return {net.pointwise(twice(net, net.concat({gated(net, top, up), up}), 4), 2)};
                 }),
      pictureNet("autoencoder", kPicture,
                 [](Net& net, ValueId x) -> Values {
                   const ValueId code =
                       net.relu(net.gemm(net.op("Flatten", {net.maxPool(net.relu(net.conv(x, 4)))}), 6));
                   const ValueId back = net.reshape(net.relu(net.gemm(code, 4 * 4 * 4)), {1, 4, 4, 4});
                   return {net.op("Sigmoid", {transposed(net, back, 3)})};
                 }),
      pictureNet("generator", {1, 6},
                 [](Net& net, ValueId x) -> Values {
                   ValueId y = net.reshape(net.linear(x, 8 * 2 * 2, false), {1, 8, 2, 2});
                   y = transposed(net, net.relu(net.norm(y)), 6, 2);
                   return {net.op("Tanh", {transposed(net, net.relu(net.norm(y)), 3)})};
                 }),
      pictureNet("deeplab", kPicture,
                 [](Net& net, ValueId x) -> Values {
                   x = net.convNormRelu(x, 6);
                   const Net::Dims size = {1, 4, net.size(x, 2), net.size(x, 3)};
                   const ValueId pooled =
                       net.op("Expand", {net.convNormRelu(net.globalPool(x), 4, {.kernel = 1}), net.ints(size)});
                   const ValueId joined =
                       net.concat({net.convNormRelu(x, 4, {.kernel = 1}), net.convNormRelu(x, 4, {.dilation = 2}),
                                   net.convNormRelu(x, 4, {.dilation = 3}), pooled});
                   return {net.pointwise(net.convNormRelu(joined, 6, {.kernel = 1}), 3)};
                 }),
      pictureNet("hourglass", kPicture,
                 [](Net& net, ValueId x) -> Values {
                   x = net.convNormRelu(x, 6);
                   const ValueId inner = net.convNormRelu(net.maxPool(x), 6);
                   return {net.pointwise(net.add(net.convNormRelu(x, 6), enlarged(net, inner)), 4)};
                 }),
  };
}

}  // namespace compress::test
