// Matrix products of quantized operands: MatMulNBits, QGemm, DynamicQuantizeMatMul, MatMulIntegerToFloat, and the LSTM
// of 8-bit weights.
#include "lib/ops/access.h"
#include "lib/ops/lowering.h"
#include "lib/ops/microsoft/families.h"
#include "lib/ops/rules.h"

namespace compress {
namespace {

// MatMulNBits ---------------------------------------------------------------------------------------------------------

struct NBits {
  int64_t bits, block, inputs, outputs;
  explicit NBits(const Node& node)
      : bits(node.attributes.integer("bits", 4)),
        block(node.attributes.integer("block_size", 0)),
        inputs(node.attributes.integer("K", 0)),
        outputs(node.attributes.integer("N", 0)) {
    if (bits != 2 && bits != 4 && bits != 8) reject("bits is ", bits, ", expected 2, 4 or 8");
    if (block < 1 || inputs < 1 || outputs < 1) reject("block_size, K or N is missing or below 1");
  }
  int64_t blocks() const { return (inputs + block - 1) / block; }
  DType dtype() const { return bits == 8 ? DType::u8 : bits == 4 ? DType::u4 : DType::u2; }
};

void inferNBits(InferContext& context) {
  requireInputs(context, 3);
  const NBits form(context.node);
  sameAsFirst(context);
  if (!context.outputs[0].hasRank()) return;
  if (context.outputs[0].rank() == 0) reject("A is a scalar");
  merged(context.outputs[0].dims->back(), Dim::of(form.inputs));
  context.outputs[0].dims->back() = Dim::of(form.outputs);
}

/// Integers that stand packed in bytes, as a tensor of their own type; each of `rows` rows begins with a byte.
Tensor unpacked(const Tensor& packed, DType dtype, int64_t rows, int64_t columns) {
  const int64_t perByte = 8 / bitsOf(dtype), padded = (columns + perByte - 1) / perByte * perByte;
  if (static_cast<int64_t>(packed.raw().size()) != rows * padded / perByte)
    reject("packed integers of ", print(packed.shape()), ", expected ", rows, " rows of ", columns);
  const Tensor all(dtype, Shape{rows, padded}, packed.bytes());
  if (padded == columns) return all;
  Buffer cut(dtype, Shape{rows, columns});
  copyStrided(all, 0, stridesOf(all.shape()), cut);
  return std::move(cut).freeze();
}

/// Zero points may be packed integers, floats, or absent: the middle of the range.
ValueId weightsOf(Lowering& node, const NBits& form) {
  enum Input : size_t { kPacked = 1, kScales, kZeroPoints };
  const int64_t columns = form.blocks() * form.block;
  const ValueId q = node.constant(unpacked(*node.constant(kPacked), form.dtype(), form.outputs, columns));
  const ValueId shape = node.integers({form.outputs, form.blocks()});
  const ValueId scales = node.emit("Reshape", {node.input(kScales), shape});
  const Attributes attributes = attributesOf({{"axis", int64_t{1}}, {"block_size", form.block}});
  const Tensor* zeroPoints = node.constant(kZeroPoints);
  if (zeroPoints != nullptr && isFloating(zeroPoints->dtype())) {
    const auto spread = [&](ValueId perBlock) {
      const ValueId column = node.emit("Unsqueeze", {perBlock, node.integers({2})});
      const ValueId wide = node.emit("Expand", {column, node.integers({form.outputs, form.blocks(), form.block})});
      return node.emit("Reshape", {wide, node.integers({form.outputs, columns})});
    };
    const ValueId offsets = spread(node.emit("Reshape", {node.input(kZeroPoints), shape}));
    const ValueId steps = node.emit("Cast", {q}, attributesOf({{"to", static_cast<int64_t>(zeroPoints->dtype())}}));
    return node.emit("Mul", {node.emit("Sub", {steps, offsets}), spread(scales)});
  }
  Buffer middle(form.dtype(), Shape{form.outputs, form.blocks()});
  const std::vector<int64_t> halves(static_cast<size_t>(middle.elementCount()), int64_t{1} << (form.bits - 1));
  store(std::span<const int64_t>(halves), middle);
  const Tensor offsets = zeroPoints != nullptr ? unpacked(*zeroPoints, form.dtype(), form.outputs, form.blocks())
                                               : std::move(middle).freeze();
  return node.emit("DequantizeLinear", {q, scales, node.constant(offsets)}, attributes);
}

/// The packed weights must be constant, as they are in every file.
bool lowerNBits(Lowering& node) {
  const NBits form(node.node());
  if (node.constant(1) == nullptr || (node.has(3) && node.constant(3) == nullptr)) return false;
  if (node.has(4)) throw Error(ErrorKind::unsupported, "g_idx is not supported");
  if (node.attributes().integer("weight_prepacked", 0) != 0)
    throw Error(ErrorKind::unsupported, "weights packed for one device are not supported");
  ValueId w = weightsOf(node, form);
  if (form.blocks() * form.block != form.inputs)
    w = node.emit("Slice", {w, node.integers({0}), node.integers({form.inputs}), node.integers({1})});
  w = node.emit("Transpose", {w}, attributesOf({{"perm", std::vector<int64_t>{1, 0}}}));
  ValueId y = node.emit("MatMul", {node.input(0), w});
  if (node.has(5)) y = node.emit("Add", {y, node.input(5)});
  node.give(0, y);
  return true;
}

// 8-bit products ------------------------------------------------------------------------------------------------------

ValueId toFloat(Lowering& node, ValueId x) {
  return node.emit("Cast", {x}, attributesOf({{"to", static_cast<int64_t>(DType::f32)}}));
}

/// (a - zero point) (b - zero point) in int32, times the scales, plus a bias where there is one.
ValueId scaledProduct(Lowering& node, const std::vector<ValueId>& operands, ValueId aScale, ValueId bScale,
                      ValueId bias) {
  const ValueId sums = toFloat(node, node.emit("MatMulInteger", operands));
  const ValueId y = node.emit("Mul", {sums, node.emit("Mul", {aScale, bScale})});
  return bias ? node.emit("Add", {y, bias}) : y;
}

bool lowerDynamicQuantizeMatMul(Lowering& node) {
  const auto a = node.emitMany("DynamicQuantizeLinear", {node.input(0)}, 3);
  node.give(0, scaledProduct(node, {a[0], node.input(1), a[2], node.input(3)}, a[1], node.input(2), node.input(4)));
  return true;
}

bool lowerMatMulIntegerToFloat(Lowering& node) {
  node.give(0, scaledProduct(node, {node.input(0), node.input(1), node.input(4), node.input(5)}, node.input(2),
                             node.input(3), node.input(6)));
  return true;
}

/// alpha a b + c, where c counts in steps of alpha times both scales; quantized where the result has a scale.
bool lowerQGemm(Lowering& node) {
  enum Input : size_t { kA, kAScale, kAZero, kB, kBScale, kBZero, kC, kYScale, kYZero };
  if (!node.knowsRank(kBScale)) return false;
  const Attributes& attributes = node.attributes();
  const int64_t columns = attributes.integer("transB", 0) != 0 ? 0 : 1;
  const ValueId a = node.emit("DequantizeLinear", {node.input(kA), node.input(kAScale), node.input(kAZero)});
  const ValueId b = node.emit("DequantizeLinear", {node.input(kB), node.input(kBScale), node.input(kBZero)},
                              attributesOf({{"axis", columns}}));
  ValueId y = node.emit("Gemm", {a, b}, attributes);
  if (node.has(kC)) {
    const double alpha = static_cast<double>(attributes.real("alpha", 1));
    const ValueId step = node.emit(
        "Mul", {node.emit("Mul", {node.input(kAScale), node.input(kBScale)}), node.scalar(alpha, DType::f32)});
    y = node.emit("Add", {y, node.emit("Mul", {toFloat(node, node.input(kC)), step})});
  }
  node.give(0, node.has(kYScale) ? node.emit("QuantizeLinear", {y, node.input(kYScale), node.input(kYZero)}) : y);
  return true;
}

// DynamicQuantizeLSTM -------------------------------------------------------------------------------------------------

/// Weights [directions, inputs, 4 * hidden] with a scale per direction, or per direction and column, as an LSTM wants
/// them: real, [directions, 4 * hidden, inputs].
ValueId recurrentWeights(Lowering& node, size_t weights, size_t scale) {
  const auto aligned = [&](ValueId x) {
    const bool isPerColumn = node.type(scale).rank() == 2;
    return node.emit("Unsqueeze",
                     {x, node.integers(isPerColumn ? std::vector<int64_t>{1} : std::vector<int64_t>{1, 2})});
  };
  const ValueId steps =
      node.emit("Sub", {toFloat(node, node.input(weights)), aligned(toFloat(node, node.input(scale + 1)))});
  const ValueId real = node.emit("Mul", {steps, aligned(node.input(scale))});
  return node.emit("Transpose", {real}, attributesOf({{"perm", std::vector<int64_t>{0, 2, 1}}}));
}

/// The weights are dequantized; inputs and states stay as they are, which other tools quantize on the way.
bool lowerDynamicQuantizeLstm(Lowering& node) {
  enum Input : size_t { kX, kW, kR, kB, kLengths, kH, kC, kP, kWScale, kWZero, kRScale, kRZero };
  if (!node.knowsRank(kWScale) || !node.knowsRank(kRScale)) return false;
  const ValueId w = recurrentWeights(node, kW, kWScale), r = recurrentWeights(node, kR, kRScale);
  const auto results = node.emitMany(
      "LSTM",
      {node.input(kX), w, r, node.input(kB), node.input(kLengths), node.input(kH), node.input(kC), node.input(kP)}, 3,
      node.attributes());
  for (size_t i = 0; i < results.size(); ++i) node.give(i, results[i]);
  return true;
}

}  // namespace

std::vector<OpSpec> microsoftMatMulOps() {
  return {
      {"MatMulNBits", kMicrosoft, inferNBits, runLowered, {}, "a w^T + bias, with w in blocks of few bits", lowerNBits},
      lowered("QGemm", kMicrosoft, lowerQGemm, "Gemm of 8-bit operands, quantized or not"),
      lowered("DynamicQuantizeMatMul", kMicrosoft, lowerDynamicQuantizeMatMul, "a quantized on the way, times 8-bit b"),
      lowered("MatMulIntegerToFloat", kMicrosoft, lowerMatMulIntegerToFloat,
              "MatMulInteger times the scales, plus bias"),
      lowered("DynamicQuantizeLSTM", kMicrosoft, lowerDynamicQuantizeLstm, "LSTM of 8-bit weights"),
  };
}

}  // namespace compress
