#include "lib/onnx/read_graph.h"

#include <algorithm>
#include <unordered_map>
#include <unordered_set>

#include "lib/onnx/functions.h"
#include "lib/onnx/graphs.h"
#include "lib/onnx/read_attribute.h"
#include "lib/onnx/type_proto.h"

namespace compress {
namespace {

using onnx::GraphProto;
using onnx::NodeProto;

/// A body on its way up: what it captures is known, but not yet in which order its node lists the captures.
struct OpenBody {
  Graph graph;
  std::vector<ValueId> captures;  ///< in order of first use
};

class GraphBuilder {
 public:
  GraphBuilder(GraphProto& proto, const TakeTensor& takeTensor, std::unordered_map<const GraphProto*, OpenBody>& bodies)
      : proto_(proto), takeTensor_(takeTensor), bodies_(bodies) {}

  OpenBody build();

 private:
  /// The value of that name, made when it is met for the first time; none for an empty name.
  ValueId named(const std::string& name);
  void readInputs();
  void readInitializers();
  void readOutputs();
  void readValueInfo();
  void readNode(NodeProto& proto);
  /// Captures of all bodies of the node, each once: name of the value outside.
  std::vector<std::string> capturesOf(const NodeProto& proto) const;
  Body closed(const GraphProto& proto, const std::vector<std::string>& captures);
  std::vector<ValueId> freeValues() const;
  void declare(ValueId id, const onnx::ValueInfoProto& declaration);
  void carryRests();

  GraphProto& proto_;
  const TakeTensor& takeTensor_;
  std::unordered_map<const GraphProto*, OpenBody>& bodies_;
  Graph graph_;
  std::unordered_map<int32_t, Carried> carried_;
};

ValueId GraphBuilder::named(const std::string& name) {
  if (name.empty()) return kNoValue;
  if (const ValueId id = graph_.findValue(name)) return id;
  return graph_.add({name, {}, std::nullopt, {}});
}

/// The first declaration that gives a type decides.
void GraphBuilder::declare(ValueId id, const onnx::ValueInfoProto& declaration) {
  if (graph_.value(id).type.kind == Type::Kind::unknown && declaration.has_type())
    graph_.setType(id, typeOf(declaration.type()));
}

void GraphBuilder::readInputs() {
  for (const auto& declaration : proto_.input()) {
    const ValueId id = named(declaration.name());
    graph_.addInput(id);
    declare(id, declaration);
    auto rest = restOf(declaration, graph_.value(id).type);
    if (rest.ByteSizeLong() > 0) *carried_[id.index].add_input() = std::move(rest);
  }
  proto_.clear_input();
}

void GraphBuilder::readInitializers() {
  for (auto& initializer : *proto_.mutable_initializer()) {
    const ValueId id = named(initializer.name());
    Type declared = graph_.value(id).type;
    graph_.setConstant(id, takeTensor_(initializer));
    if (declared.kind != Type::Kind::unknown) graph_.setType(id, std::move(declared));
    if (initializer.ByteSizeLong() > 0) carried_[id.index].add_initializer()->Swap(&initializer);
  }
  proto_.clear_initializer();
  for (auto& sparse : *proto_.mutable_sparse_initializer()) {
    const ValueId id = named(sparse.values().name());
    if (graph_.value(id).type.kind == Type::Kind::unknown)
      graph_.setType(
          id, {Type::Kind::sparseTensor, static_cast<DType>(sparse.values().data_type()), std::nullopt, nullptr});
    carried_[id.index].add_sparse_initializer()->Swap(&sparse);
  }
  proto_.clear_sparse_initializer();
}

void GraphBuilder::readOutputs() {
  for (const auto& declaration : proto_.output()) {
    const ValueId id = named(declaration.name());
    graph_.addOutput(id);
    declare(id, declaration);
    auto rest = restOf(declaration, graph_.value(id).type);
    if (rest.ByteSizeLong() > 0 && carried_[id.index].output_size() == 0)
      *carried_[id.index].add_output() = std::move(rest);
  }
  proto_.clear_output();
}

void GraphBuilder::readValueInfo() {
  std::unordered_set<int32_t> interface;
  for (const ValueId id : graph_.inputs()) interface.insert(id.index);
  for (const ValueId id : graph_.outputs()) interface.insert(id.index);
  for (const auto& declaration : proto_.value_info()) {
    const ValueId id = named(declaration.name());
    if (!id) continue;
    declare(id, declaration);
    auto rest = restOf(declaration, graph_.value(id).type);
    const bool unusual = graph_.constant(id) != nullptr || interface.contains(id.index) ||
                         graph_.value(id).type.kind == Type::Kind::unknown;
    if (unusual || rest.ByteSizeLong() > 0) *carried_[id.index].add_value_info() = std::move(rest);
  }
  proto_.clear_value_info();
}

std::vector<std::string> GraphBuilder::capturesOf(const NodeProto& proto) const {
  std::vector<std::string> names;
  std::unordered_set<std::string> seen;
  forEachBody(proto, [&](const GraphProto& body) {
    const OpenBody& open = bodies_.at(&body);
    for (const ValueId id : open.captures)
      if (seen.insert(open.graph.value(id).name).second) names.push_back(open.graph.value(id).name);
  });
  return names;
}

/// The finished body: its last inputs are `captures`, in that order, also those that only a sibling uses.
Body GraphBuilder::closed(const GraphProto& proto, const std::vector<std::string>& captures) {
  OpenBody open = std::move(bodies_.at(&proto));
  bodies_.erase(&proto);
  std::unordered_set<int32_t> used;
  for (const ValueId id : open.captures) used.insert(id.index);
  for (const std::string& name : captures) {
    ValueId id = open.graph.findValue(name);
    if (!id || !used.contains(id.index)) id = open.graph.add({name, {}, std::nullopt, {}});
    open.graph.addInput(id);
  }
  return std::make_shared<const Graph>(std::move(open.graph));
}

std::string takeOverload(NodeProto& proto) {
  std::string overload = findOverload(proto, kNodeOverloadField);
  proto.GetReflection()->MutableUnknownFields(&proto)->DeleteByNumber(kNodeOverloadField);
  return overload;
}

void GraphBuilder::readNode(NodeProto& proto) {
  const std::vector<std::string> captures = capturesOf(proto);
  Node node;
  node.op = proto.op_type();
  node.name = proto.name();
  if (proto.domain() != kDefaultDomain) node.domain = proto.domain();
  node.overload = takeOverload(proto);
  for (const std::string& name : proto.input()) node.inputs.push_back(named(name));
  for (const std::string& name : captures) node.inputs.push_back(named(name));
  for (const std::string& name : proto.output()) node.outputs.push_back(named(name));
  node.captureCount = static_cast<int>(captures.size());
  for (auto& attribute : *proto.mutable_attribute())
    node.attributes.append(
        takeAttribute(attribute, takeTensor_, [&](const GraphProto& body) { return closed(body, captures); }));
  proto.clear_op_type();
  proto.clear_name();
  proto.clear_domain();
  proto.clear_input();
  proto.clear_output();
  proto.clear_attribute();
  node.rest = serialized(proto);
  graph_.append(std::move(node));
}

/// Values that are read or returned but defined by nothing here, in order of first use.
std::vector<ValueId> GraphBuilder::freeValues() const {
  std::vector<ValueId> free;
  std::unordered_set<int32_t> seen;
  for (const ValueId id : graph_.inputs()) seen.insert(id.index);
  const auto consider = [&](ValueId id) {
    if (!id || graph_.producer(id) || graph_.constant(id) != nullptr || !seen.insert(id.index).second) return;
    const auto carried = carried_.find(id.index);
    if (carried == carried_.end() || carried->second.sparse_initializer_size() == 0) free.push_back(id);
  };
  for (const NodeId node : graph_.order())
    for (const ValueId id : graph_.node(node).inputs) consider(id);
  for (const ValueId id : graph_.outputs()) consider(id);
  return free;
}

void GraphBuilder::carryRests() {
  for (const auto& [index, carried] : carried_) graph_.setRest(ValueId{index}, serialized(carried));
}

OpenBody GraphBuilder::build() {
  graph_.name = std::move(*proto_.mutable_name());
  proto_.clear_name();
  readInputs();
  readInitializers();
  readOutputs();
  readValueInfo();
  for (auto& node : *proto_.mutable_node()) within([&] { return placeOf(node); }, [&] { readNode(node); });
  proto_.clear_node();
  graph_.rest = serialized(proto_);
  carryRests();
  std::vector<ValueId> captures = freeValues();
  return {std::move(graph_), std::move(captures)};
}

}  // namespace

Graph takeGraph(GraphProto& proto, const TakeTensor& takeTensor) {
  std::unordered_map<const GraphProto*, OpenBody> bodies;
  const std::vector<GraphProto*> graphs = allGraphs(proto);
  for (auto it = graphs.rbegin(); it != graphs.rend(); ++it)  // bodies before the graphs that hold them
    bodies.insert_or_assign(*it, GraphBuilder(**it, takeTensor, bodies).build());
  return std::move(bodies.at(&proto).graph);
}

}  // namespace compress
