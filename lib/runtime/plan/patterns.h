// What fusions ask of nodes and constants, and how they grow nodes.
#pragma once
#include <optional>
#include <vector>

#include "lib/runtime/plan/fused_graph.h"

namespace compress {

/// Most operations of one node: what kernels keep on their stack.
constexpr size_t kMaxPostOps = 16;

bool isElementwise(const Node& node);
/// f32 Conv with constant weights and bias, or plan operator Gemm: takes post-operations.
bool takesPostOps(const FusedGraph& graph, NodeId id);
/// The value of a constant that has one element.
std::optional<float> scalarConstant(const FusedGraph& graph, ValueId id);
/// A constant's elements as floats when it broadcasts per channel (axis 1) onto `whole`: one element, or [C] at axis 1.
std::optional<std::vector<float>> channelConstant(const FusedGraph& graph, ValueId id, const Shape& whole);
/// Appends the operations of Elementwise node `follower`, whose input 0 is output 0 of `base`, to `base`, which it
/// becomes part of.
void appendElementwise(FusedGraph& graph, NodeId base, NodeId follower);
/// Makes input `wanted` the input 0 of an Elementwise node whose first operation is commutative or has a reverse; false
/// when it cannot.
bool makeFirst(FusedGraph& graph, NodeId elementwise, size_t wanted);
/// Elementwise operators of ONNX on f32 become Elementwise nodes of one operation; the count of changes.
int64_t lowerElementwise(FusedGraph& graph);
/// ONNX's names of the operators that it lowers.
std::vector<std::string_view> elementwiseOperators();
/// A constant with its type set.
ValueId addConstant(FusedGraph& graph, std::string_view name, Tensor tensor);

}  // namespace compress
