// Generators of the groups of operators that fusions look for, and of neighbours that must stop them.
#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>

#include "lib/base/text.h"
#include "tests/support/build.h"
#include "tests/support/random_graph.h"

namespace compress::test {
namespace {

using Op = std::string_view;
using Integers = std::vector<int64_t>;

/// Applies `op` to the value that is there.
ValueId then(GraphAuthor& a, Op op, std::vector<ValueId> inputs, std::vector<GraphAuthor::Attribute> attributes = {}) {
  if (std::ranges::any_of(inputs, [](ValueId id) { return !id; })) return kNoValue;
  return a.node(op, std::move(inputs), std::move(attributes));
}

/// One value in eight is kept too, so that it has another reader and must stay.
ValueId passing(GraphAuthor& a, ValueId id) {
  if (id && a.oneIn(8)) a.keep(id);
  return id;
}

ValueId image(GraphAuthor& a) {
  return a.source(DType::f32, 4, 4);
}

/// [C, 1, 1] or one element.
ValueId perChannel(GraphAuthor& a, ValueId x) {
  return a.oneIn(4) ? a.constant(DType::f32, Shape{}, 0.5, 1.5)
                    : a.constant(DType::f32, Shape{a.shapeOf(x)[1], 1, 1}, 0.5, 1.5);
}

ValueId sameConv(GraphAuthor& a, ValueId x, int64_t outputs) {
  const int64_t channels = a.shapeOf(x)[1], size = a.pick({1, 3});
  const double reach = 1.5 / std::sqrt(static_cast<double>(channels * size * size));
  std::vector<ValueId> inputs = {x, a.constant(DType::f32, Shape{outputs, channels, size, size}, -reach, reach)};
  if (a.oneIn(2)) inputs.push_back(a.constant(DType::f32, Shape{outputs}));
  const int64_t pad = size / 2;
  return a.node("Conv", inputs, {{"pads", Integers{pad, pad, pad, pad}}});
}

ValueId activation(GraphAuthor& a, ValueId x) {
  if (!x || a.oneIn(4)) return x;
  if (a.oneIn(4)) return then(a, "Mul", {x, then(a, "Sigmoid", {x})});
  const std::string op = a.pickWord(
      {"Relu", "LeakyRelu", "Clip", "Sigmoid", "Tanh", "HardSwish", "HardSigmoid", "Mish", "Gelu", "Elu", "PRelu"});
  if (op == "Clip")
    return then(a, op, {x, a.constant(DType::f32, Shape{}, 0, 0), a.constant(DType::f32, Shape{}, 1.5, 1.5)});
  if (op == "PRelu") return then(a, op, {x, perChannel(a, x)});
  return then(a, op, {x});
}

void silu(GraphAuthor& a, Op) {
  const ValueId x = a.anySource(DType::f32, 0, 5);
  const ValueId gate = passing(a, then(a, "Sigmoid", {x}));
  a.keep(a.oneIn(2) ? then(a, "Mul", {x, gate}) : then(a, "Mul", {gate, x}));
}

void transposes(GraphAuthor& a, Op) {
  ValueId x = a.source(DType::f32, 2, 5);
  for (int64_t i = a.from(2, 3); i > 0; --i) {
    Integers order(x ? a.shapeOf(x).rank() : 0);
    std::iota(order.begin(), order.end(), int64_t{0});
    if (order.empty()) return;
    std::swap(order[static_cast<size_t>(a.below(std::ssize(order)))], order.back());
    x = passing(a, then(a, "Transpose", {x}, {{"perm", order}}));
  }
  a.keep(x);
}

void paddedWindow(GraphAuthor& a, Op) {
  const ValueId x = image(a);
  Integers pads(8, 0);
  for (const size_t i : {2, 3, 6, 7}) pads[i] = a.below(3);
  if (a.oneIn(8)) pads[1] = 1;
  std::vector<ValueId> inputs = {x, a.integers(pads)};
  if (a.oneIn(4)) inputs.push_back(a.constant(DType::f32, Shape{}, 0, a.oneIn(2) ? 0 : 1));
  const ValueId padded = passing(a, then(a, "Pad", inputs));
  if (!padded) return;
  if (a.oneIn(3))
    return a.keep(then(a, a.pickWord({"AveragePool", "MaxPool"}), {padded},
                       {{"kernel_shape", Integers{2, 2}}, {"strides", Integers{a.from(1, 2), 1}}}));
  a.keep(activation(a, sameConv(a, padded, a.from(1, 9))));
}

void slicesJoined(GraphAuthor& a, Op) {
  const ValueId x = a.input(DType::f32, Shape{a.from(1, 2), a.from(1, 4), 2 * a.from(1, 6), 2 * a.from(1, 6)});
  std::vector<ValueId> parts;
  for (int64_t column = 0; column < 2; ++column)
    for (int64_t row = 0; row < 2; ++row) {
      const ValueId rows =
          then(a, "Slice", {x, a.integers({row}), a.integers({1000}), a.integers({2}), a.integers({2})});
      parts.push_back(passing(
          a, then(a, "Slice", {rows, a.integers({column}), a.integers({1000}), a.integers({-1}), a.integers({2})})));
    }
  a.keep(then(a, "Concat", parts, {{"axis", int64_t{1}}}));
}

void slicePadded(GraphAuthor& a, Op) {
  const ValueId x = image(a);
  const ValueId part = then(
      a, "Slice", {x, a.integers({0, 0}), a.integers({1000, 1000}), a.integers({2, 3}), a.integers({a.from(1, 2), 2})});
  a.keep(then(a, "Pad", {part, a.integers({0, a.from(0, 4), 0, 0, 0, a.from(0, 4), 0, 0})}));
}

void convAffine(GraphAuthor& a, Op) {
  ValueId x = sameConv(a, image(a), a.from(1, 12));
  for (int64_t i = a.from(1, 2); i > 0 && x; --i) {
    passing(a, x);
    const Shape channels{a.shapeOf(x)[1]};
    const auto parameter = [&](double low, double high) { return a.constant(DType::f32, channels, low, high); };
    x = a.oneIn(2) ? then(a, "BatchNormalization",
                          {x, parameter(0.5, 2), parameter(-1, 1), parameter(-1, 1), parameter(0.3, 2)})
                   : then(a, a.pickWord({"Mul", "Add"}), {x, perChannel(a, x)});
  }
  a.keep(activation(a, x));
}

void residual(GraphAuthor& a, Op) {
  const ValueId x = image(a);
  const int64_t channels = a.shapeOf(x)[1];
  ValueId y = activation(a, sameConv(a, x, channels));
  if (y && a.oneIn(2)) y = sameConv(a, y, channels);
  y = a.oneIn(2) ? then(a, "Add", {x, y}) : then(a, "Add", {y, a.operand(DType::f32, a.shapeOf(x))});
  a.keep(activation(a, y));
}

void gemmRow(GraphAuthor& a, Op) {
  const ValueId x = a.source(DType::f32, 2, 4);
  const int64_t inner = a.shapeOf(x)[a.shapeOf(x).rank() - 1], columns = a.pick({1, 3, 8, 16, 24});
  const double reach = 1.5 / std::sqrt(static_cast<double>(inner));
  const ValueId product =
      passing(a, then(a, "MatMul", {x, a.constant(DType::f32, Shape{inner, columns}, -reach, reach)}));
  const ValueId row = a.constant(DType::f32, a.oneIn(4) ? Shape{1} : Shape{columns});
  a.keep(activation(a, then(a, "Add", {product, row})));
}

void gated(GraphAuthor& a, Op) {
  const ValueId x = image(a);
  const ValueId pooled = then(a, a.pickWord({"GlobalAveragePool", "GlobalMaxPool"}), {x});
  if (!pooled) return;
  const ValueId gate = then(a, a.pickWord({"Sigmoid", "HardSigmoid"}), {sameConv(a, pooled, a.shapeOf(x)[1])});
  a.keep(then(a, "Mul", {x, gate}));
}

void elementwiseJoined(GraphAuthor& a, Op) {
  const ValueId x = image(a);
  std::vector<ValueId> parts;
  for (int64_t i = a.from(2, 3); i > 0; --i) {
    ValueId part = then(a, a.pickWord({"Relu", "Tanh", "Abs"}), {x});
    if (a.oneIn(2)) part = then(a, "Add", {part, a.oneIn(2) ? x : a.input(DType::f32, a.shapeOf(x))});
    parts.push_back(a.oneIn(6) ? x : passing(a, part));
  }
  a.keep(then(a, "Concat", parts, {{"axis", a.oneIn(6) ? 2 : int64_t{1}}}));
}

void attentionParts(GraphAuthor& a, Op) {
  const int64_t batch = a.from(1, 2), heads = a.from(1, 3), size = a.pick({1, 4, 8}), length = a.from(1, 9);
  const auto head = [&](const Integers& order) {
    const ValueId x = a.input(DType::f32, Shape{batch, length, heads * size});
    return then(a, "Transpose", {then(a, "Reshape", {x, a.integers({batch, length, heads, size})})}, {{"perm", order}});
  };
  const ValueId q = head({0, 2, 1, 3}), k = head({0, 2, 3, 1}), v = head({0, 2, 1, 3});
  ValueId scores = then(a, "Mul", {then(a, "MatMul", {q, k}), a.constant(DType::f32, Shape{}, 0.3, 0.3)});
  if (a.oneIn(2)) scores = then(a, "Add", {scores, a.input(DType::f32, Shape{batch, 1, 1, length}, -3, 0)});
  const ValueId mixed = then(a, "MatMul", {then(a, "Softmax", {scores}, {{"axis", int64_t{-1}}}), v});
  a.keep(then(a, "Reshape", {then(a, "Transpose", {mixed}, {{"perm", Integers{0, 2, 1, 3}}}), a.integers({0, 0, -1})}));
}

void normParts(GraphAuthor& a, Op) {
  const ValueId x = a.source(DType::f32, 2, 4);
  const Integers last = {-1};
  const ValueId centred = then(a, "Sub", {x, then(a, "ReduceMean", {x, a.integers(last)})});
  const ValueId two = a.constant(DType::f32, Shape{}, 2, 2), small = a.constant(DType::f32, Shape{}, 0.1, 0.1);
  const ValueId variance = then(a, "ReduceMean", {then(a, "Pow", {centred, two}), a.integers(last)});
  const ValueId y = then(a, "Div", {centred, then(a, "Sqrt", {then(a, "Add", {variance, small})})});
  a.keep(then(a, "Mul", {y, a.constant(DType::f32, Shape{a.shapeOf(x)[a.shapeOf(x).rank() - 1]}, 0.5, 2)}));
}

void geluParts(GraphAuthor& a, Op) {
  const ValueId x = a.source(DType::f32, 1, 4);
  const auto number = [&](double value) { return a.constant(DType::f32, Shape{}, value, value); };
  const ValueId erf = then(a, "Erf", {then(a, "Div", {x, number(1.4142135)})});
  const ValueId half = then(a, "Mul", {x, then(a, "Add", {erf, number(1)})});
  a.keep(then(a, "Mul", {half, number(0.5)}));
}

void longChain(GraphAuthor& a, Op) {
  ValueId x = a.anySource(DType::f32, 1, 5);
  const ValueId first = x;
  for (int64_t i = a.from(3, 24); i > 0 && x; --i) {
    const std::string op = a.pickWord({"Relu", "Abs", "Neg", "Sigmoid", "Tanh", "Add", "Mul", "Sub", "Min", "Max"});
    if (op == "Add" || op == "Mul" || op == "Sub" || op == "Min" || op == "Max") {
      const ValueId other = a.oneIn(3) && a.shapeOf(first) == a.shapeOf(x)
                                ? first
                                : a.parameter(DType::f32, a.broadcastable(a.shapeOf(x)), 0.2, 1.2);
      x = a.oneIn(3) ? then(a, op, {other, x}) : then(a, op, {x, other});
    } else {
      x = then(a, op, {x});
    }
    passing(a, x);
  }
  a.keep(x);
}

void dynamicProduct(GraphAuthor& a, Op op) {
  const bool isConv = op == "ConvInteger";
  // Given numbers, so that rounding to bytes has no doubt.
  const ValueId x = isConv ? a.input(DType::f32, Shape{a.from(1, 2), a.from(1, 5), a.from(1, 6), a.from(1, 6)})
                           : a.input(DType::f32, Shape{a.from(1, 6), a.from(1, 20)});
  const std::vector<ValueId> bytes = a.nodes("DynamicQuantizeLinear", {x}, {}, 3);
  if (bytes.empty()) return;
  const Shape& shape = a.shapeOf(x);
  const int64_t columns = a.from(1, 20);
  const Shape form = isConv ? Shape{columns, shape[1], 1, 1} : Shape{shape[shape.rank() - 1], columns};
  const ValueId weights = a.constant(a.oneIn(2) ? DType::i8 : DType::u8, form, 0, 100);
  const ValueId product = then(a, op, {bytes[0], weights, bytes[2]});
  const ValueId real = then(a, "Cast", {product}, {{"to", int64_t{1}}});
  const ValueId scale = then(a, "Mul", {bytes[1], a.constant(DType::f32, Shape{}, 0.01, 0.01)});
  a.keep(then(a, "Mul", {real, scale}));
}

ValueId scaleOf(GraphAuthor& a) {
  return a.constant(DType::f32, Shape{}, 0.01, 0.03);
}

void quantized(GraphAuthor& a, Op) {
  const ValueId x = a.input(DType::f32, a.shape(1, 4)), scale = scaleOf(a);
  const ValueId zero = a.oneIn(3) ? kNoValue : a.constant(a.oneIn(2) ? DType::i8 : DType::u8, Shape{}, 0, 100);
  ValueId bytes = a.node("QuantizeLinear", {x, scale, zero});
  if (a.oneIn(2)) bytes = then(a, "Transpose", {bytes});
  if (bytes) a.keep(a.node("DequantizeLinear", {bytes, scale, zero}));
}

void quantizedChannels(GraphAuthor& a, Op) {
  const ValueId x = a.input(DType::f32, Shape{1, a.from(3, 4), 2 * a.from(1, 6), 2 * a.from(1, 6)});
  ValueId y = kNoValue;
  if (a.oneIn(2)) {
    y = then(a, "SpaceToDepth", {x}, {{"blocksize", int64_t{2}}});
  } else {
    y = then(a, "Gather", {x, a.integers({2, 1, 0})}, {{"axis", int64_t{1}}});
  }
  a.keep(then(a, "QuantizeLinear", {y, scaleOf(a), a.constant(DType::u8, Shape{}, 100, 130)}));
}

void shapeArithmetic(GraphAuthor& a, Op) {
  const ValueId x = a.source(DType::f32, 2, 4);
  const ValueId first = then(a, "Gather", {then(a, "Shape", {x}), a.integers({0})});
  const ValueId target = then(a, "Concat", {first, a.integers({-1})}, {{"axis", int64_t{0}}});
  a.keep(then(a, "Reshape", {x, target}));
}

/// Products of window 1 whose weights are mostly zero, single or in blocks of four.
void mostlyZeros(GraphAuthor& a, Op op) {
  const int64_t inputs = a.pick({40, 64, 90}), outputs = a.pick({34, 64, 80}), rows = a.pick({1, 3, 20, 40});
  const bool isConv = op == "Conv";
  const ValueId x = isConv ? a.input(DType::f32, Shape{1, inputs, rows, 1}) : a.input(DType::f32, Shape{rows, inputs});
  const std::string zeros = text("sparse(0.95, ", a.pick({1, 4}), ")");
  const Shape shape = isConv ? Shape{outputs, inputs, 1, 1} : Shape{inputs, outputs};
  const ValueId weights = a.constant(buildTensor(DType::f32, shape, zeros, text(a.below(1 << 20))));
  a.keep(activation(a, then(a, op, {x, weights})));
}

constexpr std::array kWriters = {
    OperatorWriter{"Mul", silu},
    OperatorWriter{"Transpose", transposes},
    OperatorWriter{"Pad", paddedWindow},
    OperatorWriter{"Concat", slicesJoined},
    OperatorWriter{"Pad", slicePadded},
    OperatorWriter{"Conv", convAffine},
    OperatorWriter{"Conv", residual},
    OperatorWriter{"MatMul", gemmRow},
    OperatorWriter{"Conv", gated},
    OperatorWriter{"Concat", elementwiseJoined},
    OperatorWriter{"MatMul", attentionParts},
    OperatorWriter{"Div", normParts},
    OperatorWriter{"Erf", geluParts},
    OperatorWriter{"Add", longChain},
    OperatorWriter{"MatMulInteger", dynamicProduct},
    OperatorWriter{"ConvInteger", dynamicProduct},
    OperatorWriter{"DequantizeLinear", quantized},
    OperatorWriter{"QuantizeLinear", quantizedChannels},
    OperatorWriter{"Shape", shapeArithmetic},
    OperatorWriter{"Conv", mostlyZeros},
    OperatorWriter{"MatMul", mostlyZeros},
};

}  // namespace

std::span<const OperatorWriter> patternWriters() {
  return kWriters;
}

}  // namespace compress::test
