// What upgrade steps share: attributes that become inputs, and what is known of an input's type and shape.
#pragma once
#include <optional>
#include <string_view>
#include <vector>

#include "lib/ir/graph.h"

namespace compress {

/// Element type of a value as declared, or followed back through producers that keep it; float32 where neither tells.
DType elementType(const Graph& graph, ValueId id);
/// Rank of a value as declared, or followed back through elementwise producers; nothing where neither tells.
std::optional<size_t> rankOf(const Graph& graph, ValueId id);
/// Elements of input `i` where it is an initializer or a Constant node's output.
const Tensor* constantInput(const Graph& graph, NodeId id, size_t i);

/// A constant named after the node's first output, "y.axes".
ValueId addConstantFor(Graph& graph, NodeId id, std::string_view what, Tensor tensor);
/// Sets input `i`, with absent inputs before it where there are too few.
void placeInput(Graph& graph, NodeId id, size_t i, ValueId value);
/// Integer list attribute `name` becomes input `i`; nothing happens where it is absent.
void integersToInput(Graph& graph, NodeId id, std::string_view name, size_t i);

/// Opset 7 of binary ops: `broadcast` with `axis`, which says where the second input's axes start, gives way to numpy's
/// rule. Throws Error(unsupported) where the ranks are not known.
void broadcastAsNumpy(Graph& graph, NodeId id);

}  // namespace compress
