// A model as a file that other programs can open.
#pragma once
#include <filesystem>
#include <optional>

#include "lib/ir/model.h"

namespace compress {

/// The file `existing`, or a temporary one that goes with the object.
class ModelFile {
 public:
  /// Throws Error(io).
  ModelFile(const Model& model, const std::optional<std::filesystem::path>& existing);
  ~ModelFile();
  ModelFile(const ModelFile&) = delete;
  ModelFile& operator=(const ModelFile&) = delete;

  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path folder_;  ///< empty: nothing to remove
  std::filesystem::path path_;
};

}  // namespace compress
