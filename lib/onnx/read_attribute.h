// Attributes from the schema's form to ours.
#pragma once
#include <functional>

#include "lib/onnx/read_graph.h"

namespace compress {

/// The body that was made of a graph attribute.
using TakeBody = std::function<Body(const onnx::GraphProto&)>;

/// Empties `proto`. Sparse tensors, references to a function's parameter and kinds that the schema does not know stay
/// in `rest`.
Attribute takeAttribute(onnx::AttributeProto& proto, const TakeTensor& takeTensor, const TakeBody& takeBody);

}  // namespace compress
