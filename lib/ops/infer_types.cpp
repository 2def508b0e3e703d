#include "lib/ops/infer_types.h"

#include "lib/ops/access.h"
#include "lib/ops/evaluate.h"
#include "lib/ops/rules.h"

namespace compress {
namespace {

constexpr int64_t kMostBytesRead = 1 << 22;  ///< inputs of a node that is evaluated during inference

std::vector<Type> inferGraph(const Graph& body, std::span<const Type> inputs, std::span<const Tensor* const> constants);

/// One pass over a graph: types and known values, node by node.
class Inference {
 public:
  Inference(const Graph& graph, int64_t foldLimit) : graph_(graph), foldLimit_(foldLimit) {
    int32_t last = -1;
    for (const ValueId id : graph.values()) last = id.index;
    const auto count = static_cast<size_t>(last + 1);
    result_.types.resize(count);
    result_.known.resize(count);
    partials_.resize(count);
    for (const ValueId id : graph.values()) {
      const Value& value = graph.value(id);
      if (value.constant) setKnown(id, *value.constant);
    }
    for (const ValueId id : graph.inputs())
      if (!result_.known[at(id)]) result_.types[at(id)] = graph.value(id).type;
  }

  void setType(ValueId id, const Type& type) { result_.types[at(id)] = type; }

  void setKnown(ValueId id, const Tensor& tensor) {
    result_.types[at(id)] = Type::tensor(tensor.dtype(), tensor.shape());
    result_.known[at(id)] = tensor;
  }

  Inferred run() && {
    for (const NodeId id : graph_.order()) {
      const Node& node = graph_.node(id);
      const OpSpec* spec = findOp(node.op, node.domain);
      if (spec == nullptr || spec->infer == nullptr) continue;
      within([&] { return describe(node); }, [&] { infer(*spec, node); });
      if (isFoldable(*spec, node)) fold(node);
    }
    return std::move(result_);
  }

 private:
  static size_t at(ValueId id) { return static_cast<size_t>(id.index); }

  void infer(const OpSpec& spec, const Node& node) {
    InferContext context{graph_,
                         node,
                         {},
                         {},
                         std::vector<Type>(node.outputs.size()),
                         {},
                         std::vector<std::optional<PartialInts>>(node.outputs.size()),
                         inferGraph};
    for (const ValueId input : node.inputs) {
      context.inputs.push_back(input ? result_.types[at(input)] : Type{});
      context.constants.push_back(input && result_.known[at(input)] ? &*result_.known[at(input)] : nullptr);
      context.partials.push_back(input && partials_[at(input)] ? &*partials_[at(input)] : nullptr);
    }
    withinBounds([&] { spec.infer(context); });
    for (size_t i = 0; i < node.outputs.size(); ++i) {
      if (!node.outputs[i]) continue;
      result_.types[at(node.outputs[i])] = std::move(context.outputs[i]);
      partials_[at(node.outputs[i])] = std::move(context.outputPartials[i]);
    }
    for (const ValueId output : node.outputs)
      if (output && !result_.known[at(output)]) keepWholePartial(output);
  }

  /// All inputs known, the outputs small, nothing random, no body.
  bool isFoldable(const OpSpec& spec, const Node& node) const {
    if (spec.reference == nullptr || node.captureCount > 0 || isRandom(node)) return false;
    for (const Attribute& attribute : node.attributes)
      if (std::holds_alternative<Body>(attribute.data)) return false;
    int64_t read = 0;
    for (const ValueId input : node.inputs) {
      if (!input) continue;
      if (!result_.known[at(input)]) return false;
      read += static_cast<int64_t>(result_.known[at(input)]->bytes().size());
    }
    if (read > kMostBytesRead) return false;
    for (const ValueId output : node.outputs) {
      if (!output) continue;
      const Type& type = result_.types[at(output)];
      const auto shape = type.shape();
      if (!shape || type.dtype == DType::undefined) return false;
      const auto count = checkedElementCount(shape->dims());
      if (!count || bytesOf(type.dtype, *count) > foldLimit_) return false;
    }
    return true;
  }

  static bool isRandom(const Node& node) {
    return node.op.starts_with("Random") || node.op == "Bernoulli" || node.op == "Multinomial" || node.op == "Dropout";
  }

  void fold(const Node& node) {
    std::vector<Tensor> inputs;
    for (const ValueId input : node.inputs) inputs.push_back(input ? *result_.known[at(input)] : Tensor{});
    const std::vector<Tensor> outputs = evaluate(graph_, node, inputs);
    for (size_t i = 0; i < outputs.size(); ++i)
      if (node.outputs[i] && outputs[i]) setKnown(node.outputs[i], outputs[i]);
  }

  /// A partial value of which every element is a number is a known value.
  void keepWholePartial(ValueId id) {
    const auto& partial = partials_[at(id)];
    const Type& type = result_.types[at(id)];
    const auto shape = type.shape();
    if (!partial || !shape || (type.dtype != DType::i64 && type.dtype != DType::i32)) return;
    if (shape->elementCount() != static_cast<int64_t>(partial->size())) return;
    std::vector<int64_t> numbers;
    for (const PartialInt& element : *partial) {
      if (!element.value) return;
      numbers.push_back(*element.value);
    }
    Buffer buffer(type.dtype, *shape);
    store(numbers, buffer);
    setKnown(id, std::move(buffer).freeze());
  }

  const Graph& graph_;
  int64_t foldLimit_;
  Inferred result_;
  std::vector<std::optional<PartialInts>> partials_;
};

std::vector<Type> inferGraph(const Graph& body, std::span<const Type> inputs,
                             std::span<const Tensor* const> constants) {
  Inference inference(body, 1 << 16);
  const auto ids = body.runtimeInputs();
  for (size_t i = 0; i < ids.size() && i < inputs.size(); ++i) {
    if (i < constants.size() && constants[i] != nullptr)
      inference.setKnown(ids[i], *constants[i]);
    else
      inference.setType(ids[i], inputs[i]);
  }
  const Inferred inferred = std::move(inference).run();
  std::vector<Type> outputs;
  for (const ValueId id : body.outputs()) outputs.push_back(inferred.types[static_cast<size_t>(id.index)]);
  return outputs;
}

}  // namespace

Inferred inferTypes(const Graph& graph, const std::map<ValueId, Type>& inputTypes, int64_t foldLimit) {
  Inference inference(graph, foldLimit);
  for (const auto& [id, type] : inputTypes) inference.setType(id, type);
  return std::move(inference).run();
}

}  // namespace compress
