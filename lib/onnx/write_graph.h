// From our graph to the schema's: ids become names, and the captures of a body become names from outside again.
#pragma once
#include <functional>

#include "lib/ir/graph.h"
#include "lib/onnx/proto.h"

namespace compress {

enum class TensorPlace { mainInitializer, elsewhere };

/// Makes the message of one tensor around what is carried of it.
using EmitTensor = std::function<onnx::TensorProto(const Tensor&, onnx::TensorProto rest, TensorPlace place)>;

/// Nodes in topological order; tensors are emitted in the same order each time. A local name of a body that can be seen
/// outside is changed: ONNX forbids shadowing.
onnx::GraphProto emitGraph(const Graph& graph, const EmitTensor& emitTensor);

}  // namespace compress
