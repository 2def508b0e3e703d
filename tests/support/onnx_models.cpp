#include "tests/support/onnx_models.h"

#include <algorithm>

#include "tests/support/paths.h"

namespace compress::test {

std::vector<std::filesystem::path> realModels() {
  std::vector<std::filesystem::path> models;
  for (const auto& folder : {onnxTestData(), zoo()})
    if (folder)
      for (const auto& entry : std::filesystem::recursive_directory_iterator(*folder))
        if (entry.path().extension() == ".onnx") models.push_back(entry.path());
  std::ranges::sort(models);
  return models;
}

}  // namespace compress::test
