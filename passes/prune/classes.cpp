#include "passes/prune/classes.h"

#include <algorithm>
#include <set>

#include "lib/base/text.h"
#include "passes/select.h"

namespace compress {
namespace {

/// `input` of the node as a weight with output axis `axis`.
std::optional<Axis> weightAt(const Graph& graph, const KnownTypes& known, const Node& node, size_t input, size_t axis) {
  const ValueId weight = node.input(input);
  if (!weight || !known.shape(weight) || axis >= known.shape(weight)->rank()) return std::nullopt;
  ValueId stored = weight;
  for (const std::string_view op : {"DequantizeLinear", "QuantizeLinear"})
    if (const NodeId producer = graph.producer(stored); producer && graph.node(producer).is(op))
      stored = graph.node(producer).inputs[0];
  if (graph.constant(stored) == nullptr) return std::nullopt;
  return Axis{weight, axis};
}

/// Input and output axis of the weight of an operator that has one.
std::optional<std::pair<size_t, size_t>> weightPlace(const KnownTypes& known, const Node& node) {
  const auto last = [&](size_t input) { return known.rank(node.input(input)).value_or(1) - 1; };
  if (node.domain == "com.microsoft") return node.op == "Attention" ? std::optional(std::pair{1, 1}) : std::nullopt;
  if (node.is("Conv") || node.is("ConvInteger")) return std::pair{1, 0};
  if (node.is("QLinearConv")) return std::pair{3, 0};
  if (node.is("ConvTranspose") && node.attributes.integer("group", 1) == 1) return std::pair{1, 1};
  if (node.is("Gemm")) return std::pair{1, node.attributes.integer("transB", 0) != 0 ? 0 : 1};
  if (node.is("MatMul") || node.is("MatMulInteger")) return std::pair{size_t{1}, last(1)};
  if (node.is("QLinearMatMul")) return std::pair{size_t{3}, last(3)};
  if (node.is("Gather") && known.rank(node.input(0)) == 2 && known.value(node.input(1)) == nullptr)
    return std::pair{0, 1};
  if (node.is("LSTM") || node.is("GRU") || node.is("RNN")) return std::pair{2, 2};
  return std::nullopt;
}

/// Slices of one axis that already have a class.
using Covered = std::map<Axis, std::set<int64_t>>;

bool isCovered(const Covered& covered, const Axis& axis, int64_t slice) {
  const auto found = covered.find(axis);
  return found != covered.end() && found->second.contains(slice);
}

void cover(Covered& covered, const Slices& slices) {
  for (const auto& [axis, indices] : slices) covered[axis].insert(indices.begin(), indices.end());
}

std::vector<Axis> axesOf(const PruneClass& one) {
  std::vector<Axis> axes;
  for (const auto& [axis, slices] : one.slices) axes.push_back(axis);
  return axes;
}

/// Families as they are found.
class Finder {
 public:
  Finder(const Graph& graph, const KnownTypes& known, const TieSet& ties)
      : graph_(graph), known_(known), closures_(graph, known, ties) {}

  void visit(NodeId id, const Axis& seed) {
    const int64_t slices = (*known_.shape(seed.value))[seed.axis];
    std::optional<Obstructed> why;
    for (int64_t slice = 0; slice < slices; ++slice) {
      const bool chose = close(id, seed, slice, DigitPolicy::outer, why);
      if (chose) close(id, seed, slice, DigitPolicy::inner, why);
      if (!isCovered(covered_[DigitPolicy::outer], seed, slice) &&
          !isCovered(covered_[DigitPolicy::inner], seed, slice) && why && !isTold(seed))
        found_.blocked.push_back({id, seed, slices, *why});
    }
  }

  Prunable take() && { return std::move(found_); }

 private:
  /// Whether the policy had a say.
  bool close(NodeId id, const Axis& seed, int64_t slice, DigitPolicy policy, std::optional<Obstructed>& why) {
    if (isCovered(covered_[policy], seed, slice)) return isCovered(chosen_, seed, slice);
    auto result = closures_.close(seed, slice, policy);
    const bool chose = closures_.choseDigit();
    if (auto* obstructed = std::get_if<Obstructed>(&result)) {
      why = std::move(*obstructed);
      return chose;
    }
    auto& closed = std::get<Closed>(result);
    cover(covered_[policy], closed.slices);
    if (chose) cover(chosen_, closed.slices);
    if (policy == DigitPolicy::outer || chose)
      add(id, {seed, slice, std::move(closed.slices)}, std::move(closed.inexact), chose, policy);
    return chose;
  }

  /// Is the seed told of already?
  bool isTold(const Axis& seed) const { return !found_.blocked.empty() && found_.blocked.back().seed == seed; }

  void add(NodeId id, PruneClass one, std::optional<Obstacle> inexact, bool byDigit, DigitPolicy policy) {
    const auto [at, isNew] = index_.try_emplace(std::pair(axesOf(one), policy), found_.families.size());
    if (isNew)
      found_.families.push_back({nameOf(graph_, graph_.node(id)), id, {}, {}, signatureOf(one), byDigit, policy});
    if (inexact) found_.families[at->second].inexact = std::move(inexact);
    found_.families[at->second].classes.push_back(std::move(one));
  }

  std::string signatureOf(const PruneClass& one) const {
    std::set<std::string> ops;
    for (const auto& [axis, slices] : one.slices)
      if (graph_.constant(axis.value) != nullptr)
        for (const Use& use : graph_.uses(axis.value)) ops.insert(text(graph_.node(use.node).op, axis.axis));
    return join(std::vector<std::string>(ops.begin(), ops.end()), " ");
  }

  const Graph& graph_;
  const KnownTypes& known_;
  ClosureFinder closures_;
  std::map<DigitPolicy, Covered> covered_;
  Covered chosen_;  ///< by classes for which the policy had a say
  std::map<std::pair<std::vector<Axis>, DigitPolicy>, size_t> index_;
  Prunable found_;
};

}  // namespace

std::vector<Axis> findSeeds(const Graph& graph, const KnownTypes& known, NodeId id) {
  const Node& node = graph.node(id);
  std::vector<Axis> seeds;
  const auto add = [&](size_t input, size_t axis) {
    if (const auto seed = weightAt(graph, known, node, input, axis)) seeds.push_back(*seed);
  };
  if (const auto place = weightPlace(known, node)) add(place->first, place->second);
  // The weight of a grouped one counts the outputs of a group alone.
  if (node.is("ConvTranspose") && node.attributes.integer("group", 1) != 1 && weightAt(graph, known, node, 1, 1))
    seeds.push_back({node.outputs[0], 1});
  if (node.is("MatMul") && known.rank(node.input(0)) == 2) add(0, 0);  // of a product from the left
  if (node.is("Einsum"))
    for (size_t input = 0; input < node.inputs.size(); ++input)
      for (size_t axis = 0; axis < known.rank(node.inputs[input]).value_or(0); ++axis) add(input, axis);
  return seeds;
}

Prunable findPrunable(const Graph& graph, const KnownTypes& known, const TieSet& ties,
                      const std::function<std::string(NodeId)>& excluded) {
  Finder finder(graph, known, ties);
  for (const NodeId id : graph.order()) {
    const std::vector<Axis> seeds = findSeeds(graph, known, id);
    if (!seeds.empty() && !excluded(id).empty()) continue;
    for (const Axis& seed : seeds) finder.visit(id, seed);
  }
  return std::move(finder).take();
}

}  // namespace compress
