#include "tools/model_file.h"

#include <stdlib.h>

#include <cerrno>
#include <cstring>

#include "lib/base/error.h"
#include "lib/base/text.h"
#include "lib/onnx/write.h"

namespace compress {

ModelFile::ModelFile(const Model& model, const std::optional<std::filesystem::path>& existing) {
  if (existing) {
    path_ = *existing;
    return;
  }
  std::string folder = std::filesystem::temp_directory_path() / "compress-XXXXXX";
  if (mkdtemp(folder.data()) == nullptr)
    throw Error(ErrorKind::io, text(folder, ": ", std::strerror(errno)), "name another place with TMPDIR");
  folder_ = folder;
  path_ = folder_ / "model.onnx";
  try {
    writeModel(model, path_, {});
  } catch (...) {
    std::error_code ignored;
    std::filesystem::remove_all(folder_, ignored);
    throw;
  }
}

ModelFile::~ModelFile() {
  std::error_code ignored;
  if (!folder_.empty()) std::filesystem::remove_all(folder_, ignored);
}

}  // namespace compress
