// The schema's classes for tests that make models by hand, hostile ones too; bytes that no class would write come from
// wire.h.
#pragma once
#ifndef ONNX_ML
#define ONNX_ML 1
#endif
#ifndef ONNX_NAMESPACE
#define ONNX_NAMESPACE onnx
#endif
#include <onnx/onnx_pb.h>

#include <initializer_list>
#include <string>

namespace compress::test {

/// IR 8, opset 17; graph "g": float input x[1, 2], output y[1, 2], no node.
onnx::ModelProto emptyModel();
/// The same with y = Add(x, w), w an initializer [1, 2] = {1, 2}.
onnx::ModelProto smallModel();

onnx::NodeProto& addNode(onnx::GraphProto& graph, const std::string& op, std::initializer_list<std::string> inputs,
                         std::initializer_list<std::string> outputs, const std::string& name = "");
onnx::ValueInfoProto floatValue(const std::string& name, std::initializer_list<int64_t> dims);
onnx::AttributeProto& addInt(onnx::NodeProto& node, const std::string& name, int64_t value);
/// The new, empty body.
onnx::GraphProto& addBody(onnx::NodeProto& node, const std::string& name);
/// Float data in float_data.
onnx::TensorProto floatTensor(const std::string& name, std::initializer_list<int64_t> dims,
                              std::initializer_list<float> values);
/// A model of `depth` Ifs, each in the then_branch of the one around it; all branches return x.
onnx::ModelProto nestedIfs(int depth);

}  // namespace compress::test
