// Types and values of a model in any opset, by shape inference on a copy in the newest form. Ids are those of the
// model.
#pragma once
#include <string>

#include "lib/ir/model.h"
#include "lib/ops/infer_types.h"

namespace compress {

class KnownTypes {
 public:
  /// Never throws: where inference refuses the model, nothing but constants and graph inputs is known, and why() says
  /// so.
  explicit KnownTypes(const Model& model);

  /// Unknown for values that came after.
  Type type(ValueId id) const;
  /// The shape, when every dimension is a number.
  std::optional<Shape> shape(ValueId id) const { return type(id).shape(); }
  /// Nothing when unknown.
  std::optional<size_t> rank(ValueId id) const;
  /// The value, where it follows from constants and shapes alone; null otherwise.
  const Tensor* value(ValueId id) const;
  const std::string& why() const { return why_; }

 private:
  Inferred inferred_;
  std::string why_;
};

/// `model` without its other nodes: inputs that are all constants, one node, its outputs; in the newest form. For
/// evaluation.
Model loneNode(const Graph& graph, const Node& node, const Opsets& opsets);

}  // namespace compress
