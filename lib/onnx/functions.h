// Local functions: which calls which.
#pragma once
#include "lib/ir/model.h"
#include "lib/onnx/proto.h"
#include "lib/onnx/read.h"
#include "lib/onnx/read_graph.h"

namespace compress {

/// Throws Error(input) for a function that is defined twice, one that calls itself in the end (the shortest way round
/// is shown), and calls that nest deeper than the limit.
void checkFunctions(const onnx::ModelProto& model, const ReadLimits& limits);

/// Local functions as ours; the message stays as it is.
std::vector<Function> readFunctions(const onnx::ModelProto& model, const TakeTensor& takeTensor);

/// `overload` is newer than the packaged schema: an unknown field of nodes (8) and functions (13).
constexpr int kNodeOverloadField = 8;
constexpr int kFunctionOverloadField = 13;
std::string findOverload(const google::protobuf::Message& message, int field);

}  // namespace compress
