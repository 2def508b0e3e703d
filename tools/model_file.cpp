#include "tools/model_file.h"

#include "lib/onnx/write.h"

namespace compress {

ModelFile::ModelFile(const Model& model, const std::optional<std::filesystem::path>& existing) {
  if (existing) {
    path_ = *existing;
    return;
  }
  folder_.emplace();
  path_ = folder_->path() / "model.onnx";
  writeModel(model, path_, {});
}

}  // namespace compress
