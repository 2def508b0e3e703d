#include "lib/ops/upgrade_tools.h"

#include <algorithm>
#include <array>

#include "lib/base/error.h"
#include "lib/base/text.h"

namespace compress {
namespace {

constexpr int kMostSteps = 100'000;

bool startsWithAny(std::string_view op, std::initializer_list<std::string_view> names) {
  return std::ranges::find(names, op) != names.end();
}

/// Ops whose first output has neither type nor shape of an input.
bool changesType(const Node& node) {
  return startsWithAny(node.op, {"Cast", "Shape", "Size", "ArgMax", "ArgMin", "NonZero", "Equal", "Greater", "Less",
                                 "QuantizeLinear", "DequantizeLinear", "Constant", "ConstantOfShape", "ConvInteger",
                                 "MatMulInteger", "DynamicQuantizeLinear"});
}

bool keepsRank(const Node& node) {
  return startsWithAny(node.op, {"Relu",
                                 "Clip",
                                 "Sigmoid",
                                 "Tanh",
                                 "LeakyRelu",
                                 "BatchNormalization",
                                 "InstanceNormalization",
                                 "Conv",
                                 "ConvTranspose",
                                 "MaxPool",
                                 "AveragePool",
                                 "GlobalAveragePool",
                                 "GlobalMaxPool",
                                 "Identity",
                                 "Dropout",
                                 "Cast",
                                 "Exp",
                                 "Log",
                                 "Sqrt",
                                 "Abs",
                                 "Neg",
                                 "Softmax",
                                 "LogSoftmax",
                                 "Transpose",
                                 "Pad",
                                 "Slice",
                                 "Concat",
                                 "Upsample",
                                 "Resize",
                                 "LRN",
                                 "PRelu",
                                 "Elu",
                                 "Selu",
                                 "HardSigmoid",
                                 "Softplus"});
}

size_t outputIndex(const Node& node, ValueId id) {
  return static_cast<size_t>(std::ranges::find(node.outputs, id) - node.outputs.begin());
}

/// The input whose element type output `id` has.
size_t typeInput(const Node& node, ValueId id) {
  if (node.op == "Where") return 1;
  if (node.op == "Loop") return 2 + outputIndex(node, id);
  return 0;
}

}  // namespace

DType elementType(const Graph& graph, ValueId id) {
  for (int step = 0; id && step < kMostSteps; ++step) {
    const Value& value = graph.value(id);
    if (value.constant) return value.constant->dtype();
    if (value.type.isTensor() && value.type.dtype != DType::undefined) return value.type.dtype;
    const NodeId producer = graph.producer(id);
    if (!producer) break;
    const Node& node = graph.node(producer);
    if (node.op == "Cast") return static_cast<DType>(node.attributes.integer("to", 1));
    if (node.op == "Shape" || node.op == "Size" || node.op == "NonZero" || node.op.starts_with("Arg"))
      return DType::i64;
    if (const Tensor* constant = node.attributes.tensor("value")) return constant->dtype();
    if (node.op == "If")
      if (const Body body = node.attributes.body("then_branch"))
        return elementType(*body, body->outputs().at(outputIndex(node, id)));
    if (changesType(node)) break;
    id = node.input(typeInput(node, id));
  }
  return DType::f32;
}

std::optional<size_t> rankOf(const Graph& graph, ValueId id) {
  for (int step = 0; id && step < kMostSteps; ++step) {
    const Value& value = graph.value(id);
    if (value.constant) return value.constant->shape().rank();
    if (value.type.hasRank()) return value.type.rank();
    const NodeId producer = graph.producer(id);
    if (!producer) break;
    const Node& node = graph.node(producer);
    if (const Tensor* constant = node.attributes.tensor("value"); constant != nullptr && node.op == "Constant")
      return constant->shape().rank();
    if (node.op == "Gemm" || node.op == "Flatten") return 2;
    if (const Tensor* shape = node.op == "Reshape" ? constantInput(graph, producer, 1) : nullptr)
      return static_cast<size_t>(shape->elementCount());
    if (!keepsRank(node)) break;
    id = node.input(0);
  }
  return std::nullopt;
}

const Tensor* constantInput(const Graph& graph, NodeId id, size_t i) {
  const ValueId value = graph.node(id).input(i);
  if (!value) return nullptr;
  if (const Tensor* constant = graph.constant(value)) return constant;
  const NodeId producer = graph.producer(value);
  if (!producer || !graph.node(producer).is("Constant")) return nullptr;
  return graph.node(producer).attributes.tensor("value");
}

ValueId addConstantFor(Graph& graph, NodeId id, std::string_view what, Tensor tensor) {
  const ValueId output = graph.node(id).output(0);
  return graph.addConstant(text(output ? graph.value(output).name : graph.node(id).name, ".", what), std::move(tensor));
}

void placeInput(Graph& graph, NodeId id, size_t i, ValueId value) {
  std::vector<ValueId> inputs = graph.node(id).inputs;
  if (inputs.size() <= i) inputs.resize(i + 1, kNoValue);
  inputs[i] = value;
  graph.setInputs(id, std::move(inputs));
}

void integersToInput(Graph& graph, NodeId id, std::string_view name, size_t i) {
  if (!graph.node(id).attributes.has(name)) return;
  const std::vector<int64_t> values = graph.node(id).attributes.integers(name);
  graph.eraseAttribute(id, name);
  placeInput(graph, id, i, addConstantFor(graph, id, name, Tensor::ofInts(values)));
}

void broadcastAsNumpy(Graph& graph, NodeId id) {
  const Node node = graph.node(id);
  graph.eraseAttribute(id, "broadcast");
  graph.eraseAttribute(id, "axis");
  if (node.attributes.integer("broadcast", 0) == 0 || !node.attributes.has("axis")) return;
  const auto left = rankOf(graph, node.input(0)), right = rankOf(graph, node.input(1));
  if (!left || !right) throw Error(ErrorKind::unsupported, "the ranks of the inputs are not declared");
  const auto trailing = static_cast<int64_t>(*left) -
                        static_cast<int64_t>(normalizedAxis(node.attributes.integer("axis", 0), *left)) -
                        static_cast<int64_t>(*right);
  if (trailing <= 0) return;
  std::vector<int64_t> axes;
  for (int64_t i = 0; i < trailing; ++i) axes.push_back(static_cast<int64_t>(*right) + i);
  Attributes attributes;
  attributes.set("axes", std::move(axes));
  graph.setInput(id, 1,
                 graph.emit("Unsqueeze", {node.inputs[1]}, text(graph.value(node.inputs[1]).name, ".aligned"),
                            std::move(attributes)));
}

}  // namespace compress
