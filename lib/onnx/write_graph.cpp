#include "lib/onnx/write_graph.h"

#include <deque>
#include <unordered_map>
#include <unordered_set>

#include "lib/base/error.h"
#include "lib/base/text.h"
#include "lib/ir/private_domains.h"
#include "lib/onnx/functions.h"
#include "lib/onnx/type_proto.h"
#include "lib/onnx/write_attribute.h"

namespace compress {
namespace {

using onnx::GraphProto;

/// Names that a graph gives to its values, and the graph around it.
struct Naming {
  const Naming* outer = nullptr;
  int position = 0;  ///< in the order of the graph around it: of the node that holds this body
  std::unordered_map<std::string, int> names;  ///< with the position of the node that computes the value; -1 for others

  /// Does a body here see a value of that name outside? Values computed later than the body's own node are not seen.
  bool isSeenOutside(const std::string& name) const {
    for (const Naming *inner = this, *scope = outer; scope != nullptr; inner = scope, scope = scope->outer) {
      const auto found = scope->names.find(name);
      if (found != scope->names.end() && found->second < inner->position) return true;
    }
    return false;
  }
};

/// A body that waits to be written, once the names around it are settled.
struct Pending {
  Body body;
  GraphProto* into;
  const Naming* outer;
  int position;                       ///< of the node in the outer graph's order
  std::vector<std::string> captures;  ///< names outside of the last inputs
};

class GraphEmitter {
 public:
  GraphEmitter(const Graph& graph, std::vector<std::string> captures, Naming naming, const EmitTensor& emitTensor)
      : graph_(graph),
        order_(graph.order()),
        captures_(std::move(captures)),
        emitTensor_(emitTensor),
        naming_(std::move(naming)) {}

  void emit(GraphProto& proto);
  std::vector<Pending> takePending() { return std::move(pending_); }

 private:
  void nameValues();
  std::string freshLocal(const std::string& wanted) const;
  const std::string& nameOf(ValueId id) const { return names_[static_cast<size_t>(id.index)]; }
  void emitNode(const Node& node, int position, onnx::NodeProto& proto);
  void emitConstant(ValueId id, GraphProto& proto) const;
  void emitInterface(GraphProto& proto) const;
  void emitValues(GraphProto& proto) const;
  const Carried* carried(ValueId id) const;

  const Graph& graph_;
  const std::vector<NodeId> order_;
  std::vector<std::string> captures_;
  const EmitTensor& emitTensor_;
  Naming naming_;
  std::vector<std::string> names_;
  std::unordered_map<int32_t, Carried> carried_;
  std::unordered_set<int32_t> captured_;
  std::vector<Pending> pending_;
};

std::string GraphEmitter::freshLocal(const std::string& wanted) const {
  std::string fresh = wanted;
  for (int i = 1; naming_.isSeenOutside(fresh) || naming_.names.contains(fresh) || graph_.findValue(fresh); ++i)
    fresh = text(wanted, "_", i);
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
    name = naming_.isSeenOutside(value.name) ? freshLocal(value.name) : value.name;
    naming_.names.emplace(name, -1);
  }
  for (size_t i = 0; i < order_.size(); ++i)
    for (const ValueId output : graph_.node(order_[i]).outputs)
      if (output) naming_.names[nameOf(output)] = static_cast<int>(i);
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
    *proto.add_input() =
        declarationOf(nameOf(id), graph_.value(id).type,
                      rest != nullptr && rest->input_size() > 0 ? rest->input(0) : onnx::ValueInfoProto());
  }
  for (const ValueId id : graph_.outputs()) {
    const Carried* rest = carried(id);
    *proto.add_output() =
        declarationOf(nameOf(id), graph_.value(id).type,
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
    if (value.constant) emitConstant(id, proto);
    if (rest != nullptr && rest->sparse_initializer_size() > 0) {
      *proto.add_sparse_initializer() = rest->sparse_initializer(0);
      proto.mutable_sparse_initializer(proto.sparse_initializer_size() - 1)->mutable_values()->set_name(nameOf(id));
    }
    const bool carriedInfo = rest != nullptr && rest->value_info_size() > 0;
    const bool plain = value.type.kind != Type::Kind::unknown && !value.constant && !declared.contains(id.index) &&
                       (rest == nullptr || rest->sparse_initializer_size() == 0);
    if (carriedInfo || plain)
      *proto.add_value_info() =
          declarationOf(nameOf(id), value.type, carriedInfo ? rest->value_info(0) : onnx::ValueInfoProto());
  }
}

void GraphEmitter::emitConstant(ValueId id, GraphProto& proto) const {
  const Carried* rest = carried(id);
  const TensorPlace place = naming_.outer == nullptr ? TensorPlace::mainInitializer : TensorPlace::elsewhere;
  auto& initializer = *proto.add_initializer();
  initializer =
      emitTensor_(*graph_.constant(id),
                  rest != nullptr && rest->initializer_size() > 0 ? rest->initializer(0) : onnx::TensorProto(), place);
  initializer.set_name(nameOf(id));
}

void GraphEmitter::emitNode(const Node& node, int position, onnx::NodeProto& proto) {
  if (isPrivateDomain(node.domain))
    throw Error(ErrorKind::bug, text("node '", displayName(node.name), "' (", node.op, ") of domain ", node.domain,
                                     " is private to a run: a training graph or a plan cannot be written"));
  if (!node.rest.empty()) proto = parsed<onnx::NodeProto>(node.rest);
  const size_t formal = node.inputs.size() - static_cast<size_t>(node.captureCount);
  for (size_t i = 0; i < formal; ++i) proto.add_input(node.inputs[i] ? nameOf(node.inputs[i]) : std::string());
  for (const ValueId id : node.outputs) proto.add_output(id ? nameOf(id) : std::string());
  std::vector<std::string> captures;
  for (size_t i = formal; i < node.inputs.size(); ++i) captures.push_back(nameOf(node.inputs[i]));
  if (!node.name.empty()) proto.set_name(node.name);
  proto.set_op_type(node.op);
  if (!node.domain.empty()) proto.set_domain(node.domain);
  if (!node.overload.empty())
    proto.GetReflection()->MutableUnknownFields(&proto)->AddLengthDelimited(kNodeOverloadField, node.overload);
  const auto later = [&](const Body& body, GraphProto& into) {
    pending_.push_back({body, &into, &naming_, position, captures});
  };
  for (const Attribute& attribute : node.attributes) emitAttribute(attribute, emitTensor_, later, proto);
}

void GraphEmitter::emit(GraphProto& proto) {
  nameValues();
  if (!graph_.rest.empty()) proto = parsed<GraphProto>(graph_.rest);
  if (!graph_.name.empty()) proto.set_name(graph_.name);
  emitInterface(proto);
  emitValues(proto);
  for (size_t i = 0; i < order_.size(); ++i) emitNode(graph_.node(order_[i]), static_cast<int>(i), *proto.add_node());
}

}  // namespace

GraphProto emitGraph(const Graph& graph, const EmitTensor& emitTensor) {
  GraphProto main;
  std::deque<GraphEmitter> emitters;  // kept to the end: bodies within look names up
  std::vector<Pending> stack;
  emitters.emplace_back(graph, std::vector<std::string>(), Naming(), emitTensor).emit(main);
  stack = emitters.back().takePending();
  while (!stack.empty()) {
    const Pending next = std::move(stack.back());
    stack.pop_back();
    emitters.emplace_back(*next.body, next.captures, Naming{next.outer, next.position, {}}, emitTensor)
        .emit(*next.into);
    for (Pending& pending : emitters.back().takePending()) stack.push_back(std::move(pending));
  }
  return main;
}

}  // namespace compress
