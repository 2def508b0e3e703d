#include "passes/prune/latency_table.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstring>

#include "lib/base/error.h"
#include "lib/base/text.h"
#include "lib/eval/facts.h"
#include "lib/ops/upgrade.h"

namespace compress {
namespace {

constexpr int kRuns = 15;
constexpr int kWarmRuns = 3;

std::string describe(const Attribute& attribute) {
  if (const auto* number = std::get_if<int64_t>(&attribute.data)) return text(attribute.name, '=', *number);
  if (const auto* word = std::get_if<std::string>(&attribute.data)) return text(attribute.name, '=', *word);
  std::string list = attribute.name + "=";
  if (const auto* numbers = std::get_if<std::vector<int64_t>>(&attribute.data))
    for (const int64_t number : *numbers) list += text(number, ' ');
  return list;
}

/// Counts of groups and hidden units that go with the sizes of the operands.
Attributes fitted(const Node& node, std::span<const Type> inputs) {
  Attributes attributes = node.attributes;
  if (node.is("Conv")) attributes.set("group", inputs[0].dims->at(1).value / inputs[1].dims->at(1).value);
  if (attributes.has("hidden_size")) attributes.set("hidden_size", inputs[2].dims->at(2).value);
  return attributes;
}

Tensor filled(const Type& type) {
  Buffer buffer(type.dtype, *type.shape());
  std::memset(buffer.raw().data(), 0, buffer.raw().size());
  if (type.dtype == DType::f32)
    for (size_t i = 0; i < buffer.as<float>().size(); ++i) buffer.as<float>()[i] = 0.01F * static_cast<float>(i % 17);
  return std::move(buffer).freeze();
}

/// A model of this node alone; constants stay constants.
Model alone(const Graph& graph, const Node& node, const Opsets& opsets, Attributes attributes,
            std::span<const Type> inputs) {
  Model model;
  model.opsets = opsets;
  Node copy = node;
  copy.attributes = std::move(attributes);
  for (size_t i = 0; i < copy.inputs.size(); ++i) {
    if (!copy.inputs[i]) continue;
    const bool isConstant = graph.constant(copy.inputs[i]) != nullptr;
    copy.inputs[i] =
        model.graph.add({"v", inputs[i], isConstant ? std::optional(filled(inputs[i])) : std::nullopt, {}});
    if (!isConstant) model.graph.addInput(copy.inputs[i]);
  }
  for (ValueId& output : copy.outputs)
    if (output) model.graph.addOutput(output = model.graph.add({"y", {}, std::nullopt, {}}));
  model.graph.append(std::move(copy));
  return upgraded(model);
}

double leastTime(Backend& backend, const Model& model, int threads) {
  Bindings bindings;
  std::vector<Shape> shapes;
  for (const ValueId input : model.graph.runtimeInputs()) {
    bindings.inputs.push_back(filled(model.graph.value(input).type));
    shapes.push_back(bindings.inputs.back().shape());
  }
  const auto plan = backend.compile(model.graph, shapes, {.threads = threads});
  double least = HUGE_VAL;
  for (int run = 0; run < kWarmRuns + kRuns; ++run) {
    const auto start = std::chrono::steady_clock::now();
    plan->run(bindings);
    const std::chrono::duration<double, std::milli> taken = std::chrono::steady_clock::now() - start;
    if (run >= kWarmRuns) least = std::min(least, taken.count());
  }
  return least;
}

}  // namespace

LatencyTable::LatencyTable(Backend& backend, int threads, Opsets opsets, std::map<std::string, double> known)
    : backend_(backend), threads_(threads), opsets_(std::move(opsets)), times_(std::move(known)) {}

double LatencyTable::ms(const Graph& graph, const Node& node, std::span<const Type> inputs,
                        std::span<const Type> outputs) {
  if (macsOf(node, inputs, outputs).value_or(0) == 0) return 0;
  const Attributes attributes = fitted(node, inputs);
  std::string key = node.op;
  for (const Type& type : inputs) key += " " + print(type);
  for (const Attribute& attribute : attributes) key += " " + describe(attribute);
  key += text(" threads=", threads_);
  if (const auto found = times_.find(key); found != times_.end()) return found->second;
  double time = 0;
  try {
    time = leastTime(backend_, alone(graph, node, opsets_, attributes, inputs), threads_);
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::unsupported && error.kind() != ErrorKind::input) throw;
  }
  return times_[key] = time;
}

}  // namespace compress
