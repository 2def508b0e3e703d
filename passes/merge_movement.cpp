// merge-movement: two movements of data become one, or none.
//
//   Transpose(p) -> Transpose(q):  perm[i] = p[q[i]]; nothing where that is the identity
//   Reshape, Flatten, Squeeze or Unsqueeze -> Reshape: the last one alone
//   before: a = Reshape(x, s); y = Reshape(a, t)        after: y = Reshape(x, t)
//
// Needs: explicit permutations; for Reshape a constant target that copies no dimension (no 0, or allowzero). Leaves
// alone: a first movement that others read stays for them. Source: docs/quantization.md Q9.
#include <algorithm>

#include "passes/catalog.h"
#include "passes/edit.h"

namespace compress {
namespace {

/// `second` applied after `first`; nothing where they do not fit.
std::optional<std::vector<int64_t>> composed(const std::vector<int64_t>& first, const std::vector<int64_t>& second) {
  if (first.empty() || first.size() != second.size()) return std::nullopt;
  std::vector<int64_t> both;
  for (const int64_t axis : second) {
    if (axis < 0 || static_cast<size_t>(axis) >= first.size()) return std::nullopt;
    both.push_back(first[static_cast<size_t>(axis)]);
  }
  return both;
}

/// The node reads `source` instead of the movement `first`, which goes when nothing else reads it.
void readPast(Graph& graph, NodeId id, NodeId first) {
  const ValueId between = graph.node(id).inputs[0];
  graph.setInput(id, 0, graph.node(first).inputs[0]);
  eraseUnused(graph, between);
}

bool mergeTranspose(Graph& graph, NodeId id, NodeId first) {
  if (!graph.node(first).is("Transpose")) return false;
  const auto both = composed(graph.node(first).attributes.integers("perm"), graph.node(id).attributes.integers("perm"));
  if (!both) return false;
  const ValueId source = graph.node(first).inputs[0];
  if (std::ranges::is_sorted(*both)) return bypass(graph, id, source);
  graph.setAttribute(id, "perm", *both);
  readPast(graph, id, first);
  return true;
}

bool mergeReshape(Graph& graph, NodeId id, NodeId first) {
  const Node& before = graph.node(first);
  if (!before.is("Reshape") && !before.is("Flatten") && !before.is("Squeeze") && !before.is("Unsqueeze")) return false;
  const Tensor* target = graph.constant(graph.node(id).input(1));
  if (target == nullptr) return false;
  const std::vector<int64_t> dims = toInts(*target);
  if (std::ranges::find(dims, 0) != dims.end() && graph.node(id).attributes.integer("allowzero", 0) == 0) return false;
  readPast(graph, id, first);
  return true;
}

/// Merges the node with the movement before it, as long as there is one.
int64_t mergeChain(Graph& graph, NodeId id) {
  int64_t merged = 0;
  while (graph.isAlive(id)) {
    const Node& node = graph.node(id);
    const NodeId first = node.inputs.empty() || !node.inputs[0] ? NodeId{} : graph.producer(node.inputs[0]);
    if (!first) break;
    const bool done =
        node.is("Transpose") ? mergeTranspose(graph, id, first) : node.is("Reshape") && mergeReshape(graph, id, first);
    if (!done) break;
    ++merged;
  }
  return merged;
}

int64_t mergeMovement(Graph& graph) {
  int64_t merged = 0;
  for (const NodeId id : graph.order())
    if (graph.isAlive(id)) merged += mergeChain(graph, id);
  return merged;
}

class MergeMovement : public Pass {
 public:
  int64_t run(Model& model, PassContext&) override { return editEachGraph(model.graph, mergeMovement); }
};

}  // namespace

PassSpec mergeMovementSpec() {
  return {.name = "merge-movement",
          .summary = "make one of two Transposes or Reshapes in a row, or none where they cancel",
          .make = []() -> std::unique_ptr<Pass> { return std::make_unique<MergeMovement>(); }};
}

}  // namespace compress
