// fold-affine: Mul, Add, Sub and Div with a constant per channel (or one number) go into the weights of the Conv,
// ConvTranspose, Gemm or MatMul beside them.
//
//   x * c: scale = c      x / c: scale = 1 / c      x + c: shift = c      x - c: shift = -c      c - x: scale = -1,
//   shift = c before: c = Conv(x, w); m = Mul(c, s); y = Add(m, t)      after: y = Conv(x, w.folded, w.bias.folded)
//
// Needs: constant weights, a float32 or float64 constant that does not enlarge what it meets, no other reader between.
// Leaves alone: Div by 0, a shift where there is no bias to take it or where a border is padded (channel_affine.h).
// Source: docs/quantization.md Q9.
#include <algorithm>

#include "passes/catalog.h"
#include "passes/channel_affine.h"
#include "passes/edit.h"

namespace compress {
namespace {

/// The constant as one number per channel, when it broadcasts that way and enlarges nothing.
std::optional<std::vector<double>> perChannel(const Tensor& constant, const ChannelAxis& axis) {
  const Shape& shape = constant.shape();
  if (shape.rank() > axis.maxRank || (constant.dtype() != DType::f32 && constant.dtype() != DType::f64))
    return std::nullopt;
  const auto count = static_cast<size_t>(axis.count);
  if (constant.elementCount() == 1) return std::vector<double>(count, toDoubles(constant)[0]);
  for (size_t i = 0; i < shape.rank(); ++i) {
    const size_t fromEnd = shape.rank() - 1 - i;
    if (shape[i] != (fromEnd == axis.fromEnd ? axis.count : 1)) return std::nullopt;
  }
  if (constant.elementCount() != axis.count) return std::nullopt;
  return toDoubles(constant);
}

std::optional<ChannelAffine> affineOf(const Node& node, bool dataIsFirst, const std::vector<double>& numbers) {
  const std::vector<double> ones(numbers.size(), 1.0), zeros(numbers.size(), 0.0);
  const auto mapped = [&](double (*function)(double)) {
    std::vector<double> result(numbers.size());
    std::ranges::transform(numbers, result.begin(), function);
    return result;
  };
  if (node.is("Mul")) return ChannelAffine{numbers, zeros};
  if (node.is("Add")) return ChannelAffine{ones, numbers};
  if (node.is("Sub") && dataIsFirst) return ChannelAffine{ones, mapped([](double value) { return -value; })};
  if (node.is("Sub")) return ChannelAffine{std::vector<double>(numbers.size(), -1.0), numbers};
  const bool hasZero = std::ranges::find(numbers, 0.0) != numbers.end();
  if (node.is("Div") && dataIsFirst && !hasZero)
    return ChannelAffine{mapped([](double value) { return 1.0 / value; }), zeros};
  return std::nullopt;
}

std::optional<ChannelAffine> readAffine(const Graph& graph, const Node& node, ValueId data, const ChannelAxis& axis) {
  if (!node.is("Mul") && !node.is("Add") && !node.is("Sub") && !node.is("Div")) return std::nullopt;
  const bool dataIsFirst = node.input(0) == data;
  const Tensor* constant = graph.constant(node.input(dataIsFirst ? 1 : 0));
  if (constant == nullptr) return std::nullopt;
  const auto numbers = perChannel(*constant, axis);
  if (!numbers) return std::nullopt;
  return affineOf(node, dataIsFirst, *numbers);
}

class FoldAffine : public Pass {
 public:
  int64_t run(Model& model, PassContext& context) override {
    return editEachGraph(model.graph, [&](Graph& graph) { return foldIntoWeights(graph, readAffine, context); });
  }
};

}  // namespace

PassSpec foldAffineSpec() {
  return {.name = "fold-affine",
          .summary = "fold Mul, Add, Sub and Div by constants per channel into the weights beside them",
          .make = []() -> std::unique_ptr<Pass> { return std::make_unique<FoldAffine>(); }};
}

}  // namespace compress
