// Structure of a parsed model, before anything is built of it: versions, opsets, names, attributes, functions.
#pragma once
#include <string>
#include <vector>

#include "lib/onnx/proto.h"
#include "lib/onnx/read.h"

namespace compress {

/// Throws Error(input) naming the node or value; adds to `warnings`.
void checkStructure(const onnx::ModelProto& model, const ReadLimits& limits, std::vector<std::string>& warnings);

}  // namespace compress
