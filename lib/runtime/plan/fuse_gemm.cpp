// gemm: Gemm and MatMul with a constant right side, and an Add of a constant row behind them, become plan operator
// Gemm.
#include "lib/runtime/plan/patterns.h"

namespace compress {
namespace {

struct Product {
  std::optional<std::vector<float>> right;  ///< [inner, columns]; nothing: the constant as it is
  int64_t inner = 0;
  int64_t columns = 0;
  std::optional<std::vector<float>> bias;
};

/// A constant row of `columns` elements (or one for all), times `factor`.
std::optional<std::vector<float>> rowConstant(const FusedGraph& graph, ValueId id, int64_t columns, float factor) {
  if (!graph.isConstant(id)) return std::nullopt;
  const Tensor& tensor = *graph.graph.constant(id);
  const Shape& shape = tensor.shape();
  const bool isRow = tensor.elementCount() == columns && shape.rank() >= 1 && shape[shape.rank() - 1] == columns;
  if (tensor.elementCount() != 1 && !isRow) return std::nullopt;
  std::vector<float> values = toFloats(tensor);
  if (!isRow) values.assign(static_cast<size_t>(columns), values[0]);
  for (float& value : values) value *= factor;
  return values;
}

std::optional<Product> productOf(const FusedGraph& graph, const Node& node) {
  if ((!node.is("Gemm") && !node.is("MatMul")) || graph.dtype(node.outputs[0]) != DType::f32 ||
      !graph.isConstant(node.inputs[1]))
    return std::nullopt;
  const Tensor& right = *graph.graph.constant(node.inputs[1]);
  const Shape left = graph.shape(node.inputs[0]);
  if (right.shape().rank() != 2 || left.rank() < 2 || left.elementCount() == 0 || right.elementCount() == 0)
    return std::nullopt;
  if (node.attributes.integer("transA", 0) != 0) return std::nullopt;
  const bool isTransposed = node.attributes.integer("transB", 0) != 0;
  const float alpha = node.is("Gemm") ? node.attributes.real("alpha", 1.F) : 1.F;
  Product product;
  product.inner = right.shape()[isTransposed ? 1 : 0];
  product.columns = right.shape()[isTransposed ? 0 : 1];
  if (node.is("Gemm") && node.input(2)) {
    product.bias = rowConstant(graph, node.input(2), product.columns, node.attributes.real("beta", 1.F));
    if (!product.bias) return std::nullopt;
  }
  if (!isTransposed && alpha == 1.F) return product;
  const auto from = right.as<float>();
  product.right.emplace(from.size());
  for (int64_t k = 0; k < product.inner; ++k)
    for (int64_t n = 0; n < product.columns; ++n)
      (*product.right)[static_cast<size_t>(k * product.columns + n)] =
          alpha * from[static_cast<size_t>(isTransposed ? n * product.inner + k : k * product.columns + n)];
  return product;
}

/// The Add of a constant row that alone reads the product.
std::optional<NodeId> findBias(const FusedGraph& graph, ValueId result, int64_t columns, std::vector<float>& bias) {
  const std::optional<NodeId> reader = graph.onlyReader(result);
  if (!reader || !graph.graph.node(*reader).is("Add")) return std::nullopt;
  const Node& add = graph.graph.node(*reader);
  if (!(graph.shape(add.outputs[0]) == graph.shape(result))) return std::nullopt;
  const auto row = rowConstant(graph, add.inputs[0] == result ? add.inputs[1] : add.inputs[0], columns, 1.F);
  if (!row) return std::nullopt;
  for (size_t i = 0; i < bias.size(); ++i) bias[i] += (*row)[i];
  return reader;
}

}  // namespace

int64_t fuseGemm(FusedGraph& graph) {
  int64_t changes = 0;
  for (const NodeId id : graph.graph.order()) {
    if (!graph.graph.isAlive(id)) continue;
    std::optional<Product> product = productOf(graph, graph.graph.node(id));
    if (!product) continue;
    std::vector<float> bias = product->bias.value_or(std::vector<float>(static_cast<size_t>(product->columns), 0.F));
    const std::optional<NodeId> add = findBias(graph, graph.graph.node(id).outputs[0], product->columns, bias);
    const ValueId left = graph.graph.node(id).inputs[0];
    const ValueId right =
        product->right
            ? addConstant(graph, "gemm.right", Tensor::of<float>({product->inner, product->columns}, *product->right))
            : graph.graph.node(id).inputs[1];
    const ValueId row = addConstant(graph, "gemm.bias", Tensor::of<float>({product->columns}, bias));
    graph.graph.setOp(id, "Gemm", kPlanDomain);
    graph.graph.setInputs(id, {left, right, row});
    if (add) graph.absorb(id, *add);
    ++changes;
  }
  return changes;
}

}  // namespace compress
