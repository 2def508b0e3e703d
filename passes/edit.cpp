#include "passes/edit.h"

#include <algorithm>

#include "lib/base/error.h"
#include "lib/base/text.h"

namespace compress {
namespace {

int64_t editBodies(Graph& graph, NodeId id, const std::function<int64_t(Graph&)>& edit) {
  int64_t changes = 0;
  const auto edited = [&](const Body& body) -> Body {
    Graph copy = *body;
    const int64_t count = editEachGraph(copy, edit);
    changes += count;
    return count == 0 ? body : std::make_shared<const Graph>(std::move(copy));
  };
  const Attributes attributes = graph.node(id).attributes;
  for (const Attribute& attribute : attributes) {
    const int64_t before = changes;
    if (const auto* body = std::get_if<Body>(&attribute.data)) {
      const Body copy = edited(*body);
      if (changes > before) graph.setAttribute(id, attribute.name, copy);
    } else if (const auto* bodies = std::get_if<std::vector<Body>>(&attribute.data)) {
      std::vector<Body> copies;
      for (const Body& each : *bodies) copies.push_back(edited(each));
      if (changes > before) graph.setAttribute(id, attribute.name, std::move(copies));
    }
  }
  return changes;
}

bool isUnused(const Graph& graph, ValueId id) {
  return !id || (graph.uses(id).empty() && !graph.isOutput(id));
}

}  // namespace

int64_t editEachGraph(Graph& graph, const std::function<int64_t(Graph&)>& edit) {
  int64_t changes = edit(graph);
  for (const NodeId id : graph.nodes())
    if (hasBody(graph.node(id))) changes += editBodies(graph, id, edit);
  return changes;
}

bool hasBody(const Node& node) {
  return std::ranges::any_of(node.attributes, [](const Attribute& attribute) {
    return std::holds_alternative<Body>(attribute.data) || std::holds_alternative<std::vector<Body>>(attribute.data);
  });
}

bool bypass(Graph& graph, NodeId id, ValueId from) {
  const std::vector<ValueId> outputs = graph.node(id).outputs;
  const std::vector<ValueId> inputs = graph.node(id).inputs;
  const ValueId to = outputs.at(0);
  const bool isPromised = graph.isOutput(to);
  const NodeId producer = graph.producer(from);
  if (isPromised && (!producer || graph.isOutput(from))) return false;
  graph.erase(id);
  if (isPromised) {
    std::vector<ValueId> handed = graph.node(producer).outputs;
    std::ranges::replace(handed, from, to);
    graph.setOutputs(producer, std::move(handed));
    graph.replaceUses(from, to);
    graph.erase(from);
  } else {
    graph.replaceUses(to, from);
    graph.erase(to);
  }
  for (size_t i = 1; i < outputs.size(); ++i)
    if (outputs[i]) graph.erase(outputs[i]);
  for (const ValueId input : inputs)
    if (input && graph.isAlive(input)) eraseUnused(graph, input);
  return true;
}

void mergeInto(Graph& graph, NodeId first, NodeId last) {
  const ValueId between = graph.node(first).outputs.at(0);
  const std::vector<ValueId> inputs = graph.node(last).inputs;
  const std::vector<ValueId> outputs = graph.node(last).outputs;
  graph.erase(last);
  graph.setOutputs(first, {outputs.at(0)});
  for (size_t i = 1; i < outputs.size(); ++i)
    if (outputs[i]) graph.erase(outputs[i]);
  graph.erase(between);
  for (const ValueId input : inputs)
    if (input && graph.isAlive(input)) eraseUnused(graph, input);
}

void eraseUnused(Graph& graph, ValueId value) {
  std::vector<ValueId> pending = {value};
  while (!pending.empty()) {
    const ValueId id = pending.back();
    pending.pop_back();
    if (!graph.isAlive(id) || !isUnused(graph, id)) continue;
    if (const NodeId producer = graph.producer(id)) {
      const std::vector<ValueId> outputs = graph.node(producer).outputs;
      if (!std::ranges::all_of(outputs, [&](ValueId output) { return isUnused(graph, output); })) continue;
      const std::vector<ValueId> inputs = graph.node(producer).inputs;
      graph.erase(producer);
      for (const ValueId output : outputs)
        if (output) graph.erase(output);
      for (const ValueId input : inputs)
        if (input) pending.push_back(input);
      continue;
    }
    if (graph.isInput(id)) {
      if (graph.constant(id) == nullptr) continue;
      std::vector<ValueId> inputs = graph.inputs();
      std::erase(inputs, id);
      graph.setInputs(std::move(inputs));
    }
    graph.erase(id);
  }
}

std::optional<std::vector<int64_t>> findIntegers(const Graph& graph, const Node& node, std::string_view attribute,
                                                 size_t input) {
  if (node.attributes.has(attribute)) return node.attributes.integers(attribute);
  const Tensor* constant = graph.constant(node.input(input));
  if (constant == nullptr || !(isInteger(constant->dtype()) && bitsOf(constant->dtype()) >= 8)) return std::nullopt;
  return toInts(*constant);
}

std::optional<double> findScalar(const Tensor* tensor) {
  if (tensor == nullptr || tensor->elementCount() != 1) return std::nullopt;
  return findUniform(tensor);
}

std::optional<double> findUniform(const Tensor* tensor) {
  if (tensor == nullptr || tensor->elementCount() == 0) return std::nullopt;
  switch (tensor->dtype()) {
    case DType::f32:
    case DType::f64:
    case DType::f16:
    case DType::bf16:
    case DType::i8:
    case DType::u8:
    case DType::i16:
    case DType::u16:
    case DType::i32:
    case DType::u32:
    case DType::i64:
    case DType::u64:
      break;
    default:
      return std::nullopt;
  }
  const std::vector<double> values = toDoubles(*tensor);
  if (!std::ranges::all_of(values, [&](double value) { return value == values[0]; })) return std::nullopt;
  return values[0];
}

Tensor makeFloats(DType dtype, const Shape& shape, const std::vector<double>& values) {
  Buffer buffer(dtype, shape);
  if (dtype == DType::f64)
    std::ranges::copy(values, buffer.as<double>().begin());
  else
    std::ranges::transform(values, buffer.as<float>().begin(), [](double value) { return static_cast<float>(value); });
  return std::move(buffer).freeze();
}

bool onlyFirstOutputUsed(const Graph& graph, const Node& node) {
  for (size_t i = 1; i < node.outputs.size(); ++i)
    if (!isUnused(graph, node.outputs[i])) return false;
  return !node.outputs.empty() && node.outputs[0];
}

std::string foldedName(std::string_view name) {
  return name.ends_with(".folded") ? std::string(name) : text(name, ".folded");
}

}  // namespace compress
