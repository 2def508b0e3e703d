#include "lib/ops/evaluate.h"

#include <algorithm>
#include <chrono>

#include "lib/ops/infer_types.h"
#include "lib/ops/rules.h"

namespace compress {
namespace {

Type typeOf(const Tensor& tensor) {
  if (tensor.isList()) {
    const auto& elements = tensor.elements();
    Type element = elements.empty() ? Type{} : typeOf(elements[0]);
    for (const Tensor& each : elements) element = commonType(element, typeOf(each));
    const auto kind = tensor.dtype() == DType::sequence ? Type::Kind::sequence : Type::Kind::optional;
    return {kind, DType::undefined, std::nullopt, std::make_shared<const Type>(std::move(element))};
  }
  return tensor ? Type::tensor(tensor.dtype(), tensor.shape()) : Type{};
}

std::vector<Type> inferBodyTypes(const Graph& body, std::span<const Type> inputs, std::span<const Tensor* const>) {
  std::map<ValueId, Type> given;
  const auto ids = body.runtimeInputs();
  for (size_t i = 0; i < ids.size() && i < inputs.size(); ++i) given[ids[i]] = inputs[i];
  const Inferred inferred = inferTypes(body, given);
  std::vector<Type> outputs;
  for (const ValueId id : body.outputs()) outputs.push_back(inferred.types[static_cast<size_t>(id.index)]);
  return outputs;
}

/// Output types by the op's rule, all inputs being known.
std::vector<Type> outputTypes(const OpSpec& spec, const Graph& graph, const Node& node,
                              std::span<const Tensor> inputs) {
  std::vector<Type> outputs(node.outputs.size());
  if (spec.infer == nullptr) return outputs;
  InferContext context{graph, node, {}, {}, std::move(outputs), {}, {}, inferBodyTypes};
  for (const Tensor& input : inputs) {
    context.inputs.push_back(typeOf(input));
    context.constants.push_back(input ? &input : nullptr);
  }
  context.partials.resize(inputs.size());
  context.outputPartials.resize(node.outputs.size());
  spec.infer(context);
  return std::move(context.outputs);
}

/// Buffers for the outputs whose types the rule knows, those that nobody wants too: a reference may write them.
std::vector<Buffer> allocate(const Node& node, const std::vector<Type>& types) {
  std::vector<Buffer> outputs(types.size());
  for (size_t i = 0; i < types.size(); ++i) {
    if (!types[i].isTensor()) continue;
    if (node.outputs[i] && types[i].dtype == DType::undefined)
      reject("the element type of output ", i, " is not known");
    if (const auto shape = types[i].shape(); shape && types[i].dtype != DType::undefined)
      outputs[i] = Buffer(types[i].dtype, *shape);
  }
  return outputs;
}

/// Results of a body that never ran: nothing of the type that it would give.
void allocateUncomputed(const Node& node, const std::vector<Type>& types, std::vector<Buffer>& outputs) {
  for (size_t i = 0; i < outputs.size(); ++i) {
    if (!node.outputs[i] || outputs[i].dtype() != DType::undefined || !types[i].hasRank()) continue;
    std::vector<int64_t> dims;
    for (const Dim& dim : *types[i].dims) dims.push_back(dim.isKnown() ? dim.value : 0);
    if (types[i].dtype != DType::undefined) outputs[i] = Buffer(types[i].dtype, Shape(dims));
  }
}

bool hasBody(const Node& node) {
  return std::ranges::any_of(node.attributes,
                             [](const Attribute& attribute) { return std::holds_alternative<Body>(attribute.data); });
}

std::vector<Tensor> run(const OpSpec& spec, const Graph& graph, const Node& node, std::span<const Tensor> inputs,
                        const RunBody& runBody) {
  for (size_t i = 0; i < node.inputs.size(); ++i)
    if (node.inputs[i] && !inputs[i])
      reject("input ", i, " '", displayName(graph.value(node.inputs[i]).name), "' has no value");
  // What bodies give is known when they have run.
  std::vector<Buffer> outputs =
      hasBody(node) ? std::vector<Buffer>(node.outputs.size()) : allocate(node, outputTypes(spec, graph, node, inputs));
  const RunBody byReference = [](const Graph& body, std::span<const Tensor> given) { return evaluate(body, given); };
  ReferenceContext context{node, inputs, outputs, runBody ? runBody : byReference};
  spec.reference(context);
  if (hasBody(node) && std::ranges::any_of(outputs, [](const Buffer& b) { return b.dtype() == DType::undefined; }))
    allocateUncomputed(node, outputTypes(spec, graph, node, inputs), outputs);
  std::vector<Tensor> results(outputs.size());
  for (size_t i = 0; i < outputs.size(); ++i) {
    if (!node.outputs[i]) continue;
    if (outputs[i].dtype() == DType::undefined)
      throw Error(ErrorKind::unsupported, text("output ", i, " is not computed"));
    results[i] = std::move(outputs[i]).freeze();
  }
  return results;
}

Error noReference(const Node& node) {
  return {ErrorKind::unsupported,
          text(describe(node), ": op '", displayName(node.op), "' of domain '",
               node.domain.empty() ? "ai.onnx" : displayName(node.domain), "' is not supported")};
}

}  // namespace

std::vector<Tensor> evaluate(const Graph& graph, const Node& node, std::span<const Tensor> inputs,
                             const RunBody& runBody) {
  const OpSpec* spec = findOp(node.op, node.domain);
  if (spec == nullptr || spec->reference == nullptr) throw noReference(node);
  return within([&] { return describe(node); },
                [&] { return withinBounds([&] { return run(*spec, graph, node, inputs, runBody); }); });
}

namespace {

size_t at(ValueId id) {
  return static_cast<size_t>(id.index);
}

/// The tensors of a graph while it is evaluated; each is freed when its last reader has run.
class LiveValues {
 public:
  LiveValues(const Graph& graph, std::span<const Tensor> inputs, std::span<const ValueId> wanted) {
    const auto all = graph.values();
    const size_t count = all.empty() ? 0 : at(all.back()) + 1;
    values_.resize(count);
    readers_.resize(count);
    for (const ValueId id : all) {
      if (const Tensor* constant = graph.constant(id)) values_[at(id)] = *constant;
      readers_[at(id)] = graph.uses(id).size();
    }
    const auto ids = graph.runtimeInputs();
    if (ids.size() != inputs.size())
      throw Error(ErrorKind::bug,
                  text("graph '", graph.name, "' takes ", ids.size(), " inputs, ", inputs.size(), " given"));
    for (size_t i = 0; i < ids.size(); ++i) values_[at(ids[i])] = inputs[i];
    for (const ValueId id : wanted) ++readers_[at(id)];
  }

  Tensor read(ValueId id) const { return id ? values_[at(id)] : Tensor{}; }
  void write(ValueId id, Tensor tensor) {
    if (id && readers_[at(id)] > 0) values_[at(id)] = std::move(tensor);
  }
  void release(ValueId id) {
    if (id && --readers_[at(id)] == 0) values_[at(id)] = {};
  }

 private:
  std::vector<Tensor> values_;
  std::vector<size_t> readers_;
};

double millisecondsSince(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start).count();
}

}  // namespace

std::vector<Tensor> evaluate(const Graph& graph, std::span<const Tensor> inputs, std::span<const ValueId> observed,
                             const EvaluateHooks& hooks) {
  std::vector<ValueId> wanted = graph.outputs();
  wanted.insert(wanted.end(), observed.begin(), observed.end());
  LiveValues live(graph, inputs, wanted);
  size_t position = 0;
  std::vector<Tensor> given;
  for (const NodeId id : graph.order()) {
    const auto start = std::chrono::steady_clock::now();
    const Node& node = graph.node(id);
    given.clear();
    for (const ValueId input : node.inputs) given.push_back(live.read(input));
    std::vector<Tensor> results = evaluate(graph, node, given);
    for (size_t i = 0; i < results.size(); ++i) live.write(node.outputs[i], std::move(results[i]));
    for (const ValueId input : node.inputs) live.release(input);
    if (hooks.afterNode) hooks.afterNode(position, millisecondsSince(start));
    ++position;
  }
  std::vector<Tensor> outputs;
  for (const ValueId id : wanted) outputs.push_back(live.read(id));
  return outputs;
}

void requireReferences(const Graph& graph) {
  for (const NodeId id : graph.order()) {
    const Node& node = graph.node(id);
    const OpSpec* spec = findOp(node.op, node.domain);
    if (spec == nullptr || spec->reference == nullptr) throw noReference(node);
    for (const Attribute& attribute : node.attributes)
      if (const auto* body = std::get_if<Body>(&attribute.data)) requireReferences(**body);
  }
}

}  // namespace compress
