// conv-affine: BatchNormalization, or Mul and Add of per-channel constants, behind a Conv go into its weights and bias.
#include <cmath>

#include "lib/runtime/plan/patterns.h"

namespace compress {
namespace {

/// y = x * factor + offset, per channel.
struct Affine {
  std::vector<float> factor;
  std::vector<float> offset;
};

std::optional<Affine> batchNorm(const FusedGraph& graph, const Node& node) {
  if (node.outputs.size() != 1 || node.attributes.integer("training_mode", 0) != 0) return std::nullopt;
  std::vector<std::vector<float>> c;
  for (size_t i = 1; i < 5; ++i) {
    if (!graph.isConstant(node.inputs[i])) return std::nullopt;
    c.push_back(toFloats(*graph.graph.constant(node.inputs[i])));
  }
  const double epsilon = static_cast<double>(node.attributes.real("epsilon", 1e-5F));
  Affine affine;
  for (size_t i = 0; i < c[0].size(); ++i) {
    const double factor = c[0][i] / std::sqrt(static_cast<double>(c[3][i]) + epsilon);
    affine.factor.push_back(static_cast<float>(factor));
    affine.offset.push_back(static_cast<float>(c[1][i] - c[2][i] * factor));
  }
  return affine;
}

std::optional<Affine> affineOf(const FusedGraph& graph, const Node& node, ValueId x) {
  if (node.is("BatchNormalization")) return batchNorm(graph, node);
  if ((!node.is("Mul") && !node.is("Add")) || node.inputs.size() != 2) return std::nullopt;
  const ValueId other = node.inputs[0] == x ? node.inputs[1] : node.inputs[0];
  const Shape whole = graph.shape(x);
  if (!(graph.shape(node.outputs[0]) == whole)) return std::nullopt;
  const auto values = channelConstant(graph, other, whole);
  if (!values) return std::nullopt;
  const size_t count = values->size();
  if (node.is("Mul")) return Affine{*values, std::vector<float>(count, 0.F)};
  return Affine{std::vector<float>(count, 1.F), *values};
}

void foldInto(FusedGraph& graph, NodeId conv, const Affine& affine) {
  const Node& node = graph.graph.node(conv);
  const Tensor& weights = *graph.graph.constant(node.inputs[1]);
  const int64_t perChannel = weights.shape().count(1, weights.shape().rank());
  std::vector<float> scaled(weights.as<float>().begin(), weights.as<float>().end());
  for (size_t i = 0; i < scaled.size(); ++i) scaled[i] *= affine.factor[i / static_cast<size_t>(perChannel)];
  std::vector<float> bias(affine.offset);
  if (node.input(2)) {
    const auto before = graph.graph.constant(node.input(2))->as<float>();
    for (size_t i = 0; i < bias.size(); ++i) bias[i] += before[i] * affine.factor[i];
  }
  const ValueId newWeights = addConstant(graph, "conv.weights", Tensor::of<float>(weights.shape(), scaled));
  const ValueId newBias = addConstant(graph, "conv.bias", Tensor::of<float>({static_cast<int64_t>(bias.size())}, bias));
  graph.graph.setInputs(conv, {node.inputs[0], newWeights, newBias});
}

}  // namespace

int64_t fuseAffine(FusedGraph& graph) {
  int64_t changes = 0;
  for (const NodeId id : graph.graph.order()) {
    if (!graph.graph.isAlive(id) || !graph.graph.node(id).is("Conv") || !takesPostOps(graph, id)) continue;
    while (const std::optional<NodeId> reader = graph.onlyReader(graph.graph.node(id).outputs[0])) {
      const std::optional<Affine> affine = affineOf(graph, graph.graph.node(*reader), graph.graph.node(id).outputs[0]);
      if (!affine) break;
      foldInto(graph, id, *affine);
      graph.absorb(id, *reader);
      ++changes;
    }
  }
  return changes;
}

}  // namespace compress
