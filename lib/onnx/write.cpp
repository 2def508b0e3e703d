#include "lib/onnx/write.h"

#include "lib/base/file.h"
#include "lib/onnx/tensor_proto.h"
#include "lib/onnx/write_graph.h"

namespace compress {
namespace {

constexpr int64_t kFirstIrVersionWithOpsets = 3;

onnx::ModelProto emitModel(const Model& model) {
  auto proto = parsed<onnx::ModelProto>(model.rest);
  proto.set_ir_version(model.irVersion);
  if (model.irVersion >= kFirstIrVersionWithOpsets)
    for (const auto& [domain, version] : model.opsets) {
      auto& import = *proto.add_opset_import();
      import.set_domain(domain);
      import.set_version(version);
    }
  for (const auto& [key, value] : model.metadata) {
    auto& entry = *proto.add_metadata_props();
    entry.set_key(key);
    entry.set_value(value);
  }
  *proto.mutable_graph() = emitGraph(model.graph, [](const Tensor& tensor, onnx::TensorProto rest) { return protoOf(tensor, std::move(rest)); });
  return proto;
}

}  // namespace

std::string serializeModel(const Model& model) { return serialized(emitModel(model)); }

void writeModel(const Model& model, const std::filesystem::path& path, const WriteOptions& options) {
  writeFileAtomically(path, serializeModel(model), options.overwrite);
}

}  // namespace compress
