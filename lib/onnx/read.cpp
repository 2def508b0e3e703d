#include "lib/onnx/read.h"

#include "lib/base/file.h"
#include "lib/ir/verify.h"
#include "lib/onnx/graphs.h"
#include "lib/onnx/read_graph.h"
#include "lib/onnx/tensor_proto.h"

namespace compress {
namespace {

Opsets takeOpsets(onnx::ModelProto& proto) {
  Opsets opsets;
  for (const auto& import : proto.opset_import()) opsets.set(plainDomain(import.domain()), import.version());
  proto.clear_opset_import();
  return opsets;
}

Model takeModel(onnx::ModelProto& proto) {
  Model model;
  model.irVersion = proto.ir_version();
  model.opsets = takeOpsets(proto);
  for (auto& entry : *proto.mutable_metadata_props())
    model.setMetadata(entry.key(), entry.value());
  model.graph = takeGraph(*proto.mutable_graph(), takeTensor);
  proto.clear_ir_version();
  proto.clear_metadata_props();
  proto.clear_graph();
  model.rest = serialized(proto);
  verify(model);
  return model;
}

}  // namespace

ReadResult parseModel(std::string bytes, const ReadOptions&) {
  onnx::ModelProto proto;
  if (!proto.ParseFromString(bytes)) throw Error(ErrorKind::input, "not an ONNX model");
  bytes = {};
  return {takeModel(proto), {}, {}};
}

ReadResult readModel(const std::filesystem::path& path, const ReadOptions& options) {
  return within([&] { return displayName(path.string()); }, [&] { return parseModel(readFile(path), options); });
}

Tensor readTensorProto(const std::filesystem::path& path) {
  return within([&] { return displayName(path.string()); }, [&] {
    onnx::TensorProto proto;
    if (!proto.ParseFromString(readFile(path))) throw Error(ErrorKind::input, "not a tensor in ONNX's format");
    return takeTensor(proto);
  });
}

}  // namespace compress
