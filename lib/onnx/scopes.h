// Names of values in the main graph, in bodies and in functions: each defined once, each defined before it is used.
#pragma once
#include <string_view>
#include <unordered_map>
#include <vector>

#include "lib/onnx/proto.h"

namespace compress {

/// A graph or a function, as far as names go.
struct Scope {
  std::string place;  ///< for messages; empty for the main graph
  std::vector<std::string_view> inputs, initializers, outputs;
  const google::protobuf::RepeatedPtrField<onnx::NodeProto>* nodes = nullptr;
  const Scope* outer = nullptr;  ///< the graph whose node holds this body
  int position = 0;              ///< number of that node in it
};

/// Throws Error(input) for a name that is defined twice, hides one from outside, or is used and defined nowhere.
void checkMainGraph(const onnx::GraphProto& graph);
void checkFunctionNames(const onnx::FunctionProto& function);

}  // namespace compress
