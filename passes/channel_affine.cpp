#include "passes/channel_affine.h"

#include <algorithm>
#include <cmath>

#include "lib/base/text.h"
#include "passes/edit.h"

namespace compress {
namespace {

bool isReal(const Tensor* tensor) {
  return tensor != nullptr && (tensor->dtype() == DType::f32 || tensor->dtype() == DType::f64);
}

/// Which output and input channel an element of a weight belongs to. The weight is seen as [outer, inner, rest].
struct WeightLayout {
  int64_t outer, inner, rest;
  int64_t outputs, inputs;
  int64_t group = 1;
  bool outputIsOuter;  ///< Conv and transposed Gemm; else ConvTranspose, Gemm and MatMul

  int64_t outputOf(int64_t i, int64_t j) const {
    return outputIsOuter ? i : i / (inputs / group) * (outputs / group) + j;
  }
  int64_t inputOf(int64_t i, int64_t j) const {
    return outputIsOuter ? i / (outputs / group) * (inputs / group) + j : i;
  }
};

WeightLayout layoutOf(const Node& node, const Shape& shape) {
  const int64_t outer = shape[0], inner = shape[1], rest = shape.count(2, shape.rank());
  const int64_t group = node.attributes.integer("group", 1);
  if (node.is("Conv")) return {outer, inner, rest, outer, inner * group, group, true};
  if (node.is("ConvTranspose")) return {outer, inner, rest, inner * group, outer, group, false};
  if (node.is("Gemm") && node.attributes.integer("transB", 0) != 0) return {outer, inner, rest, outer, inner, 1, true};
  return {outer, inner, rest, inner, outer, 1, false};
}

const Tensor& weightOf(const Graph& graph, const Node& node) {
  return *graph.constant(node.inputs[1]);
}

/// The bias as one number per output channel, Gemm's beta applied; nothing when it is not of that form.
std::optional<std::vector<double>> readBias(const Graph& graph, const Node& node, int64_t channels) {
  std::vector<double> bias(static_cast<size_t>(channels), 0.0);
  if (!node.input(2)) return bias;
  const Tensor* constant = graph.constant(node.input(2));
  if (!isReal(constant)) return std::nullopt;
  const int64_t count = constant->elementCount();
  if (count != 1 && (count != channels || constant->shape()[constant->shape().rank() - 1] != channels))
    return std::nullopt;
  const double beta = node.is("Gemm") ? static_cast<double>(node.attributes.real("beta", 1.0F)) : 1.0;
  const std::vector<double> stored = toDoubles(*constant);
  for (size_t c = 0; c < bias.size(); ++c) bias[c] = beta * stored[count == 1 ? 0 : c];
  return bias;
}

bool hasPadding(const Node& node) {
  const std::string automatic = node.attributes.string("auto_pad", "NOTSET");
  if (automatic == "SAME_UPPER" || automatic == "SAME_LOWER") return true;
  return automatic == "NOTSET" &&
         std::ranges::any_of(node.attributes.integers("pads"), [](int64_t pad) { return pad != 0; });
}

/// New weights and bias of a node; the bias may stay away where it was absent and is 0.
struct Folded {
  std::vector<double> weight, bias;
};

template <typename ChannelOf>
void scaleWeight(std::vector<double>& weight, const WeightLayout& layout, const std::vector<double>& scale,
                 const ChannelOf& channelOf) {
  size_t at = 0;
  for (int64_t i = 0; i < layout.outer; ++i)
    for (int64_t j = 0; j < layout.inner; ++j) {
      const double factor = scale[static_cast<size_t>(channelOf(i, j))];
      for (int64_t k = 0; k < layout.rest; ++k) weight[at++] *= factor;
    }
}

/// sum over inputs i and positions k of shift[i] * W[o, i, k], per output channel.
std::vector<double> shiftThrough(const std::vector<double>& weight, const WeightLayout& layout,
                                 const std::vector<double>& shift) {
  std::vector<double> sums(static_cast<size_t>(layout.outputs), 0.0);
  size_t at = 0;
  for (int64_t i = 0; i < layout.outer; ++i)
    for (int64_t j = 0; j < layout.inner; ++j)
      for (int64_t k = 0; k < layout.rest; ++k)
        sums[static_cast<size_t>(layout.outputOf(i, j))] +=
            shift[static_cast<size_t>(layout.inputOf(i, j))] * weight[at++];
  return sums;
}

bool fits(DType dtype, const std::vector<double>& values) {
  return std::ranges::all_of(values, [&](double value) {
    return dtype == DType::f64 ? std::isfinite(value) : std::isfinite(static_cast<float>(value));
  });
}

/// Puts new weights and bias in place of the old ones, which go when nothing else reads them.
void replaceWeights(Graph& graph, NodeId id, const Folded& folded, bool needsBias) {
  const Node& node = graph.node(id);
  const ValueId data = node.inputs[0], oldWeight = node.inputs[1], oldBias = node.input(2);
  const Tensor stored = weightOf(graph, node);
  const std::string weightName = foldedName(graph.value(oldWeight).name);
  const std::string stem = weightName.substr(0, weightName.size() - std::string_view(".folded").size());
  const std::string biasName = oldBias ? foldedName(graph.value(oldBias).name) : text(stem, ".bias.folded");
  graph.setInputs(id, {data});
  eraseUnused(graph, oldWeight);
  if (oldBias) eraseUnused(graph, oldBias);
  std::vector<ValueId> inputs = {
      data, graph.addConstant(weightName, makeFloats(stored.dtype(), stored.shape(), folded.weight))};
  if (needsBias)
    inputs.push_back(graph.addConstant(
        biasName, makeFloats(stored.dtype(), {static_cast<int64_t>(folded.bias.size())}, folded.bias)));
  graph.setInputs(id, std::move(inputs));
  if (graph.node(id).attributes.has("beta")) graph.eraseAttribute(id, "beta");
}

/// Folds what stands behind the node; the reason where it cannot be.
std::string foldBehind(Graph& graph, NodeId id, const ChannelAffine& affine) {
  const Node& node = graph.node(id);
  const Tensor& stored = weightOf(graph, node);
  const WeightLayout layout = layoutOf(node, stored.shape());
  const auto bias = readBias(graph, node, layout.outputs);
  if (!bias) return "the bias is not one constant per channel";
  if (node.is("MatMul") && affine.hasShift()) return "MatMul has no bias";
  Folded folded{toDoubles(stored), *bias};
  scaleWeight(folded.weight, layout, affine.scale, [&](int64_t i, int64_t j) { return layout.outputOf(i, j); });
  for (size_t c = 0; c < folded.bias.size(); ++c) folded.bias[c] = folded.bias[c] * affine.scale[c] + affine.shift[c];
  if (!fits(stored.dtype(), folded.weight) || !fits(stored.dtype(), folded.bias))
    return "the folded weights are not finite";
  replaceWeights(graph, id, folded, node.input(2) || affine.hasShift());
  return {};
}

/// Folds what stands before the node; the reason where it cannot be.
std::string foldBefore(Graph& graph, NodeId id, const ChannelAffine& affine) {
  const Node& node = graph.node(id);
  const Tensor& stored = weightOf(graph, node);
  const WeightLayout layout = layoutOf(node, stored.shape());
  const auto bias = readBias(graph, node, layout.outputs);
  if (!bias) return "the bias is not one constant per channel";
  if (affine.hasShift()) {
    if (node.is("MatMul")) return "MatMul has no bias";
    if (node.is("ConvTranspose")) return "a shift before a ConvTranspose differs at its borders";
    if (node.is("Conv") && hasPadding(node)) return "the Conv pads with zeros that the shift does not reach";
  }
  Folded folded{toDoubles(stored), *bias};
  const double alpha = node.is("Gemm") ? static_cast<double>(node.attributes.real("alpha", 1.0F)) : 1.0;
  const std::vector<double> moved = shiftThrough(folded.weight, layout, affine.shift);
  scaleWeight(folded.weight, layout, affine.scale, [&](int64_t i, int64_t j) { return layout.inputOf(i, j); });
  for (size_t c = 0; c < folded.bias.size(); ++c) folded.bias[c] += alpha * moved[c];
  if (!fits(stored.dtype(), folded.weight) || !fits(stored.dtype(), folded.bias))
    return "the folded weights are not finite";
  replaceWeights(graph, id, folded, node.input(2) || affine.hasShift());
  return {};
}

/// The affine node behind `id`, folded into it. True when it was.
bool tryBehind(Graph& graph, NodeId id, const ReadAffine& read, PassContext& context) {
  const ValueId result = graph.node(id).outputs.at(0);
  const auto use = graph.onlyUse(result);
  if (!use) return false;
  const Node next = graph.node(use->node);
  const auto affine = read(graph, next, result, outputChannels(graph, graph.node(id)));
  if (!affine) return false;
  const std::string why = affine->isFinite() ? foldBehind(graph, id, *affine) : "its numbers are not finite";
  if (!why.empty()) {
    context.skipped.push_back({next.name, next.op, why});
    return false;
  }
  mergeInto(graph, id, use->node);
  return true;
}

/// The affine node before `id`, folded into it. True when it was.
bool tryBefore(Graph& graph, NodeId id, const ReadAffine& read, PassContext& context) {
  const ValueId data = graph.node(id).inputs.at(0);
  const NodeId before = graph.producer(data);
  if (!before || !graph.onlyUse(data)) return false;
  const Node previous = graph.node(before);
  for (const ValueId source : previous.inputs) {
    if (!source || graph.constant(source) != nullptr) continue;
    const auto affine = read(graph, previous, source, inputChannels(graph, graph.node(id)));
    if (!affine) return false;
    const std::string why = affine->isFinite() ? foldBefore(graph, id, *affine) : "its numbers are not finite";
    if (why.empty()) return bypass(graph, before, source);
    context.skipped.push_back({previous.name, previous.op, why});
    return false;
  }
  return false;
}

}  // namespace

bool ChannelAffine::hasShift() const {
  return std::ranges::any_of(shift, [](double value) { return value != 0; });
}

bool ChannelAffine::isFinite() const {
  return fits(DType::f64, scale) && fits(DType::f64, shift);
}

bool isWeighted(const Graph& graph, const Node& node) {
  if (!node.is("Conv") && !node.is("ConvTranspose") && !node.is("Gemm") && !node.is("MatMul")) return false;
  const Tensor* weight = graph.constant(node.input(1));
  if (!isReal(weight) || weight->elementCount() == 0) return false;
  const size_t rank = weight->shape().rank();
  const int64_t group = node.attributes.integer("group", 1);
  if (node.is("Conv") || node.is("ConvTranspose")) return rank >= 3 && group >= 1 && weight->shape()[0] % group == 0;
  return rank == 2 && (node.is("MatMul") || node.attributes.integer("transA", 0) == 0);
}

ChannelAxis outputChannels(const Graph& graph, const Node& node) {
  const Shape& shape = weightOf(graph, node).shape();
  const int64_t count = layoutOf(node, shape).outputs;
  if (node.is("MatMul")) return {count, 0, 1};
  return {count, shape.rank() - 2, shape.rank()};
}

ChannelAxis inputChannels(const Graph& graph, const Node& node) {
  const Shape& shape = weightOf(graph, node).shape();
  const int64_t count = layoutOf(node, shape).inputs;
  if (node.is("MatMul")) return {count, 0, 1};
  return {count, shape.rank() - 2, shape.rank()};
}

int64_t foldIntoWeights(Graph& graph, const ReadAffine& read, PassContext& context) {
  int64_t folded = 0;
  for (const NodeId id : graph.order()) {
    if (!graph.isAlive(id) || !isWeighted(graph, graph.node(id))) continue;
    while (tryBefore(graph, id, read, context)) ++folded;
    while (tryBehind(graph, id, read, context)) ++folded;
  }
  return folded;
}

}  // namespace compress
