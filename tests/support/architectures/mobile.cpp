// MobileNet 1 to 3, EfficientNet, MnasNet, GhostNet, ConvNeXt: depthwise convolutions, squeeze-and-excitation.
#include "tests/support/architectures.h"

namespace compress::test {
namespace {

using Values = Net::Values;
using Activation = ValueId (*)(Net&, ValueId);

ValueId relu6(Net& net, ValueId x) {
  return net.op("Clip", {x, net.number(0), net.number(6)});
}
ValueId hardSwish(Net& net, ValueId x) {
  return net.op("HardSwish", {x});
}
/// x * clip(x + 3, 0, 6) / 6, as exporters write it.
ValueId writtenHardSwish(Net& net, ValueId x) {
  return net.op("Div", {net.mul(x, relu6(net, net.add(x, net.number(3)))), net.number(6)});
}
ValueId swish(Net& net, ValueId x) {
  return net.swish(x);
}

struct Inverted {
  int64_t expanded = 12, outputs = 6, stride = 1, kernel = 3;
  Activation activation = relu6;
  bool squeezes = false, isFused = false;
};

ValueId squeeze(Net& net, ValueId x, Activation gate) {
  const ValueId small = net.relu(net.conv(net.globalPool(x), 3, {.kernel = 1, .hasBias = true}));
  return net.mul(gate(net, net.conv(small, net.size(x, 1), {.kernel = 1, .hasBias = true})), x);
}

ValueId sigmoid(Net& net, ValueId x) {
  return net.op("Sigmoid", {x});
}
ValueId hardSigmoid(Net& net, ValueId x) {
  return net.op("HardSigmoid", {x});
}

ValueId inverted(Net& net, ValueId x, const Inverted& shape) {
  ValueId y = x;
  if (shape.isFused) {
    y = shape.activation(net, net.norm(net.conv(y, shape.expanded, {.stride = shape.stride})));
  } else {
    y = shape.activation(net, net.norm(net.pointwise(y, shape.expanded)));
    y = shape.activation(net, net.norm(net.depthwise(y, shape.kernel, shape.stride)));
  }
  if (shape.squeezes) y = squeeze(net, y, shape.activation == swish ? sigmoid : hardSigmoid);
  y = net.norm(net.pointwise(y, shape.outputs));
  return shape.stride == 1 && net.size(x, 1) == shape.outputs ? net.add(x, y) : y;
}

ValueId stem(Net& net, ValueId x, Activation activation) {
  return activation(net, net.norm(net.conv(x, 6, {.stride = 2})));
}

ValueId separable(Net& net, ValueId x, int64_t outputs, int64_t stride) {
  return net.convNormRelu(net.relu(net.norm(net.depthwise(x, 3, stride))), outputs, {.kernel = 1});
}

/// Half of the channels are cheap copies of the other half.
ValueId ghost(Net& net, ValueId x, int64_t half) {
  const ValueId primary = net.convNormRelu(x, half, {.kernel = 1});
  return net.concat({primary, net.relu(net.norm(net.depthwise(primary)))});
}

/// Depthwise 7x7, LayerNorm over channels last, MLP, scale per channel.
ValueId convNext(Net& net, ValueId x, bool hasResponseNorm) {
  ValueId y = net.transpose(net.conv(x, net.size(x, 1), {.kernel = 7, .groups = net.size(x, 1), .hasBias = true}),
                            {0, 2, 3, 1});
  const int64_t width = net.dims(y)[3];
  y = net.gelu(net.linear(net.layerNorm(y), 2 * width));
  if (hasResponseNorm) {
    const ValueId strength = net.op("ReduceL2", {y}, {{"axes", Net::Dims{1, 2}}});
    const ValueId mean = net.op("ReduceMean", {strength}, {{"axes", Net::Dims{3}}});
    const ValueId relative = net.op("Div", {strength, net.add(mean, net.number(1e-6F))});
    y = net.add(net.mul(net.mul(y, relative), net.normal({2 * width}, 0.5)), y);
  }
  y = net.mul(net.linear(y, width), net.uniform({width}, 0.1, 0.5));
  return net.add(x, net.transpose(y, {0, 3, 1, 2}));
}

const Net::Dims kPicture = {1, 3, 8, 8};

}  // namespace

std::vector<Architecture> mobileArchitectures() {
  return {
      pictureNet("mobilenet 1", kPicture,
                 [](Net& net, ValueId x) -> Values {
                   return {net.classifier(separable(net, separable(net, stem(net, x, relu6), 8, 1), 12, 2))};
                 }),
      pictureNet("mobilenet 2", kPicture,
                 [](Net& net, ValueId x) -> Values {
                   x = inverted(net, inverted(net, stem(net, x, relu6), {}), {.outputs = 8, .stride = 2});
                   return {net.classifier(relu6(net, net.norm(net.pointwise(x, 16))))};
                 }),
      pictureNet("mobilenet 3", kPicture,
                 [](Net& net, ValueId x) -> Values {
                   x = inverted(net, stem(net, x, hardSwish), {.kernel = 5, .activation = hardSwish, .squeezes = true});
                   x = hardSwish(net, net.norm(net.pointwise(x, 16)));
                   return {net.gemm(hardSwish(net, net.gemm(net.op("Flatten", {net.globalPool(x)}), 12)), 5)};
                 }),
      pictureNet("mobilenet 3 written out", kPicture,
                 [](Net& net, ValueId x) -> Values {
                   x = inverted(net, stem(net, x, writtenHardSwish),
                                {.activation = writtenHardSwish, .squeezes = true});
                   return {net.classifier(writtenHardSwish(net, net.norm(net.pointwise(x, 16))))};
                 }),
      pictureNet("efficientnet", kPicture,
                 [](Net& net, ValueId x) -> Values {
                   x = inverted(net, stem(net, x, swish), {.kernel = 5, .activation = swish, .squeezes = true});
                   return {net.classifier(swish(net, net.norm(net.pointwise(x, 16))))};
                 }),
      pictureNet("efficientnet 2", kPicture,
                 [](Net& net, ValueId x) -> Values {
                   x = inverted(net, stem(net, x, swish), {.activation = swish, .isFused = true});
                   return {net.classifier(inverted(net, x, {.activation = swish, .squeezes = true}))};
                 }),
      pictureNet("ghostnet", kPicture,
                 [](Net& net, ValueId x) -> Values {
                   x = net.convNormRelu(x, 6);
                   return {net.classifier(net.add(x, ghost(net, ghost(net, x, 5), 3)))};
                 }),
      pictureNet("convnext", kPicture,
                 [](Net& net, ValueId x) -> Values {
                   return {net.classifier(convNext(net, convNext(net, net.conv(x, 6, {.kernel = 1}), false), false))};
                 }),
      pictureNet("convnext 2", kPicture,
                 [](Net& net, ValueId x) -> Values {
                   return {net.classifier(convNext(net, net.conv(x, 6, {.kernel = 1}), true))};
                 }),
  };
}

}  // namespace compress::test
