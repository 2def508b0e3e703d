#include "lib/ir/verify.h"

#include <unordered_set>

#include "lib/base/error.h"
#include "lib/base/text.h"

namespace compress {
namespace {

std::string describe(const Node& node) {
  return text("node '", displayName(node.name), "' (", displayName(node.op), ")");
}

[[noreturn]] void refuse(const std::string& message) {
  throw Error(ErrorKind::input, message);
}

/// A sparse initializer has no Tensor: the file's form of it is carried.
bool isSparseInitializer(const Value& value) {
  return value.type.kind == Type::Kind::sparseTensor && !value.rest.empty();
}

bool isAvailable(const Graph& graph, ValueId id, const std::unordered_set<int32_t>& inputs) {
  return isSparseInitializer(graph.value(id)) || graph.producer(id) || graph.constant(id) != nullptr ||
         inputs.contains(id.index);
}

void verifyNode(const Graph& graph, const Node& node, const std::unordered_set<int32_t>& inputs) {
  for (size_t i = 0; i < node.inputs.size(); ++i) {
    const ValueId id = node.inputs[i];
    if (id && !isAvailable(graph, id, inputs))
      refuse(text(describe(node), ": input ", i, " '", displayName(graph.value(id).name),
                  "' is computed by no node and is neither a graph input nor an initializer"));
  }
  for (const ValueId id : node.outputs)
    if (id && (graph.constant(id) != nullptr || inputs.contains(id.index)))
      refuse(text(describe(node), ": output '", displayName(graph.value(id).name),
                  "' is also a graph input or an initializer"));
}

void verifyBody(const Node& node, const Body& body) {
  if (!body) refuse(text(describe(node), ": a body is missing"));
  if (body->inputs().size() < static_cast<size_t>(node.captureCount))
    refuse(text(describe(node), ": the body has ", body->inputs().size(), " inputs, fewer than its ", node.captureCount,
                " captures"));
}

/// One level; bodies are pushed on `pending` instead of being entered, so that depth costs no stack.
void verifyGraph(const Graph& graph, std::vector<Body>& pending) {
  std::unordered_set<int32_t> inputs;
  for (const ValueId id : graph.inputs())
    if (!inputs.insert(id.index).second)
      refuse(text("graph input '", displayName(graph.value(id).name), "' is listed twice"));
  for (const NodeId id : graph.order()) {
    const Node& node = graph.node(id);
    verifyNode(graph, node, inputs);
    for (const Attribute& attribute : node.attributes) {
      if (const auto* body = std::get_if<Body>(&attribute.data)) {
        verifyBody(node, *body);
        pending.push_back(*body);
      }
      if (const auto* bodies = std::get_if<std::vector<Body>>(&attribute.data))
        for (const Body& body : *bodies) {
          verifyBody(node, body);
          pending.push_back(body);
        }
    }
  }
  for (const ValueId id : graph.outputs())
    if (!isAvailable(graph, id, inputs))
      refuse(text("graph output '", displayName(graph.value(id).name), "' is computed by no node"));
}

}  // namespace

void verify(const Model& model) {
  std::vector<Body> pending;
  verifyGraph(model.graph, pending);
  while (!pending.empty()) {
    const Body body = pending.back();
    pending.pop_back();
    within([&] { return text("subgraph '", displayName(body->name), "'"); }, [&] { verifyGraph(*body, pending); });
  }
}

}  // namespace compress
