#include "passes/prune/layers.h"

#include <algorithm>

#include "passes/input_rows.h"

namespace compress {

std::optional<FitLayer> findFitLayer(const Graph& graph, NodeId id) {
  const Node& node = graph.node(id);
  const bool isConv = node.is("Conv");
  if (!isConv && !node.is("Gemm") && !node.is("MatMul")) return std::nullopt;
  const Tensor* weight = graph.constant(node.input(1));
  if (weight == nullptr || weight->dtype() != DType::f32 || !InputRows::canRead(node, *weight)) return std::nullopt;
  if (!graph.onlyUse(node.inputs[1]) || graph.constant(node.inputs[0]) != nullptr) return std::nullopt;
  if (node.is("Gemm") && (node.attributes.integer("transA", 0) != 0 || node.attributes.real("alpha", 1) != 1 ||
                          node.attributes.real("beta", 1) != 1))
    return std::nullopt;
  const ValueId bias = node.input(2);
  if (bias && (graph.constant(bias) == nullptr || !graph.onlyUse(bias) || graph.constant(bias)->elementCount() == 1))
    return std::nullopt;
  return FitLayer{
      id, node.inputs[0], node.outputs[0], node.inputs[1], bias, isConv, node.attributes.integer("group", 1)};
}

void setBias(Graph& graph, const FitLayer& layer, const std::vector<float>& bias) {
  if (layer.bias) {
    const Shape shape = graph.constant(layer.bias)->shape();
    return graph.setConstant(layer.bias, Tensor::of<float>(shape, bias));
  }
  std::vector<ValueId> inputs = graph.node(layer.node).inputs;
  inputs.resize(2);
  inputs.push_back(graph.addConstant(graph.value(layer.weight).name + ".bias",
                                     Tensor::of<float>(Shape{static_cast<int64_t>(bias.size())}, bias)));
  graph.setInputs(layer.node, std::move(inputs));
}

Model modelUpTo(const Model& model, ValueId value) {
  Model prefix = model;
  prefix.graph.setOutputs({value});
  prefix.graph.eraseDead();
  return prefix;
}

WeightView::WeightView(const Node& node, const Shape& weight, int64_t groups)
    : isTransposed_(node.op == "MatMul" || (node.op == "Gemm" && node.attributes.integer("transB", 0) == 0)),
      outputs_((isTransposed_ ? weight[1] : weight[0]) / groups),
      inputs_(weight.elementCount() / std::max<int64_t>(outputs_ * groups, 1)),
      window_(weight.count(2, weight.rank())) {}

}  // namespace compress
