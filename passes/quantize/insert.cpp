#include "passes/quantize/insert.h"

#include <algorithm>

#include "lib/base/text.h"

namespace compress {
namespace {

template <typename To>
Tensor converted(Shape shape, const std::vector<int32_t>& values) {
  std::vector<To> narrow;
  for (const int32_t value : values) narrow.push_back(static_cast<To>(value));
  return Tensor::of<To>(std::move(shape), narrow);
}

Tensor zeroPointTensor(const Encoding& encoding, Shape shape) {
  if (encoding.dtype == DType::u8) return converted<uint8_t>(std::move(shape), encoding.zeroPoints);
  if (encoding.dtype == DType::i8) return converted<int8_t>(std::move(shape), encoding.zeroPoints);
  return converted<int32_t>(std::move(shape), encoding.zeroPoints);
}

/// Scale and zero point as initializers; the same pair serves Q and DQ.
struct Parameters {
  ValueId scale, zeroPoint;
};

Parameters addParameters(Graph& graph, const std::string& name, const Encoding& encoding) {
  const Shape shape = encoding.axis ? Shape{static_cast<int64_t>(encoding.scales.size())} : Shape{};
  return {graph.addConstant(name + ".scale", Tensor::of<float>(shape, encoding.scales)),
          graph.addConstant(name + ".zero_point", zeroPointTensor(encoding, shape))};
}

Attributes axisOf(const Encoding& encoding) {
  Attributes attributes;
  if (encoding.axis) attributes.set("axis", *encoding.axis);
  return attributes;
}

class Inserter {
 public:
  Inserter(Graph& graph, const QuantizePlan& plan, const Lowering& lowering)
      : graph_(graph), plan_(plan), lowering_(lowering) {}

  void run() {
    addGroupParameters();
    for (const PlannedNode& node : plan_.nodes)
      if (node.rule->kind == QuantizeKind::weighted) lowerWeight(node);
    for (const PlannedNode& node : plan_.nodes)
      if (node.output) lowerOutput(node);
    for (const PlannedTensor& tensor : plan_.tensors)
      if (!tensor.fromInteger) lowerFloat(tensor);
    dropUnusedParameters();
    graph_.eraseDead();
  }

 private:
  void addGroupParameters() {
    for (size_t i = 0; i < plan_.groups.size(); ++i) {
      const ValueId first = plan_.tensors[plan_.groups[i].tensors.front()].value;
      parameters_.push_back(addParameters(graph_, graph_.value(first).name, lowering_.groups[i]));
    }
  }

  const Parameters& parametersOf(ValueId tensor) const {
    return parameters_[plan_.tensors[*plan_.findTensor(tensor)].group];
  }
  float scaleOf(ValueId tensor) const {
    return lowering_.groups[plan_.tensors[*plan_.findTensor(tensor)].group].scales[0];
  }

  NodeId append(std::string_view op, std::vector<ValueId> inputs, ValueId output, Attributes attributes = {}) {
    Node node;
    node.op = op;
    node.name = text(graph_.value(output).name, "/", op);
    node.inputs = std::move(inputs);
    node.outputs = {output};
    node.attributes = std::move(attributes);
    return graph_.append(std::move(node));
  }

  ValueId fresh(const std::string& name, ValueId like) {
    Value value;
    value.name = name;
    value.type = graph_.value(like).type;
    return graph_.add(std::move(value));
  }

  ValueId fresh(const std::string& name) {
    Value value;
    value.name = name;
    return graph_.add(std::move(value));
  }

  ValueId appendQuantize(ValueId from, const std::string& name, const Parameters& parameters) {
    const ValueId quantized = fresh(name + ".quantized");
    append("QuantizeLinear", {from, parameters.scale, parameters.zeroPoint}, quantized);
    return quantized;
  }

  void lowerWeight(const PlannedNode& planned) {
    const QuantizedWeight& weight = lowering_.weights.at(planned.node);
    const Node node = graph_.node(planned.node);
    const std::string name = graph_.value(node.inputs[1]).name;
    const Parameters parameters = addParameters(graph_, name, weight.encoding);
    const ValueId codes = graph_.addConstant(name + ".quantized", weight.codes);
    const ValueId real = fresh(name + ".dequantized");
    append("DequantizeLinear", {codes, parameters.scale, parameters.zeroPoint}, real, axisOf(weight.encoding));
    graph_.setInput(planned.node, 1, real);
    if (weight.bias.empty()) return;
    const ValueId bias =
        lowerBias(weight, scaleOf(node.inputs[0]), node.input(2) ? graph_.value(node.inputs[2]).name : name + ".bias");
    if (node.inputs.size() > 2) {
      graph_.setInput(planned.node, 2, bias);
    } else {
      graph_.setInputs(planned.node, {node.inputs[0], real, bias});
    }
  }

  ValueId lowerBias(const QuantizedWeight& weight, float inputScale, const std::string& name) {
    Encoding encoding{DType::i32, weight.encoding.scales, std::vector<int32_t>(weight.encoding.scales.size(), 0),
                      std::nullopt};
    if (weight.encoding.axis) encoding.axis = 0;
    for (float& scale : encoding.scales) scale *= inputScale;
    const Parameters parameters = addParameters(graph_, name, encoding);
    const std::vector<int32_t> codes = biasCodes(weight, inputScale);
    const ValueId stored =
        graph_.addConstant(name + ".quantized", Tensor::of<int32_t>(Shape{static_cast<int64_t>(codes.size())}, codes));
    const ValueId real = fresh(name + ".dequantized");
    append("DequantizeLinear", {stored, parameters.scale, parameters.zeroPoint}, real, axisOf(encoding));
    return real;
  }

  /// Node -> (clamp ->) t becomes Node -> Q -> DQ -> t.
  void lowerOutput(const PlannedNode& planned) {
    const std::string name = graph_.value(planned.output).name;
    ValueId computed = graph_.node(planned.node).outputs[0];
    if (planned.clamp) {
      graph_.erase(planned.clamp);
    } else {
      computed = fresh(name + ".float", planned.output);
      graph_.setOutputs(planned.node, {computed});
    }
    const Parameters& parameters = parametersOf(planned.output);
    const ValueId quantized = appendQuantize(computed, name, parameters);
    if (graph_.isOutput(planned.output) && !graph_.uses(planned.output).empty()) {
      const ValueId inner = fresh(name + ".dequantized", planned.output);
      for (const Use& use : std::vector<Use>(graph_.uses(planned.output))) graph_.setInput(use.node, use.index, inner);
      append("DequantizeLinear", {quantized, parameters.scale, parameters.zeroPoint}, inner);
    }
    append("DequantizeLinear", {quantized, parameters.scale, parameters.zeroPoint}, planned.output);
  }

  /// Integer readers of what a float node computes see a DQ, the others the float.
  void lowerFloat(const PlannedTensor& tensor) {
    const std::string name = graph_.value(tensor.value).name;
    const Parameters& parameters = parametersOf(tensor.value);
    const std::vector<Use> uses = graph_.uses(tensor.value);
    const ValueId quantized = appendQuantize(tensor.value, name, parameters);
    const ValueId real = fresh(name + ".dequantized", tensor.value);
    append("DequantizeLinear", {quantized, parameters.scale, parameters.zeroPoint}, real);
    for (const Use& use : uses)
      if (std::ranges::find(plan_.nodes, use.node, &PlannedNode::node) != plan_.nodes.end())
        graph_.setInput(use.node, use.index, real);
  }

  /// A float constant that only quantized nodes read goes, also from the graph inputs of old files that list it there.
  void dropUnusedParameters() {
    std::vector<ValueId> kept;
    for (const ValueId id : graph_.inputs())
      if (graph_.constant(id) == nullptr || !graph_.uses(id).empty()) kept.push_back(id);
    graph_.setInputs(std::move(kept));
  }

  Graph& graph_;
  const QuantizePlan& plan_;
  const Lowering& lowering_;
  std::vector<Parameters> parameters_;
};

bool isRowOf(const Tensor& tensor, int64_t columns) {
  const Shape& shape = tensor.shape();
  return tensor.dtype() == DType::f32 && tensor.elementCount() == columns && shape.rank() > 0 &&
         shape[shape.rank() - 1] == columns && shape.rank() <= 2;
}

}  // namespace

void insertQuantization(Graph& graph, const QuantizePlan& plan, const Lowering& lowering) {
  Inserter(graph, plan, lowering).run();
}

int64_t rewriteMatMulAdd(Graph& graph, const Inferred& inferred) {
  int64_t count = 0;
  for (const NodeId id : graph.order()) {
    const Node& product = graph.node(id);
    if (!product.is("MatMul")) continue;
    const Tensor* weight = graph.constant(product.inputs[1]);
    const Type& data = inferred.types[static_cast<size_t>(product.inputs[0].index)];
    if (weight == nullptr || weight->shape().rank() != 2 || !data.hasRank() || data.rank() != 2) continue;
    const auto use = graph.onlyUse(product.outputs[0]);
    if (!use || !graph.node(use->node).is("Add")) continue;
    const Node sum = graph.node(use->node);
    const ValueId bias = sum.inputs[1 - use->index];
    if (graph.constant(bias) == nullptr || !isRowOf(*graph.constant(bias), weight->shape()[1])) continue;
    const std::vector<ValueId> inputs{product.inputs[0], product.inputs[1], bias};
    graph.erase(id);
    graph.setInputs(use->node, inputs);
    graph.setOp(use->node, "Gemm");
    ++count;
  }
  return count;
}

}  // namespace compress
