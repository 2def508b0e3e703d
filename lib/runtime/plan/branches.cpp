// The branch's values become values of the graph around it; what it captures are the node's own inputs.
#include "lib/runtime/plan/branches.h"

#include <map>

namespace compress {
namespace {

const Tensor* knownValue(const Graph& graph, std::span<const std::optional<Tensor>> known, ValueId id) {
  if (const Tensor* constant = graph.constant(id)) return constant;
  const size_t index = static_cast<size_t>(id.index);
  return index < known.size() && known[index] ? &*known[index] : nullptr;
}

void inlineBody(Graph& graph, NodeId id, const Graph& body) {
  const Node node = graph.node(id);
  std::map<ValueId, ValueId> outer;
  const std::vector<ValueId> inputs = body.runtimeInputs();
  for (size_t i = 0; i < inputs.size(); ++i) outer[inputs[i]] = node.inputs.at(i + 1);
  for (const ValueId value : body.values())
    if (!outer.contains(value)) outer[value] = graph.add(body.value(value));
  for (const NodeId inner : body.order()) {
    Node copy = body.node(inner);
    for (ValueId& input : copy.inputs)
      if (input) input = outer.at(input);
    for (ValueId& output : copy.outputs)
      if (output) output = outer.at(output);
    graph.append(std::move(copy));
  }
  graph.erase(id);
  for (size_t i = 0; i < node.outputs.size(); ++i)
    if (node.outputs[i]) graph.replaceUses(node.outputs[i], outer.at(body.outputs().at(i)));
}

}  // namespace

int64_t inlineBranches(Graph& graph, std::span<const std::optional<Tensor>> known) {
  int64_t count = 0;
  for (const NodeId id : graph.order()) {
    const Node& node = graph.node(id);
    if (!node.is("If")) continue;
    const Tensor* condition = knownValue(graph, known, node.inputs[0]);
    if (condition == nullptr || condition->elementCount() != 1) continue;
    const Body body = node.attributes.body(toInts(*condition)[0] != 0 ? "then_branch" : "else_branch");
    inlineBody(graph, id, *body);
    ++count;
  }
  return count;
}

}  // namespace compress
