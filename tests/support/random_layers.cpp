// Generators of layers: convolutions, products, pools, reductions, normalizations, recurrent layers.
#include <algorithm>
#include <array>
#include <cmath>
#include <optional>

#include "tests/support/random_graph.h"

namespace compress::test {
namespace {

using Op = std::string_view;
using Integers = std::vector<int64_t>;
using Attributes = std::vector<GraphAuthor::Attribute>;

int64_t rankOf(GraphAuthor& a, ValueId x) {
  return static_cast<int64_t>(a.shapeOf(x).rank());
}

/// A weight whose products with `terms` numbers stay moderate.
ValueId weight(GraphAuthor& a, const Shape& shape, int64_t terms) {
  const double size = 1.5 / std::sqrt(static_cast<double>(std::max<int64_t>(terms, 1)));
  return a.oneIn(12) ? a.input(DType::f32, shape, -size, size) : a.constant(DType::f32, shape, -size, size);
}

Integers each(GraphAuthor& a, size_t count, std::initializer_list<int64_t> choices) {
  Integers values;
  for (size_t i = 0; i < count; ++i) values.push_back(a.pick(choices));
  return values;
}

/// Strides, dilations and padding of a window of `kernel`; nothing where it does not fit.
std::optional<Attributes> window(GraphAuthor& a, const Shape& shape, const Integers& kernel, bool mayDilate) {
  const size_t count = kernel.size();
  const Integers strides = each(a, count, {1, 1, 1, 2, 3});
  const Integers dilations = mayDilate ? each(a, count, {1, 1, 1, 2}) : Integers(count, 1);
  Attributes attributes = {{"strides", strides}};
  if (mayDilate) attributes.push_back({"dilations", dilations});
  const std::string automatic = a.oneIn(4) ? a.pickWord({"SAME_UPPER", "SAME_LOWER", "VALID"}) : "NOTSET";
  Integers pads(2 * count, 0);
  for (size_t i = 0; i < count; ++i) {
    const int64_t reach = (kernel[i] - 1) * dilations[i] + 1;
    if (automatic == "NOTSET" && a.oneIn(2)) {
      pads[i] = a.below(kernel[i]);
      pads[i + count] = a.below(kernel[i]);
    }
    const bool isSame = automatic.starts_with("SAME");
    if (!isSame && shape[i + 2] + pads[i] + pads[i + count] < reach) return std::nullopt;
  }
  if (automatic != "NOTSET")
    attributes.push_back({"auto_pad", automatic});
  else
    attributes.push_back({"pads", pads});
  return attributes;
}

void conv(GraphAuthor& a, Op op) {
  const ValueId x = a.source(DType::f32, 3, 5);
  const Shape& shape = a.shapeOf(x);
  const size_t spatial = shape.rank() - 2;
  const Integers kernel = each(a, spatial, {1, 1, 2, 3, 3, 5});
  std::optional<Attributes> attributes = window(a, shape, kernel, true);
  if (!attributes) return;
  const int64_t channels = shape[1];
  const int64_t groups = a.oneIn(3) ? channels : channels % 2 == 0 && a.oneIn(3) ? 2 : 1;
  const int64_t outputs = groups * a.pick({1, 1, 2, 3, 5, 16, groups > 4 ? 1 : 33});
  Integers dims = {outputs, channels / groups};
  dims.insert(dims.end(), kernel.begin(), kernel.end());
  const Shape weights(dims);
  std::vector<ValueId> inputs = {x, weight(a, weights, weights.count(1, weights.rank()))};
  if (a.oneIn(2)) inputs.push_back(a.parameter(DType::f32, Shape{outputs}));
  attributes->push_back({"group", groups});
  if (a.oneIn(2)) attributes->push_back({"kernel_shape", kernel});
  a.keep(a.node(op, inputs, *attributes));
}

void convTranspose(GraphAuthor& a, Op op) {
  const ValueId x = a.source(DType::f32, 3, 4);
  const Shape& shape = a.shapeOf(x);
  const int64_t group = shape[1] % 2 == 0 ? a.from(1, 2) : 1, per = a.from(1, 4);
  const size_t spatial = shape.rank() - 2;
  const Integers kernel = each(a, spatial, {1, 2, 3}), strides = each(a, spatial, {1, 2});
  Integers dims = {shape[1], per};
  dims.insert(dims.end(), kernel.begin(), kernel.end());
  std::vector<ValueId> inputs = {x, weight(a, Shape(dims), Shape(dims).count(1, dims.size()))};
  if (a.oneIn(2)) inputs.push_back(a.parameter(DType::f32, Shape{group * per}));
  a.keep(a.node(op, inputs, {{"group", group}, {"strides", strides}}));
}

void pool(GraphAuthor& a, Op op) {
  const ValueId x = a.source(DType::f32, 3, 5);
  if (op.starts_with("Global")) return a.keep(a.node(op, {x}));
  const Shape& shape = a.shapeOf(x);
  const Integers kernel = each(a, shape.rank() - 2, {1, 2, 2, 3, 5});
  std::optional<Attributes> attributes = window(a, shape, kernel, true);
  if (!attributes) return;
  attributes->push_back({"kernel_shape", kernel});
  if (a.oneIn(4)) attributes->push_back({"ceil_mode", int64_t{1}});
  if (op == "AveragePool" && a.oneIn(2)) attributes->push_back({"count_include_pad", int64_t{1}});
  a.keep(a.nodes(op, {x}, *attributes, op == "MaxPool" && a.oneIn(6) ? 2 : 1));
}

void gemm(GraphAuthor& a, Op op) {
  const ValueId x = a.source(DType::f32, 2, 2);
  const int64_t transA = a.oneIn(4) ? 1 : 0, transB = a.below(2);
  const int64_t rows = a.shapeOf(x)[transA != 0 ? 1 : 0], inner = a.shapeOf(x)[transA != 0 ? 0 : 1];
  const int64_t columns = a.pick({1, 2, 3, 7, 16, 17, 40});
  std::vector<ValueId> inputs = {x, weight(a, transB != 0 ? Shape{columns, inner} : Shape{inner, columns}, inner)};
  if (!a.oneIn(3)) {
    const std::array<Shape, 5> forms = {Shape{columns}, Shape{1, columns}, Shape{rows, columns}, Shape{rows, 1},
                                        Shape{}};
    inputs.push_back(a.parameter(DType::f32, forms[static_cast<size_t>(a.oneIn(2) ? 0 : a.below(5))]));
  }
  Attributes attributes = {{"transA", transA}, {"transB", transB}};
  if (a.oneIn(3)) attributes.push_back({"alpha", 0.75F});
  if (a.oneIn(3)) attributes.push_back({"beta", a.oneIn(3) ? 0.F : 1.5F});
  a.keep(a.node(op, inputs, attributes));
}

void matMul(GraphAuthor& a, Op op) {
  const ValueId x = a.source(DType::f32, 1, 5);
  const Shape& shape = a.shapeOf(x);
  const int64_t inner = shape[shape.rank() - 1];
  Integers dims = {inner};
  if (!a.oneIn(10)) dims.push_back(a.pick({1, 2, 5, 16, 33}));
  if (dims.size() == 2 && a.oneIn(2) && shape.rank() > 2) {
    const Integers batch(shape.dims().begin(), shape.dims().end() - 2);
    const Integers fitting = a.broadcastable(Shape(batch)).dims();
    dims.insert(dims.begin(), fitting.begin(), fitting.end());
  }
  const Shape other(dims);
  const double size = 1.5 / std::sqrt(static_cast<double>(inner));
  a.keep(a.node(
      op, {x, a.oneIn(2) ? a.constant(DType::f32, other, -size, size) : a.input(DType::f32, other, -size, size)}));
}

void softmax(GraphAuthor& a, Op op) {
  const ValueId x = a.source(DType::f32, 1, 5);
  a.keep(a.node(op, {x}, {{"axis", a.from(-rankOf(a, x), rankOf(a, x) - 1)}}));
}

void reduce(GraphAuthor& a, Op op) {
  ValueId x = a.oneIn(12) ? a.anySource(DType::f32, 0, 5) : a.source(DType::f32, 0, 6);
  if (op.ends_with("LogSum")) x = a.node("Abs", {x});
  if (!x) return;
  Integers axes;
  for (int64_t i = 0; i < rankOf(a, x); ++i)
    if (a.oneIn(2)) axes.push_back(a.oneIn(3) ? i - rankOf(a, x) : i);
  std::vector<ValueId> inputs = {x};
  if (!axes.empty() || a.oneIn(2)) inputs.push_back(a.integers(axes));
  Attributes attributes = {{"keepdims", a.below(2)}};
  if (a.oneIn(6)) attributes.push_back({"noop_with_empty_axes", int64_t{1}});
  a.keep(a.node(op, inputs, attributes));
}

void argExtreme(GraphAuthor& a, Op op) {
  const ValueId x = a.source(DType::f32, 1, 5);
  a.keep(a.node(op, {x},
                {{"axis", a.from(-rankOf(a, x), rankOf(a, x) - 1)},
                 {"keepdims", a.below(2)},
                 {"select_last_index", a.below(2)}}));
}

void layerNorm(GraphAuthor& a, Op op) {
  const ValueId x = a.source(DType::f32, 1, 5);
  const Shape& shape = a.shapeOf(x);
  const int64_t rank = rankOf(a, x), axis = a.oneIn(2) ? -1 : a.from(-rank, rank - 1);
  const Integers dims(shape.dims().begin() + (axis < 0 ? axis + rank : axis), shape.dims().end());
  Shape form(dims);
  if (a.oneIn(6)) form = a.broadcastable(form);
  std::vector<ValueId> inputs = {x, a.parameter(DType::f32, form, 0.5, 2)};
  if (op == "LayerNormalization" && a.oneIn(2)) inputs.push_back(a.parameter(DType::f32, form));
  Attributes attributes = {{"axis", axis}, {"epsilon", static_cast<float>(a.random().uniform(1e-4, 1e-1))}};
  a.keep(a.node(op, inputs, attributes));
}

void channelNorm(GraphAuthor& a, Op op) {
  const ValueId x = a.source(DType::f32, 3, 5);
  const int64_t channels = a.shapeOf(x)[1];
  std::vector<ValueId> inputs = {x, a.parameter(DType::f32, Shape{channels}, 0.5, 2),
                                 a.parameter(DType::f32, Shape{channels})};
  Attributes attributes = {{"epsilon", 0.1F}};
  if (op == "GroupNormalization") attributes.push_back({"num_groups", channels % 2 == 0 ? a.from(1, 2) : 1});
  a.keep(a.node(op, inputs, attributes));
}

void recurrent(GraphAuthor& a, Op op) {
  const int64_t gates = op == "LSTM" ? 4 : op == "GRU" ? 3 : 1;
  const int64_t layout = a.oneIn(4) ? 1 : 0;
  const ValueId x = a.source(DType::f32, 3, 3);
  const Shape& shape = a.shapeOf(x);
  const int64_t time = shape[layout], batch = shape[1 - layout], width = shape[2];
  const int64_t hidden = a.pick({1, 2, 5, 8, 16, 17});
  const std::string direction = a.pickWord({"forward", "reverse", "bidirectional"});
  const int64_t both = direction == "bidirectional" ? 2 : 1;
  std::vector<ValueId> inputs = {x, weight(a, Shape{both, gates * hidden, width}, width),
                                 weight(a, Shape{both, gates * hidden, hidden}, hidden)};
  const auto maybe = [&](ValueId id) { inputs.push_back(id); };
  maybe(a.oneIn(3) ? kNoValue : a.parameter(DType::f32, Shape{both, 2 * gates * hidden}));
  maybe(a.oneIn(4) ? a.constant(DType::i32, Shape{batch}, 0, static_cast<double>(time) + 0.9) : kNoValue);
  const Shape state = layout != 0 ? Shape{batch, both, hidden} : Shape{both, batch, hidden};
  maybe(a.oneIn(3) ? a.parameter(DType::f32, state) : kNoValue);
  if (op == "LSTM") {
    maybe(a.oneIn(3) ? a.parameter(DType::f32, state) : kNoValue);
    maybe(a.oneIn(4) ? a.constant(DType::f32, Shape{both, 3 * hidden}) : kNoValue);
  }
  Attributes attributes = {{"hidden_size", hidden}, {"direction", direction}, {"layout", layout}};
  if (a.oneIn(5)) attributes.push_back({"clip", 0.7F});
  if (op == "GRU") attributes.push_back({"linear_before_reset", a.below(2)});
  if (op == "LSTM" && a.oneIn(5)) attributes.push_back({"input_forget", int64_t{1}});
  a.keep(a.nodes(op, inputs, attributes, op == "LSTM" ? 3 : 2));
}

void cumulative(GraphAuthor& a, Op op) {
  const ValueId x = a.source(DType::f32, 1, 4);
  const ValueId axis = a.constant(Tensor::scalar(a.from(-rankOf(a, x), rankOf(a, x) - 1)));
  a.keep(a.node(op, {x, axis}, {{"exclusive", a.below(2)}, {"reverse", a.below(2)}}));
}

void topK(GraphAuthor& a, Op op) {
  const ValueId x = a.source(DType::f32, 1, 4);
  const int64_t axis = a.from(-rankOf(a, x), rankOf(a, x) - 1);
  const int64_t extent = a.shapeOf(x)[static_cast<size_t>(axis < 0 ? axis + rankOf(a, x) : axis)];
  a.keep(a.nodes(op, {x, a.integers({a.from(1, extent)})}, {{"axis", axis}, {"largest", a.below(2)}}, 2));
}

void attention(GraphAuthor& a, Op op) {
  const int64_t heads = a.from(1, 3), size = a.pick({1, 4, 8}), batch = a.from(1, 2);
  const int64_t queries = a.from(1, 6), keys = a.from(1, 9);
  const ValueId q = a.input(DType::f32, Shape{batch, heads, queries, size});
  const ValueId k = a.input(DType::f32, Shape{batch, heads, keys, size});
  const ValueId v = a.input(DType::f32, Shape{batch, heads, keys, a.pick({1, 3, 8})});
  a.keep(a.node(op, {q, k, v}, {{"is_causal", a.below(2)}}));
}

constexpr std::array kWriters = {
    OperatorWriter{"Conv", conv},
    OperatorWriter{"ConvTranspose", convTranspose},
    OperatorWriter{"MaxPool", pool},
    OperatorWriter{"AveragePool", pool},
    OperatorWriter{"GlobalMaxPool", pool},
    OperatorWriter{"GlobalAveragePool", pool},
    OperatorWriter{"Gemm", gemm},
    OperatorWriter{"MatMul", matMul},
    OperatorWriter{"Softmax", softmax},
    OperatorWriter{"LogSoftmax", softmax},
    OperatorWriter{"ReduceSum", reduce},
    OperatorWriter{"ReduceMean", reduce},
    OperatorWriter{"ReduceMax", reduce},
    OperatorWriter{"ReduceMin", reduce},
    OperatorWriter{"ReduceL1", reduce},
    OperatorWriter{"ReduceL2", reduce},
    OperatorWriter{"ReduceSumSquare", reduce},
    OperatorWriter{"ReduceLogSum", reduce},
    OperatorWriter{"ReduceLogSumExp", reduce},
    OperatorWriter{"ArgMax", argExtreme},
    OperatorWriter{"ArgMin", argExtreme},
    OperatorWriter{"LayerNormalization", layerNorm},
    OperatorWriter{"RMSNormalization", layerNorm},
    OperatorWriter{"InstanceNormalization", channelNorm},
    OperatorWriter{"GroupNormalization", channelNorm},
    OperatorWriter{"RNN", recurrent},
    OperatorWriter{"GRU", recurrent},
    OperatorWriter{"LSTM", recurrent},
    OperatorWriter{"CumSum", cumulative},
    OperatorWriter{"TopK", topK},
    OperatorWriter{"Attention", attention},
};

}  // namespace

std::span<const OperatorWriter> layerWriters() {
  return kWriters;
}

}  // namespace compress::test
