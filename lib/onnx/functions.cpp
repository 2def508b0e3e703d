#include "lib/onnx/functions.h"

#include <algorithm>
#include <map>
#include <tuple>

#include "lib/ir/cycle.h"
#include "lib/onnx/graphs.h"
#include "lib/onnx/prescan.h"
#include "lib/onnx/read_attribute.h"

namespace compress {
namespace {

/// Domain, name, overload.
using Key = std::tuple<std::string, std::string, std::string>;

Key keyOf(const onnx::FunctionProto& function) {
  return {std::string(plainDomain(function.domain())), function.name(), findOverload(function, kFunctionOverloadField)};
}

Key calledBy(const onnx::NodeProto& node) {
  return {std::string(plainDomain(node.domain())), node.op_type(), findOverload(node, kNodeOverloadField)};
}

/// Every node of the function, those in bodies too.
std::vector<const onnx::NodeProto*> allNodes(const onnx::FunctionProto& function) {
  std::vector<const onnx::NodeProto*> nodes;
  for (const auto& node : function.node()) nodes.push_back(&node);
  for (size_t i = 0; i < nodes.size(); ++i)
    forEachBody(*nodes[i], [&](const onnx::GraphProto& body) {
      for (const auto& node : body.node()) nodes.push_back(&node);
    });
  return nodes;
}

std::vector<std::vector<size_t>> callGraph(const onnx::ModelProto& model) {
  std::map<Key, size_t> numbers;
  for (const auto& function : model.functions()) {
    if (function.name().empty()) throw Error(ErrorKind::input, "a local function has no name");
    if (!numbers.emplace(keyOf(function), numbers.size()).second)
      throw Error(ErrorKind::input, text("function ", inQuotes(function.name()), " of domain ",
                                         inQuotes(function.domain()), " is defined twice"));
  }
  std::vector<std::vector<size_t>> calls(numbers.size());
  for (int i = 0; i < model.functions_size(); ++i)
    for (const onnx::NodeProto* node : allNodes(model.functions(i)))
      if (const auto called = numbers.find(calledBy(*node)); called != numbers.end())
        calls[static_cast<size_t>(i)].push_back(called->second);
  return calls;
}

/// Functions on the longest chain of calls. The calls have no cycle.
int64_t callDepth(const std::vector<std::vector<size_t>>& calls) {
  std::vector<size_t> callers(calls.size(), 0);
  for (const auto& called : calls)
    for (const size_t to : called) ++callers[to];
  std::vector<int64_t> depth(calls.size(), 1);
  std::vector<size_t> ready;
  for (size_t v = 0; v < calls.size(); ++v)
    if (callers[v] == 0) ready.push_back(v);
  int64_t deepest = 0;
  for (size_t i = 0; i < ready.size(); ++i) {
    deepest = std::max(deepest, depth[ready[i]]);
    for (const size_t to : calls[ready[i]]) {
      depth[to] = std::max(depth[to], depth[ready[i]] + 1);
      if (--callers[to] == 0) ready.push_back(to);
    }
  }
  return deepest;
}

std::string showCycle(const onnx::ModelProto& model, const std::vector<size_t>& cycle) {
  constexpr size_t kShown = 10;
  std::string out;
  for (size_t i = 0; i < cycle.size() && i < kShown; ++i)
    out += inQuotes(model.functions(static_cast<int>(cycle[i])).name()) + " -> ";
  if (cycle.size() > kShown) out += text("... ", cycle.size() - kShown, " more -> ");
  return out + inQuotes(model.functions(static_cast<int>(cycle.front())).name());
}

}  // namespace

std::string findOverload(const google::protobuf::Message& message, int number) {
  const auto& unknown = message.GetReflection()->GetUnknownFields(message);
  std::string overload;
  for (int i = 0; i < unknown.field_count(); ++i)
    if (unknown.field(i).number() == number &&
        unknown.field(i).type() == google::protobuf::UnknownField::TYPE_LENGTH_DELIMITED)
      overload = unknown.field(i).length_delimited();
  return overload;
}

void checkFunctions(const onnx::ModelProto& model, const ReadLimits& limits) {
  const auto calls = callGraph(model);
  if (const auto cycle = shortestCycle(calls); !cycle.empty())
    throw Error(ErrorKind::input, text("local functions call each other in a cycle: ", showCycle(model, cycle)));
  if (const int64_t depth = callDepth(calls); depth > limits.functionCallDepth)
    throw Error(ErrorKind::input,
                text("calls of local functions nest ", depth, " deep, at most ", limits.functionCallDepth,
                     " are allowed (limit 'function_call_depth')"),
                kRaiseLimit);
}

namespace {

/// `attribute_proto` is newer than the packaged schema: an unknown field of functions.
constexpr int kFunctionDefaultsField = 11;

Attributes defaultsOf(const onnx::FunctionProto& function, const TakeTensor& takeTensor) {
  Attributes defaults;
  const auto& unknown = function.GetReflection()->GetUnknownFields(function);
  for (int i = 0; i < unknown.field_count(); ++i) {
    const auto& field = unknown.field(i);
    if (field.number() != kFunctionDefaultsField ||
        field.type() != google::protobuf::UnknownField::TYPE_LENGTH_DELIMITED)
      continue;
    onnx::AttributeProto attribute;
    if (!attribute.ParseFromString(field.length_delimited()))
      throw Error(ErrorKind::input, "the default of an attribute cannot be parsed");
    defaults.append(takeAttribute(attribute, takeTensor, [](const onnx::GraphProto&) -> Body {
      throw Error(ErrorKind::unsupported, "a subgraph as the default of an attribute");
    }));
  }
  return defaults;
}

Function readFunction(const onnx::FunctionProto& proto, const TakeTensor& takeTensor) {
  if (std::ranges::find(proto.input(), "") != proto.input().end())
    throw Error(ErrorKind::input, "an input has no name");
  onnx::GraphProto graph;
  graph.set_name(proto.name());
  for (const std::string& name : proto.input()) graph.add_input()->set_name(name);
  for (const std::string& name : proto.output()) graph.add_output()->set_name(name);
  *graph.mutable_node() = proto.node();
  const auto [domain, name, overload] = keyOf(proto);
  Function function{domain, name, overload, takeGraph(graph, takeTensor), defaultsOf(proto, takeTensor), {}};
  for (const auto& import : proto.opset_import()) function.opsets.set(plainDomain(import.domain()), import.version());
  return function;
}

}  // namespace

std::vector<Function> readFunctions(const onnx::ModelProto& model, const TakeTensor& takeTensor) {
  std::vector<Function> functions;
  for (const auto& function : model.functions())
    functions.push_back(within([&] { return text("function ", inQuotes(function.name())); },
                               [&] { return readFunction(function, takeTensor); }));
  return functions;
}

}  // namespace compress
