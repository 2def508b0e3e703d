#include "lib/ops/inline.h"

#include <map>
#include <tuple>

#include "lib/ops/rules.h"
#include "lib/ops/upgrade.h"

namespace compress {
namespace {

constexpr int64_t kMostInlinedNodes = 1'000'000;

using Key = std::tuple<std::string, std::string, std::string>;

std::string plainDomain(const std::string& domain) {
  return domain == "ai.onnx" ? std::string() : domain;
}

/// What the caller's attributes say in place of a function's own names for them.
Attributes resolved(const Attributes& attributes, const Attributes& call, const Attributes& defaults);

Graph resolvedBody(const Graph& body, const Attributes& call, const Attributes& defaults) {
  Graph copy = body;
  for (const NodeId id : copy.nodes()) {
    const Attributes before = copy.node(id).attributes;
    const Attributes after = resolved(before, call, defaults);
    for (const Attribute& attribute : before)
      if (!after.has(attribute.name)) copy.eraseAttribute(id, attribute.name);
    for (const Attribute& attribute : after) copy.setAttribute(id, attribute.name, attribute.data);
  }
  return copy;
}

Attributes resolved(const Attributes& attributes, const Attributes& call, const Attributes& defaults) {
  Attributes out;
  for (const Attribute& attribute : attributes) {
    if (!attribute.reference.empty()) {
      const Attribute* given = call.find(attribute.reference);
      if (given == nullptr) given = defaults.find(attribute.reference);
      if (given != nullptr) out.set(attribute.name, given->data);
    } else if (const auto* body = std::get_if<Body>(&attribute.data)) {
      out.set(attribute.name, Body(std::make_shared<const Graph>(resolvedBody(**body, call, defaults))));
    } else {
      out.set(attribute.name, attribute.data);
    }
  }
  return out;
}

class Inliner {
 public:
  explicit Inliner(const std::vector<Function>& functions) {
    for (const Function& function : functions)
      functions_[{plainDomain(function.domain), function.name, function.overload}] = &function;
  }

  /// Bodies first, then calls, until none is left: what is inlined may call again. The reader has refused cycles.
  void inlineAll(Graph& graph) {
    std::vector<NodeId> pending = graph.nodes();
    while (!pending.empty()) {
      const NodeId id = pending.back();
      pending.pop_back();
      if (!graph.isAlive(id)) continue;
      inlineBodies(graph, id);
      const Function* function = find(graph.node(id));
      if (function == nullptr) continue;
      const std::string place = describe(graph.node(id));
      const auto added = within([&] { return place; }, [&] { return splice(graph, id, *function); });
      pending.insert(pending.end(), added.begin(), added.end());
    }
  }

 private:
  const Function* find(const Node& node) const {
    const auto found = functions_.find({plainDomain(node.domain), node.op, node.overload});
    return found == functions_.end() ? nullptr : found->second;
  }

  void inlineBodies(Graph& graph, NodeId id) {
    const Attributes attributes = graph.node(id).attributes;
    for (const Attribute& attribute : attributes)
      if (const auto* body = std::get_if<Body>(&attribute.data)) {
        Graph copy = **body;
        inlineAll(copy);
        graph.setAttribute(id, attribute.name, Body(std::make_shared<const Graph>(std::move(copy))));
      }
  }

  /// The function's body for this call, in the newest form.
  static Graph bodyFor(const Node& call, const Function& function) {
    Model model;
    model.graph = resolvedBody(function.body, call.attributes, function.defaults);
    model.opsets = function.opsets;
    return upgraded(model).graph;
  }

  std::vector<NodeId> splice(Graph& graph, NodeId id, const Function& function) {
    const Node call = graph.node(id);
    const Graph body = bodyFor(call, function);
    count_ += static_cast<int64_t>(body.nodeCount());
    if (count_ > kMostInlinedNodes)
      throw Error(ErrorKind::input, text("calls of functions grow into more than ", kMostInlinedNodes, " nodes"));
    std::map<ValueId, ValueId> values;
    for (size_t i = 0; i < body.inputs().size(); ++i) values[body.inputs()[i]] = call.input(i);
    graph.erase(id);
    const std::string prefix = call.output(0) ? graph.value(call.output(0)).name : call.name;
    for (size_t i = 0; i < body.outputs().size(); ++i)
      if (call.output(i) && body.producer(body.outputs()[i])) values.emplace(body.outputs()[i], call.output(i));
    const auto valueFor = [&](ValueId inner) {
      if (!inner) return kNoValue;
      const auto found = values.find(inner);
      if (found != values.end()) return found->second;
      const Value& value = body.value(inner);
      const std::string name = text(prefix, ".", value.name);
      const ValueId outer =
          value.constant ? graph.addConstant(name, *value.constant) : graph.add({name, value.type, std::nullopt, {}});
      values[inner] = outer;
      return outer;
    };
    std::vector<NodeId> added;
    for (const NodeId innerId : body.order()) {
      Node node = body.node(innerId);
      for (ValueId& input : node.inputs) input = valueFor(input);
      for (ValueId& output : node.outputs) output = valueFor(output);
      node.name = text(prefix, ".", node.name.empty() ? node.op : node.name);
      added.push_back(graph.append(std::move(node)));
    }
    passThrough(graph, call, body, valueFor);
    return added;
  }

  /// Outputs of the call that no node of the body gives under their own name: its inputs, and what it returns twice.
  template <typename ValueFor>
  static void passThrough(Graph& graph, const Node& call, const Graph& body, const ValueFor& valueFor) {
    for (size_t i = 0; i < body.outputs().size(); ++i) {
      const ValueId output = call.output(i);
      if (!output || graph.producer(output)) continue;
      Node identity;
      identity.op = "Identity";
      identity.inputs = {valueFor(body.outputs()[i])};
      identity.outputs = {output};
      graph.append(std::move(identity));
    }
  }

  std::map<Key, const Function*> functions_;
  int64_t count_ = 0;
};

}  // namespace

void inlineFunctions(Model& model) {
  if (!model.functions || model.functions->empty()) return;
  Inliner(*model.functions).inlineAll(model.graph);
}

}  // namespace compress
