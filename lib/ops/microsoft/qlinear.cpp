// Quantized ops of com.microsoft: each is Dequantize, an op of the default domain, Quantize; QuantizeLinear and
// DequantizeLinear of that domain too.
#include "lib/ops/lowering.h"
#include "lib/ops/microsoft/families.h"
#include "lib/ops/microsoft/layout.h"
#include "lib/ops/rules.h"

namespace compress {
namespace {

/// Inputs `first`, `first` + 1 and `first` + 2 are a quantized tensor, its scale and zero point.
ValueId real(Lowering& node, size_t first) {
  return node.emit("DequantizeLinear", {node.input(first), node.input(first + 1), node.input(first + 2)});
}

/// Inputs `first` and `first` + 1 are the scale and zero point of the result; without a zero point it is 0.
void giveQuantized(Lowering& node, ValueId y, size_t first, DType dtype) {
  const ValueId zeroPoint = node.has(first + 1) ? node.input(first + 1) : node.scalar(0, dtype);
  node.give(0, node.emit("QuantizeLinear", {y, node.input(first), zeroPoint}));
}

template <auto op>
bool lowerBinary(Lowering& node) {
  if (node.type(0).dtype == DType::undefined) return false;
  const ValueId a = real(node, 0), b = real(node, 3);
  giveQuantized(node, node.emit(op(), {a, b}), 6, node.type(0).dtype);
  return true;
}
constexpr auto kAdd = [] { return "Add"; };
constexpr auto kMul = [] { return "Mul"; };

bool lowerSigmoid(Lowering& node) {
  if (node.type(0).dtype == DType::undefined) return false;
  giveQuantized(node, node.emit("Sigmoid", {real(node, 0)}), 3, node.type(0).dtype);
  return true;
}

bool lowerLeakyRelu(Lowering& node) {
  if (node.type(0).dtype == DType::undefined) return false;
  const ValueId x = real(node, 0);
  const float alpha = node.attributes().real("alpha", 0.01F);
  giveQuantized(node, node.emit("LeakyRelu", {x}, attributesOf({{"alpha", alpha}})), 3, node.type(0).dtype);
  return true;
}

/// Before opset 13, Softmax ran over all axes from `axis` on.
bool lowerSoftmax(Lowering& node) {
  if (!node.knowsRank(0) || node.type(0).dtype == DType::undefined) return false;
  const bool isCoerced = node.attributes().integer("opset", 13) < 13;
  const int64_t axis =
      static_cast<int64_t>(normalizedAxis(node.attributes().integer("axis", isCoerced ? 1 : -1), node.type(0).rank()));
  ValueId y = real(node, 0);
  const ValueId shape = isCoerced ? node.emit("Shape", {y}) : kNoValue;
  if (isCoerced) y = node.emit("Flatten", {y}, attributesOf({{"axis", axis}}));
  y = node.emit("Softmax", {y}, attributesOf({{"axis", isCoerced ? int64_t{1} : axis}}));
  if (isCoerced) y = node.emit("Reshape", {y, shape});
  giveQuantized(node, y, 3, node.type(0).dtype);
  return true;
}

/// A pool of x, whose channels may come last.
bool lowerPool(Lowering& node, std::string_view op) {
  const bool isLast = node.attributes().integer("channels_last", 0) != 0;
  if (node.type(0).dtype == DType::undefined || (isLast && !node.knowsRank(0))) return false;
  const size_t rank = isLast ? node.type(0).rank() : 0;
  Attributes attributes = node.attributes();
  attributes.erase("channels_last");
  ValueId x = real(node, 0);
  if (isLast) x = channelsFirst(node, x, rank);
  ValueId y = node.emit(op, {x}, std::move(attributes));
  if (isLast) y = channelsLast(node, y, rank);
  giveQuantized(node, y, 3, node.type(0).dtype);
  return true;
}

bool lowerAveragePool(Lowering& node) {
  return lowerPool(node, "AveragePool");
}
bool lowerGlobalAveragePool(Lowering& node) {
  return lowerPool(node, "GlobalAveragePool");
}

/// Inputs: scale and zero point of the result, then tensor, scale and zero point of each part.
bool lowerConcat(Lowering& node) {
  if (node.node().inputs.size() < 5) reject(node.node().inputs.size(), " inputs, expected at least 5");
  if (node.type(2).dtype == DType::undefined) return false;
  std::vector<ValueId> parts;
  for (size_t i = 2; i + 1 < node.node().inputs.size(); i += 3) parts.push_back(real(node, i));
  const int64_t axis = node.attributes().integer("axis", 0);
  giveQuantized(node, node.emit("Concat", std::move(parts), attributesOf({{"axis", axis}})), 0, node.type(2).dtype);
  return true;
}

bool lowerWhere(Lowering& node) {
  if (node.type(1).dtype == DType::undefined) return false;
  const ValueId x = real(node, 1), y = real(node, 4);
  giveQuantized(node, node.emit("Where", {node.input(0), x, y}), 7, node.type(1).dtype);
  return true;
}

/// QLinearConv with channels that may come last.
bool lowerConv(Lowering& node) {
  const bool isLast = node.attributes().integer("channels_last", 0) != 0;
  if (isLast && !node.knowsRank(0)) return false;
  Attributes attributes = node.attributes();
  attributes.erase("channels_last");
  std::vector<ValueId> inputs = node.node().inputs;
  if (isLast) inputs[0] = channelsFirst(node, inputs[0], node.type(0).rank());
  const ValueId y = node.emit("QLinearConv", std::move(inputs), std::move(attributes));
  node.give(0, isLast ? channelsLast(node, y, node.type(0).rank()) : y);
  return true;
}

bool lowerQuantize(Lowering& node) {
  node.give(0, node.emit("QuantizeLinear", node.node().inputs, node.attributes()));
  return true;
}
bool lowerDequantize(Lowering& node) {
  node.give(0, node.emit("DequantizeLinear", node.node().inputs, node.attributes()));
  return true;
}

}  // namespace

std::vector<OpSpec> microsoftQLinearOps() {
  return {
      lowered("QLinearAdd", kMicrosoft, lowerBinary<kAdd>, "Quantize(Dequantize(a) + Dequantize(b))"),
      lowered("QLinearMul", kMicrosoft, lowerBinary<kMul>, "Quantize(Dequantize(a) Dequantize(b))"),
      lowered("QLinearSigmoid", kMicrosoft, lowerSigmoid, "Quantize(Sigmoid(Dequantize(x)))"),
      lowered("QLinearLeakyRelu", kMicrosoft, lowerLeakyRelu, "Quantize(LeakyRelu(Dequantize(x)))"),
      lowered("QLinearSoftmax", kMicrosoft, lowerSoftmax, "Quantize(Softmax(Dequantize(x)))"),
      lowered("QLinearAveragePool", kMicrosoft, lowerAveragePool, "Quantize(AveragePool(Dequantize(x)))"),
      lowered("QLinearGlobalAveragePool", kMicrosoft, lowerGlobalAveragePool,
              "Quantize(GlobalAveragePool(Dequantize(x)))"),
      lowered("QLinearConcat", kMicrosoft, lowerConcat, "Quantize(Concat(Dequantize(x), ...))"),
      lowered("QLinearWhere", kMicrosoft, lowerWhere, "Quantize(Where(c, Dequantize(x), Dequantize(y)))"),
      lowered("QLinearConv", kMicrosoft, lowerConv, "QLinearConv with channels that may come last"),
      lowered("QuantizeLinear", kMicrosoft, lowerQuantize, "y = saturate(round(x / scale) + zero point)"),
      lowered("DequantizeLinear", kMicrosoft, lowerDequantize, "y = (x - zero point) scale"),
  };
}

}  // namespace compress
