// Generators of operators that work element by element.
#include <algorithm>
#include <array>
#include <cmath>

#include "tests/support/random_graph.h"

namespace compress::test {
namespace {

using Op = std::string_view;

/// Floats, mostly those with fast kernels.
DType anyFloat(GraphAuthor& a) {
  constexpr std::array kTypes = {DType::f64, DType::f16, DType::bf16};
  return a.oneIn(8) ? kTypes[static_cast<size_t>(a.below(3))] : DType::f32;
}

DType anyNumber(GraphAuthor& a) {
  constexpr std::array kTypes = {DType::u8, DType::i8, DType::u32, DType::u64, DType::i16, DType::u16};
  if (a.oneIn(2)) return anyFloat(a);
  return a.oneIn(3) ? kTypes[static_cast<size_t>(a.below(6))] : a.oneIn(2) ? DType::i64 : DType::i32;
}

ValueId scalar(GraphAuthor& a, DType dtype, double value) {
  return a.constant(dtype, Shape{}, value, value);
}

/// |x| + 0.1, for functions of positive numbers.
ValueId positive(GraphAuthor& a, ValueId x) {
  const ValueId size = a.node("Abs", {x});
  return size ? a.node("Add", {size, scalar(a, a.dtypeOf(x), 0.1)}) : kNoValue;
}

void unary(GraphAuthor& a, Op op) {
  ValueId x = a.anySource(anyFloat(a), 0, 6);
  if (op == "Log" || op == "Sqrt") x = positive(a, x);
  if (x) a.keep(a.node(op, {x}));
}

void withAlpha(GraphAuthor& a, Op op) {
  std::vector<GraphAuthor::Attribute> attributes;
  if (a.oneIn(2)) attributes.push_back({"alpha", static_cast<float>(a.random().uniform(0.05, 1.2))});
  if (op == "HardSigmoid" && a.oneIn(2)) attributes.push_back({"beta", static_cast<float>(a.random().uniform(0, 1))});
  a.keep(a.node(op, {a.anySource(anyFloat(a), 0, 6)}, attributes));
}

/// Where all numbers lie far below zero, Gelu is the difference of nearly equal numbers: a float holds its size, not
/// its digits.
void gelu(GraphAuthor& a, Op op) {
  const ValueId y = a.node(op, {a.anySource(anyFloat(a), 0, 6)}, {{"approximate", a.pickWord({"none", "tanh"})}});
  const std::vector<double> numbers = y ? toDoubles(a.tensor(y)) : std::vector<double>();
  if (std::ranges::any_of(numbers, [](double x) { return std::abs(x) > 1e-2; })) a.keep(y);
}

void clip(GraphAuthor& a, Op op) {
  const DType dtype = a.oneIn(8) ? DType::i64 : anyFloat(a);
  const ValueId x = a.anySource(dtype, 0, 6);
  const auto bound = [&](double value) {
    if (a.oneIn(4)) return kNoValue;
    return a.oneIn(5) ? a.input(dtype, Shape{}, value, value) : scalar(a, dtype, value);
  };
  const ValueId low = bound(a.oneIn(2) ? 0 : -1);
  a.keep(a.node(op, {x, low, bound(a.oneIn(2) ? 1 : 6)}));
}

/// Same, smaller and larger shapes that broadcast together.
Shape partner(GraphAuthor& a, const Shape& shape) {
  if (a.oneIn(3)) return shape;
  std::vector<int64_t> dims = a.broadcastable(shape).dims();
  for (int64_t& dim : dims)
    if (dim == 1 && a.oneIn(6)) dim = a.from(2, 4);
  const Shape fitting(dims);
  for (size_t i = 0; i < dims.size(); ++i) {
    const int64_t other = shape[shape.rank() - dims.size() + i];
    if (dims[i] != 1 && other != 1 && dims[i] != other) dims[i] = 1;
  }
  if (dims.size() == shape.rank() && dims.size() < 6 && a.oneIn(6)) dims.insert(dims.begin(), a.from(1, 3));
  return Shape(dims);
}

void binary(GraphAuthor& a, Op op) {
  const DType dtype = op == "Sum" ? anyFloat(a) : anyNumber(a);
  const ValueId x = a.anySource(dtype, 0, 6);
  const Shape shape = partner(a, a.shapeOf(x));
  // Integers are not divided by 0.
  const bool isIntegerDiv = op == "Div" && !isFloating(dtype);
  const ValueId y = isIntegerDiv ? a.parameter(dtype, shape, 1, 4) : a.operand(dtype, shape);
  std::vector<ValueId> inputs = {x, y};
  if (a.oneIn(3) && !isIntegerDiv) std::swap(inputs[0], inputs[1]);
  if (op == "Sum" || op == "Min" || op == "Max") {
    if (a.oneIn(4)) inputs.push_back(a.operand(dtype, a.broadcastable(a.shapeOf(x))));
    if (a.oneIn(8)) inputs.resize(1);
  }
  a.keep(a.node(op, inputs));
}

void power(GraphAuthor& a, Op op) {
  const ValueId x = a.anySource(DType::f32, 0, 6);
  constexpr std::array kExponents = {0.5, 1.0, 2.0, 3.0, -1.0, -0.5, 1.7, 0.0};
  const double exponent = kExponents[static_cast<size_t>(a.below(8))];
  const ValueId base = exponent == 2 || exponent == 3 || exponent == 1 ? x : positive(a, x);
  if (!base) return;
  a.keep(a.node(op, {base, a.oneIn(4) ? a.parameter(DType::f32, a.broadcastable(a.shapeOf(x)), exponent, exponent)
                                      : scalar(a, DType::f32, exponent)}));
}

void prelu(GraphAuthor& a, Op op) {
  const ValueId x = a.anySource(DType::f32, 1, 5);
  const Shape& shape = a.shapeOf(x);
  Shape slope = a.broadcastable(shape);
  if (shape.rank() > 1 && a.oneIn(2)) {
    std::vector<int64_t> dims(shape.rank() - 1, 1);
    dims[0] = shape[1];
    slope = Shape(dims);
  }
  a.keep(a.node(op, {x, a.parameter(DType::f32, slope)}));
}

void batchNorm(GraphAuthor& a, Op op) {
  const ValueId x = a.anySource(DType::f32, 2, 5);
  const Shape channels{a.shapeOf(x)[1]};
  std::vector<GraphAuthor::Attribute> attributes;
  if (a.oneIn(2)) attributes.push_back({"epsilon", static_cast<float>(a.random().uniform(1e-5, 1e-2))});
  const auto parameter = [&](double low, double high) { return a.parameter(DType::f32, channels, low, high); };
  a.keep(a.node(op, {x, parameter(0.5, 2), parameter(-1, 1), parameter(-1, 1), parameter(0.3, 2)}, attributes));
}

void comparison(GraphAuthor& a, Op op) {
  const DType dtype = a.oneIn(2) ? DType::i64 : anyNumber(a);
  const ValueId x = a.anySource(dtype, 0, 6);
  const ValueId y = a.operand(dtype, partner(a, a.shapeOf(x)));
  a.keep(a.oneIn(2) ? a.node(op, {x, y}) : a.node(op, {y, x}));
}

void logical(GraphAuthor& a, Op op) {
  const ValueId x = a.anySource(DType::boolean, 0, 6);
  if (op == "Not") return a.keep(a.node(op, {x}));
  a.keep(a.node(op, {x, a.operand(DType::boolean, partner(a, a.shapeOf(x)))}));
}

void where(GraphAuthor& a, Op op) {
  const DType dtype = a.oneIn(6) ? DType::boolean : anyNumber(a);
  const ValueId condition = a.anySource(DType::boolean, 0, 5);
  const ValueId x = a.operand(dtype, partner(a, a.shapeOf(condition)));
  a.keep(a.node(op, {condition, x, a.operand(dtype, a.broadcastable(a.shapeOf(x)))}));
}

void cast(GraphAuthor& a, Op op) {
  constexpr std::array kTypes = {DType::f32, DType::f64,  DType::i64,     DType::i32, DType::u8,  DType::i8,
                                 DType::f16, DType::bf16, DType::boolean, DType::u16, DType::u32, DType::u64};
  const DType source = a.oneIn(5) ? DType::boolean : a.oneIn(2) ? DType::f32 : anyNumber(a);
  const DType target = kTypes[static_cast<size_t>(a.below(a.oneIn(2) ? 4 : 12))];
  a.keep(a.node(op, {a.anySource(source, 0, 6)}, {{"to", static_cast<int64_t>(target)}}));
}

constexpr std::array kWriters = {
    OperatorWriter{"Relu", unary},
    OperatorWriter{"Sigmoid", unary},
    OperatorWriter{"Tanh", unary},
    OperatorWriter{"HardSwish", unary},
    OperatorWriter{"Mish", unary},
    OperatorWriter{"Softplus", unary},
    OperatorWriter{"Softsign", unary},
    OperatorWriter{"Exp", unary},
    OperatorWriter{"Log", unary},
    OperatorWriter{"Sqrt", unary},
    OperatorWriter{"Reciprocal", unary},
    OperatorWriter{"Abs", unary},
    OperatorWriter{"Neg", unary},
    OperatorWriter{"Floor", unary},
    OperatorWriter{"Ceil", unary},
    OperatorWriter{"Round", unary},
    OperatorWriter{"Erf", unary},
    OperatorWriter{"Sin", unary},
    OperatorWriter{"Cos", unary},
    OperatorWriter{"Sign", unary},
    OperatorWriter{"LeakyRelu", withAlpha},
    OperatorWriter{"Elu", withAlpha},
    OperatorWriter{"Celu", withAlpha},
    OperatorWriter{"ThresholdedRelu", withAlpha},
    OperatorWriter{"HardSigmoid", withAlpha},
    OperatorWriter{"Swish", withAlpha},
    OperatorWriter{"Gelu", gelu},
    OperatorWriter{"Clip", clip},
    OperatorWriter{"Add", binary},
    OperatorWriter{"Sum", binary},
    OperatorWriter{"Sub", binary},
    OperatorWriter{"Mul", binary},
    OperatorWriter{"Div", binary},
    OperatorWriter{"Min", binary},
    OperatorWriter{"Max", binary},
    OperatorWriter{"Pow", power},
    OperatorWriter{"PRelu", prelu},
    OperatorWriter{"BatchNormalization", batchNorm},
    OperatorWriter{"Equal", comparison},
    OperatorWriter{"Less", comparison},
    OperatorWriter{"LessOrEqual", comparison},
    OperatorWriter{"Greater", comparison},
    OperatorWriter{"GreaterOrEqual", comparison},
    OperatorWriter{"And", logical},
    OperatorWriter{"Or", logical},
    OperatorWriter{"Xor", logical},
    OperatorWriter{"Not", logical},
    OperatorWriter{"Where", where},
    OperatorWriter{"Cast", cast},
};

}  // namespace

std::span<const OperatorWriter> elementwiseWriters() {
  return kWriters;
}

}  // namespace compress::test
