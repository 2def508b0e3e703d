// ResNet, its relatives with groups (ResNeXt, RegNet), splits (Res2Net), squeeze-and-excitation and other shortcuts.
#include "tests/support/architectures.h"

namespace compress::test {
namespace {

using Values = Net::Values;
enum class Shortcut { projection, padded };

ValueId squeeze(Net& net, ValueId x) {
  const ValueId small = net.relu(net.conv(net.globalPool(x), 4, {.kernel = 1, .hasBias = true}));
  return net.mul(x, net.op("Sigmoid", {net.conv(small, net.size(x, 1), {.kernel = 1, .hasBias = true})}));
}

ValueId shortcut(Net& net, ValueId x, int64_t outputs, int64_t stride, Shortcut kind) {
  if (net.size(x, 1) == outputs && stride == 1) return x;
  if (kind == Shortcut::projection) return net.norm(net.conv(x, outputs, {.kernel = 1, .stride = stride}));
  const ValueId thin =
      net.op("Slice", {x, net.ints({0, 0}), net.ints({1000, 1000}), net.ints({2, 3}), net.ints({stride, stride})});
  const int64_t more = outputs - net.size(x, 1);
  return net.op("Pad", {thin, net.ints({0, more / 2, 0, 0, 0, more - more / 2, 0, 0})});
}

ValueId basicBlock(Net& net, ValueId x, int64_t outputs, int64_t stride, Shortcut kind = Shortcut::projection) {
  const ValueId first = net.convNormRelu(x, outputs, {.stride = stride});
  return net.relu(net.add(net.norm(net.conv(first, outputs)), shortcut(net, x, outputs, stride, kind)));
}

struct Bottleneck {
  int64_t width = 4, outputs = 12, stride = 1, groups = 1;
  bool squeezes = false;
};

ValueId bottleneckBlock(Net& net, ValueId x, const Bottleneck& shape) {
  ValueId y = net.convNormRelu(x, shape.width, {.kernel = 1});
  y = net.convNormRelu(y, shape.width, {.stride = shape.stride, .groups = shape.groups});
  if (shape.squeezes) y = squeeze(net, y);
  y = net.norm(net.conv(y, shape.outputs, {.kernel = 1}));
  return net.relu(net.add(y, shortcut(net, x, shape.outputs, shape.stride, Shortcut::projection)));
}

ValueId preactivated(Net& net, ValueId x, int64_t outputs) {
  const ValueId active = net.relu(net.norm(x));
  const ValueId y = net.conv(net.relu(net.norm(net.conv(active, outputs))), outputs);
  return net.add(y, net.size(x, 1) == outputs ? x : net.pointwise(active, outputs));
}

/// Each part sees the one before it as well.
ValueId res2Block(Net& net, ValueId x, int64_t scale) {
  const int64_t each = 3;
  const Values parts =
      net.split(net.convNormRelu(x, scale * each, {.kernel = 1}), Net::Dims(static_cast<size_t>(scale), each));
  Values done = {parts[0]};
  for (size_t i = 1; i < parts.size(); ++i)
    done.push_back(net.convNormRelu(i == 1 ? parts[i] : net.add(parts[i], done.back()), each));
  return net.relu(net.add(net.norm(net.pointwise(net.concat(done), net.size(x, 1))), x));
}

const Net::Dims kPicture = {1, 3, 8, 8};

}  // namespace

std::vector<Architecture> resnetArchitectures() {
  return {
      pictureNet("resnet basic", kPicture,
                 [](Net& net, ValueId x) -> Values {
                   x = basicBlock(net, basicBlock(net, net.convNormRelu(x, 6), 6, 1), 8, 2);
                   return {net.classifier(basicBlock(net, x, 8, 1))};
                 }),
      pictureNet("resnet with padded shortcuts", kPicture,
                 [](Net& net, ValueId x) -> Values {
                   x = basicBlock(net, net.convNormRelu(x, 6), 6, 1);
                   return {net.classifier(basicBlock(net, x, 12, 2, Shortcut::padded))};
                 }),
      pictureNet("resnet bottleneck", kPicture,
                 [](Net& net, ValueId x) -> Values {
                   x = bottleneckBlock(net, net.maxPool(net.convNormRelu(x, 6, {.kernel = 7, .stride = 2}), 3, 1, 1),
                                       {});
                   return {net.classifier(bottleneckBlock(net, x, {}))};
                 }),
      pictureNet("resnet preactivated", kPicture,
                 [](Net& net, ValueId x) -> Values {
                   x = preactivated(net, preactivated(net, net.conv(x, 6), 8), 8);
                   return {net.classifier(net.relu(net.norm(x)))};
                 }),
      pictureNet("resnext", kPicture,
                 [](Net& net, ValueId x) -> Values {
                   x = bottleneckBlock(net, net.convNormRelu(x, 6), {.width = 8, .groups = 4});
                   return {net.classifier(bottleneckBlock(net, x, {.width = 8, .groups = 2}))};
                 }),
      pictureNet("se-resnet", kPicture,
                 [](Net& net, ValueId x) -> Values {
                   return {net.classifier(bottleneckBlock(net, net.convNormRelu(x, 6), {.squeezes = true}))};
                 }),
      pictureNet("regnet x", kPicture,
                 [](Net& net, ValueId x) -> Values {
                   x = bottleneckBlock(net, net.convNormRelu(x, 6),
                                       {.width = 12, .outputs = 12, .stride = 2, .groups = 3});
                   return {net.classifier(bottleneckBlock(net, x, {.width = 12, .outputs = 12, .groups = 3}))};
                 }),
      pictureNet(
          "regnet y", kPicture,
          [](Net& net, ValueId x) -> Values {
            return {net.classifier(bottleneckBlock(
                net, net.convNormRelu(x, 6), {.width = 8, .outputs = 8, .stride = 2, .groups = 2, .squeezes = true}))};
          }),
      pictureNet(
          "res2net of two", kPicture,
          [](Net& net, ValueId x) -> Values { return {net.classifier(res2Block(net, net.convNormRelu(x, 6), 2))}; }),
      pictureNet(
          "res2net of four", kPicture,
          [](Net& net, ValueId x) -> Values { return {net.classifier(res2Block(net, net.convNormRelu(x, 6), 4))}; }),
  };
}

}  // namespace compress::test
