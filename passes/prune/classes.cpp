#include "passes/prune/classes.h"

#include <algorithm>
#include <set>

#include "lib/base/text.h"
#include "passes/select.h"

namespace compress {
namespace {

/// Output axis of the weight that a node reads, where it is a constant, possibly behind a DequantizeLinear.
std::optional<Axis> seedOf(const Graph& graph, const KnownTypes& known, const Node& node) {
  const auto weightAt = [&](size_t input, size_t axis) -> std::optional<Axis> {
    const ValueId weight = node.input(input);
    if (!weight || !known.shape(weight) || axis >= known.shape(weight)->rank()) return std::nullopt;
    const NodeId producer = graph.producer(weight);
    const ValueId stored =
        producer && graph.node(producer).is("DequantizeLinear") ? graph.node(producer).inputs[0] : weight;
    if (graph.constant(stored) == nullptr) return std::nullopt;
    return Axis{weight, axis};
  };
  if (node.is("Conv")) return weightAt(1, 0);
  if (node.is("ConvTranspose")) return weightAt(1, node.attributes.integer("group", 1) == 1 ? 1 : 0);
  if (node.is("Gemm")) return weightAt(1, node.attributes.integer("transB", 0) != 0 ? 0 : 1);
  if (node.is("MatMul")) return weightAt(1, known.rank(node.input(1)).value_or(1) - 1);
  if (node.is("Gather") && known.rank(node.input(0)) == 2 && known.value(node.input(1)) == nullptr)
    return weightAt(0, 1);
  if (node.is("LSTM") || node.is("GRU") || node.is("RNN")) return weightAt(2, 2);
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
    bool chose = false;
    for (int64_t slice = 0; slice < slices; ++slice) chose |= tryClose(id, seed, slice, DigitPolicy::outer, why);
    if (chose)
      for (int64_t slice = 0; slice < slices; ++slice) tryClose(id, seed, slice, DigitPolicy::inner, why);
    if (why) found_.blocked.push_back({id, seed, slices, std::move(*why)});
  }

  Prunable take() && { return std::move(found_); }

 private:
  /// Whether the policy had a say.
  bool tryClose(NodeId id, const Axis& seed, int64_t slice, DigitPolicy policy, std::optional<Obstructed>& why) {
    Covered& covered = covered_[policy];
    if (isCovered(covered, seed, slice)) return false;
    auto result = closures_.close(seed, slice, policy);
    if (auto* obstructed = std::get_if<Obstructed>(&result)) {
      if (!why) why = std::move(*obstructed);
      return closures_.choseDigit();
    }
    auto& closed = std::get<Closed>(result);
    cover(covered, closed.slices);
    const bool chose = closed.choseDigit;
    if (policy == DigitPolicy::outer || chose)
      add(id, {seed, slice, std::move(closed.slices)}, std::move(closed.inexact), chose, policy);
    return chose;
  }

  void add(NodeId id, PruneClass one, std::optional<Obstacle> inexact, bool byDigit, DigitPolicy policy) {
    const auto [at, isNew] = index_.try_emplace(std::pair(axesOf(one), policy), found_.families.size());
    if (isNew) found_.families.push_back({nameOf(graph_, graph_.node(id)), id, {}, {}, byDigit, policy});
    if (inexact) found_.families[at->second].inexact = std::move(inexact);
    found_.families[at->second].classes.push_back(std::move(one));
  }

  const Graph& graph_;
  const KnownTypes& known_;
  ClosureFinder closures_;
  std::map<DigitPolicy, Covered> covered_;
  std::map<std::pair<std::vector<Axis>, DigitPolicy>, size_t> index_;
  Prunable found_;
};

}  // namespace

Prunable findPrunable(const Graph& graph, const KnownTypes& known, const TieSet& ties,
                      const std::function<std::string(NodeId)>& excluded) {
  Finder finder(graph, known, ties);
  for (const NodeId id : graph.order())
    if (const auto seed = seedOf(graph, known, graph.node(id)); seed && excluded(id).empty()) finder.visit(id, *seed);
  return std::move(finder).take();
}

}  // namespace compress
