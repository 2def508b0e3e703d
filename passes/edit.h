// What the passes share: walking over bodies, taking nodes out without losing promised names, reading attributes that
// are inputs in newer opsets, and small constants.
#pragma once
#include <functional>
#include <optional>
#include <string_view>
#include <vector>

#include "lib/ir/model.h"

namespace compress {

/// Runs `edit` on the main graph and on every body below it; the sum of what it returns. A body is replaced only when
/// its edit returns more than 0. Depth is bounded by the reader.
int64_t editEachGraph(Graph& graph, const std::function<int64_t(Graph&)>& edit);

/// True when the node has an attribute that holds a body.
bool hasBody(const Node& node);

/// Takes out a node of which output 0 equals the value `from`; its other outputs must be unused. Names of graph outputs
/// stay: where output 0 is one, the producer of `from` takes the name over. False, and nothing done, where that cannot
/// be (`from` is an input, a constant or an output too).
bool bypass(Graph& graph, NodeId id, ValueId from);

/// Hands the only output of `last` to `first`, whose only output nothing else reads, and removes `last`: how two nodes
/// become one.
void mergeInto(Graph& graph, NodeId first, NodeId last);

/// Removes the value when nothing reads it, then what only it needed: constants (also those listed as graph inputs) and
/// nodes.
void eraseUnused(Graph& graph, ValueId value);

/// The integers of attribute `attribute` or, where the node has none, of constant input `input`. Nothing when neither
/// is known.
std::optional<std::vector<int64_t>> findIntegers(const Graph& graph, const Node& node, std::string_view attribute,
                                                 size_t input);

/// The only element of a numeric tensor of one element.
std::optional<double> findScalar(const Tensor* tensor);
/// The number that every element of a non-empty numeric tensor of float or integer type has.
std::optional<double> findUniform(const Tensor* tensor);

/// `values` rounded to f32 or f64. Throws Error(bug) for other types.
Tensor makeFloats(DType dtype, const Shape& shape, const std::vector<double>& values);

/// Are all outputs but the first absent or unused?
bool onlyFirstOutputUsed(const Graph& graph, const Node& node);

/// "w" -> "w.folded"; a folded name stays as it is.
std::string foldedName(std::string_view name);

}  // namespace compress
