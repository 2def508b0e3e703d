// Gradients of operators: each rule extends the graph by nodes that compute the gradients of a node's inputs from those
// of its outputs. Shapes are concrete by then, so that rules state sizes as constants.
#pragma once
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "lib/ir/private_domains.h"
#include "lib/ops/lowering.h"
#include "lib/ops/op.h"

namespace compress {

/// What a gradient rule sees of its node, and how it builds the gradients of the node's inputs.
class Backward {
 public:
  /// What is known of a graph's values, by ValueId::index.
  struct Knowledge {
    std::span<const Type> types;
    std::span<const std::optional<Tensor>> values;
  };
  /// `gradients`: of each output, kNoValue where none reaches it. `wanted`: the inputs whose gradients are needed.
  Backward(Graph& graph, const Node& node, Knowledge knowledge, std::vector<ValueId> gradients,
           std::vector<bool> wanted);

  const Node& node() const { return node_; }
  const Attributes& attributes() const { return node_.attributes; }
  bool has(size_t i) const { return static_cast<bool>(node_.input(i)); }
  ValueId input(size_t i) const { return node_.input(i); }
  ValueId output(size_t i = 0) const { return node_.output(i); }
  /// Throws Error(unsupported) where it is not known before the graph runs.
  Shape shape(size_t i) const { return shapeOf(node_.input(i)); }
  Shape outputShape(size_t i = 0) const { return shapeOf(node_.output(i)); }
  /// Element type of input `i`.
  DType dtype(size_t i) const;
  /// The input's elements where they are known, else null.
  const Tensor* constant(size_t i) const;
  /// Integer elements of input `i`. Throws Error(unsupported) where they are not known before the graph runs.
  std::vector<int64_t> integers(size_t i) const;

  bool wants(size_t i) const { return i < wanted_.size() && wanted_[i]; }
  ValueId gradient(size_t output = 0) const { return gradients_.at(output); }

  ValueId emit(std::string_view op, std::vector<ValueId> inputs, Attributes attributes = {});
  /// An operator of kTrainDomain with one output for each true element of `outputs`; kNoValue for the others.
  std::vector<ValueId> emitPrivate(std::string_view op, std::vector<ValueId> inputs, Attributes attributes,
                                   const std::vector<bool>& outputs);
  ValueId emitPrivate(std::string_view op, std::vector<ValueId> inputs, Attributes attributes = {});
  ValueId constant(const std::vector<int64_t>& values);
  /// A scalar of the element type of the node's first input that is a float.
  ValueId scalar(double value);
  ValueId reshape(ValueId value, const Shape& shape);
  /// Sum over `axes`, which stay as axes of size 1.
  ValueId sumOver(ValueId value, std::vector<int64_t> axes);
  ValueId transpose(ValueId value, std::vector<int64_t> order);

  /// `value`, of the input's own shape, is the gradient of input `i`, or part of it.
  void give(size_t i, ValueId value);
  /// The same for a gradient of shape `from`, to which the input was broadcast: it is summed over what was added.
  void giveBroadcast(size_t i, ValueId value, const Shape& from);
  void giveBroadcast(size_t i, ValueId value) { giveBroadcast(i, value, outputShape()); }

  /// The parts given for input `i`.
  const std::vector<ValueId>& given(size_t i) const { return given_.at(i); }

 private:
  Shape shapeOf(ValueId id) const;
  std::vector<ValueId> append(Node node);

  Graph& graph_;
  Node node_;
  Knowledge knowledge_;
  std::vector<ValueId> gradients_;
  std::vector<bool> wanted_;
  std::vector<std::vector<ValueId>> given_;
};

/// Output 0 has the element type of input 0 and the shape that attribute `shape` gives: what private operators state
/// that undo a change of shape.
void inferStatedShape(InferContext& context);
/// Attributes of `node` and `shape`.
Attributes withShape(const Attributes& attributes, const Shape& shape);

}  // namespace compress
