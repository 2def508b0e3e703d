// Generators of what is known at run time only: shapes that depend on data, branches, loops.
#include <array>

#include "lib/base/text.h"
#include "tests/support/build.h"
#include "tests/support/random_graph.h"

namespace compress::test {
namespace {

using Op = std::string_view;
using Integers = std::vector<int64_t>;

/// Keeps the values, integers as floats too, so that what comes next works on them.
void keepAll(GraphAuthor& a, const std::vector<ValueId>& made) {
  for (const ValueId id : made) {
    a.keep(id);
    if (a.dtypeOf(id) == DType::i64 && a.oneIn(2)) a.keep(a.node("Cast", {id}, {{"to", int64_t{1}}}));
  }
}

void nonZero(GraphAuthor& a, Op op) {
  const ValueId x = a.oneIn(2) ? a.anySource(DType::boolean, 1, 4) : a.input(DType::i64, a.shape(1, 3), 0, 2.9);
  keepAll(a, a.nodes(op, {x}));
}

void compressed(GraphAuthor& a, Op op) {
  const ValueId x = a.anySource(DType::f32, 1, 4);
  if (a.oneIn(2))
    return keepAll(a, a.nodes(op, {x, a.input(DType::boolean, Shape{a.shapeOf(x).elementCount()}, -1, 1)}));
  const auto rank = static_cast<int64_t>(a.shapeOf(x).rank());
  const int64_t axis = a.below(rank);
  const ValueId choice = a.input(DType::boolean, Shape{a.shapeOf(x)[static_cast<size_t>(axis)]}, -1, 1);
  keepAll(a, a.nodes(op, {x, choice}, {{"axis", axis - (a.oneIn(3) ? rank : 0)}}));
}

void unique(GraphAuthor& a, Op op) {
  // Given numbers: a rounding error makes equal ones different.
  const ValueId x = a.oneIn(2) ? a.input(DType::f32, a.shape(1, 3)) : a.input(DType::i64, a.shape(1, 3), 0, 5);
  keepAll(a, a.nodes(op, {x}, {{"sorted", a.below(2)}}, static_cast<size_t>(a.pick({1, 4}))));
}

/// The shape of the result is an input of the graph.
void shapedByInput(GraphAuthor& a, Op op) {
  const ValueId x = a.source(DType::f32, 1, 4);
  const Shape shape = a.shapeOf(x);
  if (op == "Reshape") return keepAll(a, a.nodes(op, {x, a.input(Tensor::ofInts({-1, shape[0]}))}));
  if (op == "Expand") {
    Integers dims = a.broadcastable(shape).dims();
    dims.insert(dims.begin(), 2);
    return keepAll(a, a.nodes(op, {x, a.input(Tensor::ofInts(dims))}));
  }
  if (op == "Slice") {
    const ValueId begin = a.input(Tensor::ofInts({a.from(0, shape[0])}));
    return keepAll(a, a.nodes(op, {x, begin, a.integers({1000})}));
  }
  if (op == "Pad") {
    Integers pads(2 * shape.rank(), 0);
    pads.back() = a.from(0, 3);
    return keepAll(a, a.nodes(op, {x, a.input(Tensor::ofInts(pads))}));
  }
  if (op == "TopK") return keepAll(a, a.nodes(op, {x, a.input(Tensor::ofInts({1}))}, {{"axis", int64_t{0}}}, 2));
  keepAll(a, a.nodes(op, {a.input(Tensor::ofInts({a.from(0, 3), 4}))}));
}

void range(GraphAuthor& a, Op op) {
  const auto number = [](int64_t value) { return Tensor::scalar(value); };
  keepAll(a, a.nodes(op, {a.constant(number(1)), a.input(number(a.from(0, 9))), a.constant(number(a.from(1, 2)))}));
}

Body bodyOf(const std::string& statements) {
  return std::make_shared<const Graph>(buildModel(statements).graph);
}

std::string typed(GraphAuthor& a, ValueId x) {
  return text("float32", print(a.shapeOf(x)));
}

void branch(GraphAuthor& a, Op op) {
  const ValueId x = a.source(DType::f32, 1, 4), y = a.operand(DType::f32, a.shapeOf(x));
  const std::string head = text("input x: ", typed(a, x), "\ninput y: ", typed(a, y), "\n");
  const auto body = [&] {
    const std::string last = a.oneIn(4)   ? "r = Concat[axis=0](s, y)\n"
                             : a.oneIn(2) ? "r = Sub(s, y)\n"
                                          : "r = Relu(s)\n";
    return bodyOf(text(head, "s = ", a.pickWord({"Add", "Mul", "Max"}), "(x, y)\n", last, "output r\n"));
  };
  const Tensor condition = Tensor::scalar(a.oneIn(2));
  const ValueId chosen = a.oneIn(5) ? a.constant(condition) : a.input(condition);
  keepAll(a, a.nodes(op, {chosen, x, y}, {{"then_branch", body()}, {"else_branch", body()}}, 1, 2));
}

void loop(GraphAuthor& a, Op op) {
  const ValueId x = a.source(DType::f32, 1, 4), c = a.operand(DType::f32, a.shapeOf(x));
  const bool isGrowing = a.oneIn(3);
  const std::string dims = print(a.shapeOf(x));
  std::string body = text("input i: int64\ninput go: bool\ninput x: float32", isGrowing ? "[...]" : dims,
                          "\ninput c: float32", dims, "\n");
  body += isGrowing ? "n = Concat[axis=0](x, c)\ns = ReduceMax[keepdims=0](n)\n"
                    : "m = Mul(x, c)\nn = Tanh(m)\ns = Add(n, c)\n";
  body += a.oneIn(3) ? "const most: int64 = 2\ngoes = Less(i, most)\n" : "goes = Identity(go)\n";
  body += text("output goes\noutput n\noutput s: float32", isGrowing ? "" : dims, "\n");
  const Tensor count = Tensor::scalar(a.from(0, 4));
  const ValueId trips = a.oneIn(2) ? a.constant(count) : a.input(count);
  const ValueId goes = a.oneIn(2) ? kNoValue : a.constant(Tensor::scalar(true));
  keepAll(a, a.nodes(op, {trips, goes, x, c}, {{"body", bodyOf(body)}}, 2, 1));
}

void scan(GraphAuthor& a, Op op) {
  const ValueId x = a.source(DType::f32, 1, 4);
  const Shape shape = a.shapeOf(x);
  const auto rank = static_cast<int64_t>(shape.rank());
  const int64_t axis = a.below(rank);
  Integers dims = shape.dims();
  dims.erase(dims.begin() + axis);
  const Shape slice(dims);
  const ValueId state = a.operand(DType::f32, slice), c = a.operand(DType::f32, slice);
  const std::string type = text("float32", print(slice));
  const std::string body = text("input s: ", type, "\ninput x: ", type, "\ninput c: ", type,
                                "\nm = Mul(x, c)\na = Add(s, m)\nn = Tanh(a)\nr = ", a.pickWord({"Neg", "Abs"}),
                                "(a)\noutput n: ", type, "\noutput r: ", type, "\n");
  keepAll(a, a.nodes(op, {state, x, c},
                     {{"body", bodyOf(body)},
                      {"num_scan_inputs", int64_t{1}},
                      {"scan_input_axes", Integers{axis}},
                      {"scan_input_directions", Integers{a.below(2)}},
                      {"scan_output_axes", Integers{a.below(rank)}},
                      {"scan_output_directions", Integers{a.below(2)}}},
                     2, 1));
}

constexpr std::array kWriters = {
    OperatorWriter{"NonZero", nonZero},
    OperatorWriter{"Compress", compressed},
    OperatorWriter{"Unique", unique},
    OperatorWriter{"Reshape", shapedByInput},
    OperatorWriter{"Expand", shapedByInput},
    OperatorWriter{"Slice", shapedByInput},
    OperatorWriter{"Pad", shapedByInput},
    OperatorWriter{"TopK", shapedByInput},
    OperatorWriter{"ConstantOfShape", shapedByInput},
    OperatorWriter{"Range", range},
    OperatorWriter{"If", branch},
    OperatorWriter{"Loop", loop},
    OperatorWriter{"Scan", scan},
};

}  // namespace

std::span<const OperatorWriter> dynamicWriters() {
  return kWriters;
}

}  // namespace compress::test
