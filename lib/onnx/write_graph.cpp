#include "lib/onnx/write_graph.h"

#include <deque>
#include <unordered_map>
#include <unordered_set>

#include "lib/onnx/type_proto.h"
#include "lib/onnx/write_attribute.h"

namespace compress {
namespace {

using onnx::GraphProto;

/// Names that a graph gives to values, and the graph around it.
struct Scope {
  const Scope* outer;
  std::unordered_set<std::string> names;

  bool isTakenOutside(const std::string& name) const {
    for (const Scope* scope = outer; scope != nullptr; scope = scope->outer)
      if (scope->names.contains(name)) return true;
    return false;
  }
};

/// A body that waits to be written, once the names around it are settled.
struct Pending {
  Body body;
  GraphProto* into;
  const Scope* outer;
  std::vector<std::string> captures;  ///< names outside of the last inputs
};

class GraphEmitter {
 public:
  GraphEmitter(const Graph& graph, std::vector<std::string> captures, const Scope* outer, const EmitTensor& emitTensor)
      : graph_(graph), captures_(std::move(captures)), emitTensor_(emitTensor), scope_{outer, {}} {}

  void emit(GraphProto& proto);
  std::vector<Pending> takePending() { return std::move(pending_); }
  const Scope& scope() const { return scope_; }

 private:
  void nameValues();
  std::string freshLocal(const std::string& wanted) const;
  const std::string& nameOf(ValueId id) const { return names_[static_cast<size_t>(id.index)]; }
  void emitNode(const Node& node, onnx::NodeProto& proto);
  void emitInterface(GraphProto& proto) const;
  void emitValues(GraphProto& proto) const;
  const Carried* carried(ValueId id) const;

  const Graph& graph_;
  std::vector<std::string> captures_;
  const EmitTensor& emitTensor_;
  Scope scope_;
  std::vector<std::string> names_;
  std::unordered_map<int32_t, Carried> carried_;
  std::unordered_set<int32_t> captured_;
  std::vector<Pending> pending_;
};

std::string GraphEmitter::freshLocal(const std::string& wanted) const {
  std::string fresh = wanted;
  for (int i = 1; scope_.isTakenOutside(fresh) || scope_.names.contains(fresh) || graph_.findValue(fresh); ++i) fresh = text(wanted, "_", i);
  return fresh;
}

void GraphEmitter::nameValues() {
  const auto& inputs = graph_.inputs();
  const size_t formal = inputs.size() - captures_.size();
  const std::vector<ValueId> values = graph_.values();
  names_.resize(values.empty() ? 0 : static_cast<size_t>(values.back().index) + 1);
  for (size_t i = 0; i < captures_.size(); ++i) {
    names_[static_cast<size_t>(inputs[formal + i].index)] = captures_[i];
    captured_.insert(inputs[formal + i].index);
  }
  for (const ValueId id : values) {
    const Value& value = graph_.value(id);
    if (!value.rest.empty()) carried_.emplace(id.index, parsed<Carried>(value.rest));
    if (captured_.contains(id.index)) continue;
    std::string& name = names_[static_cast<size_t>(id.index)];
    name = scope_.isTakenOutside(value.name) ? freshLocal(value.name) : value.name;
    scope_.names.insert(name);
  }
}

const Carried* GraphEmitter::carried(ValueId id) const {
  const auto it = carried_.find(id.index);
  return it == carried_.end() ? nullptr : &it->second;
}

void GraphEmitter::emitInterface(GraphProto& proto) const {
  const size_t formal = graph_.inputs().size() - captures_.size();
  for (size_t i = 0; i < formal; ++i) {
    const ValueId id = graph_.inputs()[i];
    const Carried* rest = carried(id);
    *proto.add_input() = declarationOf(nameOf(id), graph_.value(id).type,
                                       rest != nullptr && rest->input_size() > 0 ? rest->input(0) : onnx::ValueInfoProto());
  }
  for (const ValueId id : graph_.outputs()) {
    const Carried* rest = carried(id);
    *proto.add_output() = declarationOf(nameOf(id), graph_.value(id).type,
                                        rest != nullptr && rest->output_size() > 0 ? rest->output(0) : onnx::ValueInfoProto());
  }
}

/// Initializers and value_info, both in the order of the values.
void GraphEmitter::emitValues(GraphProto& proto) const {
  std::unordered_set<int32_t> declared;
  for (const ValueId id : graph_.inputs())
    if (!captured_.contains(id.index)) declared.insert(id.index);
  for (const ValueId id : graph_.outputs()) declared.insert(id.index);
  for (const ValueId id : graph_.values()) {
    const Value& value = graph_.value(id);
    const Carried* rest = carried(id);
    if (value.constant) {
      *proto.add_initializer() = emitTensor_(*value.constant, rest != nullptr && rest->initializer_size() > 0 ? rest->initializer(0) : onnx::TensorProto());
      proto.mutable_initializer(proto.initializer_size() - 1)->set_name(nameOf(id));
    }
    if (rest != nullptr && rest->sparse_initializer_size() > 0) {
      *proto.add_sparse_initializer() = rest->sparse_initializer(0);
      proto.mutable_sparse_initializer(proto.sparse_initializer_size() - 1)->mutable_values()->set_name(nameOf(id));
    }
    const bool carriedInfo = rest != nullptr && rest->value_info_size() > 0;
    const bool plain = value.type.kind != Type::Kind::unknown && !value.constant && !declared.contains(id.index) &&
                       (rest == nullptr || rest->sparse_initializer_size() == 0);
    if (carriedInfo || plain)
      *proto.add_value_info() = declarationOf(nameOf(id), value.type, carriedInfo ? rest->value_info(0) : onnx::ValueInfoProto());
  }
}

void GraphEmitter::emitNode(const Node& node, onnx::NodeProto& proto) {
  if (!node.rest.empty()) proto = parsed<onnx::NodeProto>(node.rest);
  const size_t formal = node.inputs.size() - static_cast<size_t>(node.captureCount);
  for (size_t i = 0; i < formal; ++i) proto.add_input(node.inputs[i] ? nameOf(node.inputs[i]) : std::string());
  for (const ValueId id : node.outputs) proto.add_output(id ? nameOf(id) : std::string());
  std::vector<std::string> captures;
  for (size_t i = formal; i < node.inputs.size(); ++i) captures.push_back(nameOf(node.inputs[i]));
  if (!node.name.empty()) proto.set_name(node.name);
  proto.set_op_type(node.op);
  if (!node.domain.empty()) proto.set_domain(node.domain);
  constexpr int kOverloadField = 8;
  if (!node.overload.empty())
    proto.GetReflection()->MutableUnknownFields(&proto)->AddLengthDelimited(kOverloadField, node.overload);
  const auto later = [&](const Body& body, GraphProto& into) { pending_.push_back({body, &into, &scope_, captures}); };
  for (const Attribute& attribute : node.attributes) emitAttribute(attribute, emitTensor_, later, proto);
}

void GraphEmitter::emit(GraphProto& proto) {
  nameValues();
  if (!graph_.rest.empty()) proto = parsed<GraphProto>(graph_.rest);
  if (!graph_.name.empty()) proto.set_name(graph_.name);
  emitInterface(proto);
  emitValues(proto);
  for (const NodeId id : graph_.order()) emitNode(graph_.node(id), *proto.add_node());
}

}  // namespace

GraphProto emitGraph(const Graph& graph, const EmitTensor& emitTensor) {
  GraphProto main;
  std::deque<GraphEmitter> emitters;  // kept to the end: scopes are looked up by the bodies within
  std::vector<Pending> stack;
  emitters.emplace_back(graph, std::vector<std::string>(), nullptr, emitTensor).emit(main);
  stack = emitters.back().takePending();
  while (!stack.empty()) {
    const Pending next = std::move(stack.back());
    stack.pop_back();
    emitters.emplace_back(*next.body, next.captures, next.outer, emitTensor).emit(*next.into);
    for (Pending& pending : emitters.back().takePending()) stack.push_back(std::move(pending));
  }
  return main;
}

}  // namespace compress
