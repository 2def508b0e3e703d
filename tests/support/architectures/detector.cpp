// Detectors: YOLO of several generations, feature pyramids, SSD heads.
#include "tests/support/architectures.h"

namespace compress::test {
namespace {

using Values = Net::Values;

ValueId unit(Net& net, ValueId x, int64_t outputs, const Net::ConvShape& shape = {}) {
  return net.swish(net.norm(net.conv(x, outputs, shape)));
}

ValueId enlarged(Net& net, ValueId x) {
  return net.op("Resize", {x, kNoValue, net.numbers({1, 1, 2, 2})});
}

/// Every second place of rows and columns, four times.
ValueId focus(Net& net, ValueId x) {
  const auto part = [&](int64_t row, int64_t column) {
    return net.slice(net.slice(x, 2, row, 1000, 2), 3, column, 1000, 2);
  };
  return net.concat({part(0, 0), part(1, 0), part(0, 1), part(1, 1)});
}

ValueId crossStage(Net& net, ValueId x, int64_t outputs) {
  const ValueId a = unit(net, x, outputs / 2, {.kernel = 1}), b = unit(net, x, outputs / 2, {.kernel = 1});
  const ValueId deep = net.add(a, unit(net, unit(net, a, outputs / 2, {.kernel = 1}), outputs / 2));
  return unit(net, net.concat({deep, b}), outputs, {.kernel = 1});
}

/// Split in two, chained blocks, everything joined.
ValueId splitStage(Net& net, ValueId x, int64_t outputs) {
  const int64_t half = outputs / 2;
  Values parts = net.split(unit(net, x, outputs, {.kernel = 1}), {half, half});
  parts.push_back(net.add(parts[1], unit(net, unit(net, parts[1], half), half)));
  parts.push_back(unit(net, parts[2], half));
  return unit(net, net.concat(parts), outputs, {.kernel = 1});
}

ValueId pyramidPool(Net& net, ValueId x) {
  const ValueId thin = unit(net, x, 4, {.kernel = 1});
  const ValueId a = net.maxPool(thin, 3, 1, 1), b = net.maxPool(a, 3, 1, 1);
  return unit(net, net.concat({thin, a, b, net.maxPool(b, 3, 1, 1)}), net.size(x, 1), {.kernel = 1});
}

/// [1, anchors * 7, H, W] -> [1, anchors * H * W, 7].
ValueId anchored(Net& net, ValueId x, int64_t anchors) {
  const Net::Dims d = net.dims(x);
  const ValueId apart = net.transpose(net.reshape(x, {1, anchors, d[1] / anchors, d[2], d[3]}), {0, 1, 3, 4, 2});
  return net.op("Sigmoid", {net.reshape(apart, {1, -1, d[1] / anchors})});
}

ValueId decoupled(Net& net, ValueId x) {
  const ValueId thin = unit(net, x, 6, {.kernel = 1}), classes = unit(net, thin, 6), boxes = unit(net, thin, 6);
  const ValueId joined = net.concat({net.conv(boxes, 4, {.kernel = 1, .hasBias = true}),
                                     net.op("Sigmoid", {net.conv(boxes, 1, {.kernel = 1, .hasBias = true})}),
                                     net.op("Sigmoid", {net.conv(classes, 3, {.kernel = 1, .hasBias = true})})});
  return net.reshape(joined, {1, 8, -1});
}

const Net::Dims kPicture = {1, 3, 16, 16};

}  // namespace

std::vector<Architecture> detectorArchitectures() {
  return {
      pictureNet("yolo 3", kPicture,
                 [](Net& net, ValueId x) -> Values {
                   const ValueId early = net.op("LeakyRelu", {net.norm(net.conv(x, 6, {.stride = 2}))});
                   const ValueId late = net.op("LeakyRelu", {net.norm(net.conv(early, 8, {.stride = 2}))});
                   const ValueId up = enlarged(net, net.op("LeakyRelu", {net.norm(net.pointwise(late, 4))}));
                   return {net.conv(late, 14, {.kernel = 1, .hasBias = true}),
                           net.conv(net.concat({up, early}), 14, {.kernel = 1, .hasBias = true})};
                 }),
      pictureNet("yolo 5", kPicture,
                 [](Net& net, ValueId x) -> Values {
                   const ValueId early = crossStage(net, unit(net, x, 6, {.stride = 2}), 8);
                   const ValueId late = pyramidPool(net, unit(net, early, 8, {.stride = 2}));
                   const ValueId up = crossStage(net, net.concat({enlarged(net, late), early}), 8);
                   return {net.concat({anchored(net, net.conv(up, 14, {.kernel = 1, .hasBias = true}), 2),
                                       anchored(net, net.conv(late, 14, {.kernel = 1, .hasBias = true}), 2)})};
                 }),
      pictureNet("yolo 8", kPicture,
                 [](Net& net, ValueId x) -> Values {
                   const ValueId early = splitStage(net, unit(net, x, 6, {.stride = 2}), 8);
                   return {decoupled(net, splitStage(net, unit(net, early, 8, {.stride = 2}), 8))};
                 }),
      pictureNet("yolox", kPicture,
                 [](Net& net, ValueId x) -> Values {
                   const ValueId early = crossStage(net, unit(net, focus(net, x), 8), 8);
                   const ValueId late = crossStage(net, unit(net, early, 8, {.stride = 2}), 8);
                   return {net.transpose(net.concat({decoupled(net, early), decoupled(net, late)}, 2), {0, 2, 1})};
                 }),
      pictureNet("feature pyramid", kPicture,
                 [](Net& net, ValueId x) -> Values {
                   const ValueId early = net.convNormRelu(x, 6, {.stride = 2}),
                                 late = net.convNormRelu(early, 8, {.stride = 2});
                   const ValueId top = net.pointwise(late, 6),
                                 sum = net.add(net.pointwise(early, 6), enlarged(net, top));
                   return {net.conv(net.relu(net.conv(sum, 6)), 4), net.conv(net.relu(net.conv(top, 6)), 4)};
                 }),
      pictureNet("single shot", kPicture,
                 [](Net& net, ValueId x) -> Values {
                   const ValueId early = net.convNormRelu(x, 6, {.stride = 2}),
                                 late = net.convNormRelu(early, 8, {.stride = 2});
                   const auto head = [&](ValueId at) {
                     return net.reshape(net.transpose(net.conv(at, 8), {0, 2, 3, 1}), {1, -1, 4});
                   };
                   return {net.op("Softmax", {net.concat({head(early), head(late)})}, {{"axis", int64_t{2}}})};
                 }),
  };
}

}  // namespace compress::test
