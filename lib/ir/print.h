// The text form of a graph: one line per node in topological order, for golden tests, debugging and comparison.
#pragma once
#include <string>

#include "lib/ir/model.h"

namespace compress {

/// One line per node: `y = Conv[strides=[1, 1]](x, w, b)`; an absent input is `_`. Bodies are indented below their
/// node.
std::string print(const Graph& graph);
/// Everything that a file carries: opsets, metadata, inputs, outputs, each constant with type and digest, then the
/// nodes. Two models with equal text are equal, payload form aside.
std::string print(const Model& model);
/// 16 hexadecimal digits of the tensor's type, shape and bytes.
std::string digest(const Tensor& tensor);

}  // namespace compress
