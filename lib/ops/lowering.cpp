#include "lib/ops/lowering.h"

#include "lib/ops/access.h"
#include "lib/ops/evaluate.h"
#include "lib/ops/infer_types.h"
#include "lib/ops/rules.h"

namespace compress {

Attributes attributesOf(std::initializer_list<std::pair<std::string_view, AttributeData>> items) {
  Attributes attributes;
  for (const auto& [name, data] : items) attributes.set(name, data);
  return attributes;
}

Lowering::Lowering(Graph& graph, NodeId id, std::vector<Type> types)
    : graph_(graph), id_(id), node_(graph.node(id)), types_(std::move(types)) {}

const Type& Lowering::type(size_t i) const {
  static const Type kUnknown;
  return i < types_.size() ? types_[i] : kUnknown;
}

int64_t Lowering::dim(size_t i, int64_t axis) const {
  if (!knowsRank(i)) return -1;
  return (*type(i).dims)[normalizedAxis(axis, type(i).rank())].value;
}

std::string Lowering::nameOf(std::string_view op) const {
  for (const ValueId output : node_.outputs)
    if (output) return text(graph_.value(output).name, ".", op);
  return std::string(op);
}

std::vector<ValueId> Lowering::emitMany(std::string_view op, std::vector<ValueId> inputs, size_t outputs,
                                        Attributes attributes) {
  if (graph_.isAlive(id_)) graph_.erase(id_);
  Node next;
  next.op = op;
  next.name = nameOf(op);
  while (!inputs.empty() && !inputs.back()) inputs.pop_back();
  next.inputs = std::move(inputs);
  for (size_t i = 0; i < outputs; ++i) next.outputs.push_back(graph_.add({nameOf(op), {}, std::nullopt, {}}));
  next.attributes = std::move(attributes);
  const std::vector<ValueId> results = next.outputs;
  graph_.append(std::move(next));
  return results;
}

ValueId Lowering::emit(std::string_view op, std::vector<ValueId> inputs, Attributes attributes) {
  return emitMany(op, std::move(inputs), 1, std::move(attributes))[0];
}

ValueId Lowering::constant(Tensor tensor) {
  return graph_.addConstant(nameOf("constant"), std::move(tensor));
}

ValueId Lowering::scalar(double value, DType dtype) {
  Buffer buffer(dtype, Shape{});
  store(std::span<const double>(&value, 1), buffer);
  return constant(std::move(buffer).freeze());
}

void Lowering::give(size_t output, ValueId value) {
  const ValueId target = node_.output(output);
  if (!target) return;
  const NodeId producer = graph_.producer(value);
  if (!producer) {
    const ValueId copy = emit("Identity", {value});
    return give(output, copy);
  }
  std::vector<ValueId> outputs = graph_.node(producer).outputs;
  for (ValueId& each : outputs)
    if (each == value) each = target;
  graph_.replaceUses(value, target);
  graph_.setOutputs(producer, std::move(outputs));
  graph_.erase(value);
}

namespace {

/// A graph of one node, with its inputs as constants where they are known, and what was lowered.
struct Alone {
  Graph graph;
  std::vector<ValueId> outputs;  ///< kNoValue where absent
  bool isLowered = false;

  Alone(const Node& node, const std::vector<Type>& types, std::span<const Tensor* const> constants) {
    Node copy = node;
    for (size_t i = 0; i < copy.inputs.size(); ++i) {
      if (!copy.inputs[i]) continue;
      if (constants[i] != nullptr) {
        copy.inputs[i] = graph.addConstant(text("input", i), *constants[i]);
      } else {
        copy.inputs[i] = graph.add({text("input", i), types[i], std::nullopt, {}});
        graph.addInput(copy.inputs[i]);
      }
    }
    for (size_t i = 0; i < copy.outputs.size(); ++i)
      if (copy.outputs[i]) copy.outputs[i] = graph.add({text("output", i), {}, std::nullopt, {}});
    outputs = copy.outputs;
    const NodeId id = graph.append(std::move(copy));
    Lowering lowering(graph, id, types);
    isLowered = findOp(node.op, node.domain)->lower(lowering);
  }
};

void inferLowered(InferContext& context) {
  const Alone alone(context.node, context.inputs, context.constants);
  if (!alone.isLowered) return;
  const Inferred inferred = inferTypes(alone.graph);
  for (size_t i = 0; i < context.outputs.size(); ++i)
    if (alone.outputs[i]) context.outputs[i] = inferred.types[static_cast<size_t>(alone.outputs[i].index)];
}

}  // namespace

void runLowered(ReferenceContext& context) {
  std::vector<Type> types;
  std::vector<const Tensor*> constants;
  for (const Tensor& input : context.inputs) {
    types.push_back(input ? Type::tensor(input.dtype(), input.shape()) : Type{});
    constants.push_back(input ? &input : nullptr);
  }
  Alone alone(context.node, types, constants);
  if (!alone.isLowered) throw Error(ErrorKind::unsupported, "inputs of this form are not supported");
  for (const ValueId output : alone.outputs)
    if (output) alone.graph.addOutput(output);
  const std::vector<Tensor> results = evaluate(alone.graph, std::span<const Tensor>{});
  size_t next = 0;
  for (size_t i = 0; i < alone.outputs.size(); ++i) {
    if (!alone.outputs[i]) continue;
    const Tensor& result = results[next++];
    context.outputs[i] = Buffer(result.dtype(), result.shape());
    copyAll(result, context.outputs[i]);
  }
}

OpSpec lowered(std::string_view op, std::string_view domain, Lower lower, std::string_view doc) {
  return {op, domain, inferLowered, runLowered, {}, doc, lower};
}

int64_t lowerAll(Graph& graph, std::span<const Type> types) {
  int64_t count = 0;
  for (const NodeId id : graph.nodes()) {
    const Node& node = graph.node(id);
    const OpSpec* spec = findOp(node.op, node.domain);
    if (spec == nullptr || spec->lower == nullptr) continue;
    std::vector<Type> inputs;
    for (const ValueId input : node.inputs) inputs.push_back(input ? types[static_cast<size_t>(input.index)] : Type{});
    Lowering lowering(graph, id, std::move(inputs));
    count += within([&] { return describe(lowering.node()); }, [&] { return spec->lower(lowering); }) ? 1 : 0;
  }
  return count;
}

}  // namespace compress
