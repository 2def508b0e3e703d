#include "lib/onnx/structure.h"

#include <algorithm>
#include <unordered_map>
#include <unordered_set>

#include "lib/ir/private_domains.h"
#include "lib/onnx/functions.h"
#include "lib/onnx/graphs.h"
#include "lib/onnx/scopes.h"
#include "lib/onnx/type_proto.h"

namespace compress {
namespace {

using onnx::AttributeProto;

constexpr int64_t kNewestIrVersion = 14;
constexpr int64_t kFirstIrVersionWithOpsets = 3;

[[noreturn]] void refuse(const std::string& message, const std::string& hint = {}) {
  throw Error(ErrorKind::input, message, hint);
}

using Domains = std::unordered_set<std::string_view>;

Domains checkOpsets(const google::protobuf::RepeatedPtrField<onnx::OperatorSetIdProto>& imports) {
  Domains domains;
  for (const auto& import : imports) {
    const std::string_view domain = plainDomain(import.domain());
    if (!domains.insert(domain).second) refuse(text("the opset of domain ", inQuotes(domain), " is imported twice"));
    if (import.version() < 1)
      refuse(text("the opset of domain ", inQuotes(domain), " has version ", import.version(), ", expected 1 or more"));
  }
  return domains;
}

Domains checkVersions(const onnx::ModelProto& model, std::vector<std::string>& warnings) {
  if (model.ir_version() < 1)
    refuse(text("ir_version is ", model.has_ir_version() ? text(model.ir_version()) : "missing", ", expected 1 to ",
                kNewestIrVersion));
  if (model.ir_version() > kNewestIrVersion)
    warnings.push_back(text("ir_version ", model.ir_version(), " is newer than ", kNewestIrVersion,
                            ": parts that are not known are carried as they are"));
  Domains domains = checkOpsets(model.opset_import());
  if (domains.empty()) {
    if (model.ir_version() >= kFirstIrVersionWithOpsets)
      refuse(text("opset_import is missing, which ir_version ", model.ir_version(), " requires"),
             "export the model again, or name the opset that it was written for");
    domains.insert("");
  }
  return domains;
}

/// How many of the fields that can hold data are set, and which kind the last of them is.
std::pair<int, AttributeProto::AttributeType> dataOf(const AttributeProto& attribute) {
  const std::pair<bool, AttributeProto::AttributeType> fields[] = {
      {attribute.has_f(), AttributeProto::FLOAT},
      {attribute.has_i(), AttributeProto::INT},
      {attribute.has_s(), AttributeProto::STRING},
      {attribute.has_t(), AttributeProto::TENSOR},
      {attribute.has_g(), AttributeProto::GRAPH},
      {attribute.has_tp(), AttributeProto::TYPE_PROTO},
      {attribute.has_sparse_tensor(), AttributeProto::SPARSE_TENSOR},
      {attribute.floats_size() > 0, AttributeProto::FLOATS},
      {attribute.ints_size() > 0, AttributeProto::INTS},
      {attribute.strings_size() > 0, AttributeProto::STRINGS},
      {attribute.tensors_size() > 0, AttributeProto::TENSORS},
      {attribute.graphs_size() > 0, AttributeProto::GRAPHS},
      {attribute.type_protos_size() > 0, AttributeProto::TYPE_PROTOS},
      {attribute.sparse_tensors_size() > 0, AttributeProto::SPARSE_TENSORS}};
  int count = 0;
  auto kind = AttributeProto::UNDEFINED;
  for (const auto& [isSet, fieldKind] : fields)
    if (isSet) {
      ++count;
      kind = fieldKind;
    }
  return {count, kind};
}

/// These are messages: without the field there is nothing to read.
bool needsField(AttributeProto::AttributeType kind) {
  return kind == AttributeProto::TENSOR || kind == AttributeProto::GRAPH || kind == AttributeProto::TYPE_PROTO ||
         kind == AttributeProto::SPARSE_TENSOR;
}

void checkAttribute(const AttributeProto& attribute, bool inFunction) {
  const auto [count, kind] = dataOf(attribute);
  if (attribute.name().empty()) refuse("an attribute has no name");
  if (!attribute.ref_attr_name().empty()) {
    if (!inFunction)
      refuse(text("attribute ", inQuotes(attribute.name()), " refers to a parameter of a function, but is in none"));
    if (count > 0)
      refuse(text("attribute ", inQuotes(attribute.name()),
                  " refers to a parameter and has data of its own, expected one of them"));
    return;
  }
  if (count > 1)
    refuse(text("attribute ", inQuotes(attribute.name()), " has data in ", count, " fields, expected one"));
  if (attribute.type() == AttributeProto::UNDEFINED) return;
  if ((count == 1 && kind != attribute.type()) || (count == 0 && needsField(attribute.type())))
    refuse(text("attribute ", inQuotes(attribute.name()), " has the type ",
                AttributeProto::AttributeType_Name(attribute.type()), " but ",
                count == 0 ? "no data" : "data of type " + AttributeProto::AttributeType_Name(kind)));
}

void checkNode(const onnx::NodeProto& node, const Domains& domains, bool inFunction) {
  if (node.op_type().empty()) refuse("it has no op type");
  if (!domains.contains(plainDomain(node.domain())))
    refuse(text("its domain ", inQuotes(node.domain()), " is not in opset_import"),
           "add the domain and its version to opset_import");
  if (isPrivateDomain(node.domain())) refuse(text("its domain ", inQuotes(node.domain()), " is private to a run"));
  std::unordered_set<std::string_view> names;
  for (const auto& attribute : node.attribute()) {
    checkAttribute(attribute, inFunction);
    if (!names.insert(attribute.name()).second)
      refuse(text("attribute ", inQuotes(attribute.name()), " is given twice"));
  }
}

/// Nodes of `roots` and of all bodies below them.
void checkNodes(const google::protobuf::RepeatedPtrField<onnx::NodeProto>& roots, const Domains& domains,
                bool inFunction) {
  std::vector<const google::protobuf::RepeatedPtrField<onnx::NodeProto>*> lists{&roots};
  for (size_t i = 0; i < lists.size(); ++i)
    for (const onnx::NodeProto& node : *lists[i])
      within([&] { return placeOf(node); },
             [&] {
               checkNode(node, domains, inFunction);
               forEachBody(node, [&](const onnx::GraphProto& body) { lists.push_back(&body.node()); });
             });
}

void checkInputs(const onnx::GraphProto& graph) {
  for (const auto& input : graph.input()) {
    if (input.name().empty()) refuse("a graph input has no name");
    if (!input.has_type() || input.type().value_case() == onnx::TypeProto::VALUE_NOT_SET)
      refuse(text("graph input ", inQuotes(input.name()), " has no type"));
    if (input.type().has_tensor_type() && input.type().tensor_type().elem_type() == onnx::TensorProto::UNDEFINED)
      refuse(text("graph input ", inQuotes(input.name()), " has no element type"));
  }
  for (const auto& output : graph.output())
    if (output.name().empty()) refuse("a graph output has no name");
}

/// Inputs, outputs and value_info may declare the same value: the first declaration counts.
void warnOfContradictions(const onnx::GraphProto& graph, std::vector<std::string>& warnings) {
  std::unordered_map<std::string_view, const onnx::TypeProto*> declared;
  for (const auto* list : {&graph.input(), &graph.output(), &graph.value_info()})
    for (const auto& value : *list) {
      if (!value.has_type()) continue;
      const auto [first, isNew] = declared.emplace(value.name(), &value.type());
      if (!isNew && typeOf(*first->second) != typeOf(value.type()))
        warnings.push_back(text("value ", inQuotes(value.name()), " is declared as ", print(typeOf(*first->second)),
                                " and as ", print(typeOf(value.type())), ": the first counts"));
    }
}

}  // namespace

void checkStructure(const onnx::ModelProto& model, const ReadLimits& limits, std::vector<std::string>& warnings) {
  if (!model.has_graph()) refuse("the model has no graph");
  const Domains domains = checkVersions(model, warnings);
  if (model.graph().node().empty() && model.graph().output().empty())
    refuse("the graph is empty: it has neither nodes nor outputs");
  checkInputs(model.graph());
  warnOfContradictions(model.graph(), warnings);
  checkNodes(model.graph().node(), domains, false);
  checkMainGraph(model.graph());
  checkFunctions(model, limits);
  for (const auto& function : model.functions())
    within([&] { return text("function ", inQuotes(function.name())); },
           [&] { checkNodes(function.node(), checkOpsets(function.opset_import()), true); });
  for (const auto& function : model.functions()) checkFunctionNames(function);
}

}  // namespace compress
