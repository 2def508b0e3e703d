// concat-elementwise: elementwise operations before a Concat of channels write straight into its result. The Concat
// becomes plan operator ElementwiseConcat: attribute `sources` names the node input that each part begins with,
// `counts` how many of the node's operations belong to it.
#include <algorithm>

#include "lib/runtime/plan/patterns.h"

namespace compress {
namespace {

/// Read by the Concat alone, and its operands are as large as its result, so that parts are runs of memory.
bool isPart(const FusedGraph& graph, NodeId concat, ValueId value) {
  const NodeId producer = graph.graph.producer(value);
  if (!producer || !isElementwise(graph.graph.node(producer)) || graph.onlyReader(value) != concat) return false;
  const std::vector<ValueId>& inputs = graph.graph.node(producer).inputs;
  return std::ranges::all_of(inputs, [&](ValueId input) {
    return input && !graph.isConstant(input) && graph.shape(input) == graph.shape(value);
  });
}

bool isConcatOfChannels(const FusedGraph& graph, const Node& node) {
  if (!node.is("Concat") || graph.dtype(node.outputs[0]) != DType::f32) return false;
  const Shape whole = graph.shape(node.outputs[0]);
  return whole.rank() == 4 && whole.elementCount() > 0 &&
         normalizedAxis(node.attributes.integer("axis", 0), whole.rank()) == 1 &&
         std::ranges::none_of(node.inputs, [&](ValueId v) { return graph.isConstant(v); });
}

/// Source and operands of part `value` behind `inputs`, its operations behind `post`; their count.
int64_t appendPart(FusedGraph& graph, ValueId value, std::vector<ValueId>& inputs, std::vector<PostOp>& post) {
  const NodeId producer = graph.graph.producer(value);
  const std::vector<ValueId>& own = graph.graph.node(producer).inputs;
  const std::vector<PostOp> ops = graph.fused(producer).post;
  for (PostOp op : ops) {
    if (isBinary(op.kind)) op.input += inputs.size();
    post.push_back(op);
  }
  inputs.insert(inputs.end(), own.begin(), own.end());
  return static_cast<int64_t>(ops.size());
}

void becomeElementwiseConcat(FusedGraph& graph, NodeId id) {
  const std::vector<ValueId> values = graph.graph.node(id).inputs;
  std::vector<ValueId> inputs;
  std::vector<PostOp> post;
  std::vector<int64_t> sources;
  std::vector<int64_t> counts;
  std::vector<NodeId> gone;
  for (const ValueId value : values) {
    sources.push_back(static_cast<int64_t>(inputs.size()));
    if (isPart(graph, id, value)) {
      gone.push_back(graph.graph.producer(value));
      counts.push_back(appendPart(graph, value, inputs, post));
    } else {
      inputs.push_back(value);
      counts.push_back(0);
    }
  }
  graph.graph.setOp(id, "ElementwiseConcat", kPlanDomain);
  graph.graph.setInputs(id, inputs);
  graph.graph.setAttribute(id, "sources", sources);
  graph.graph.setAttribute(id, "counts", counts);
  graph.fused(id).post = post;
  for (const NodeId part : gone) graph.absorbBefore(id, part);
}

}  // namespace

int64_t fuseConcat(FusedGraph& graph) {
  int64_t changes = 0;
  for (const NodeId id : graph.graph.order()) {
    const Node& node = graph.graph.node(id);
    if (!isConcatOfChannels(graph, node)) continue;
    if (std::ranges::none_of(node.inputs, [&](ValueId value) { return isPart(graph, id, value); })) continue;
    becomeElementwiseConcat(graph, id);
    ++changes;
  }
  return changes;
}

}  // namespace compress
