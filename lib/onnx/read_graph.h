// From the schema's graph to ours: names become ids, and what a body captures from outside becomes an explicit input.
#pragma once
#include <functional>
#include <string>
#include <vector>

#include "lib/ir/graph.h"
#include "lib/onnx/proto.h"

namespace compress {

/// Brings the data of one tensor, as takeTensor() does.
using TakeTensor = std::function<Tensor(onnx::TensorProto&)>;

/// Empties `proto`. Structure must have been checked: names that nothing defines become values that nothing produces.
Graph takeGraph(onnx::GraphProto& proto, const TakeTensor& takeTensor);

}  // namespace compress
