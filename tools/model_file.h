// A model as a file that other programs can open.
#pragma once
#include <filesystem>
#include <optional>

#include "lib/ir/model.h"
#include "tools/scratch_folder.h"

namespace compress {

/// The file `existing`, or a temporary one that goes with the object.
class ModelFile {
 public:
  /// Throws Error(io).
  ModelFile(const Model& model, const std::optional<std::filesystem::path>& existing);

  const std::filesystem::path& path() const { return path_; }

 private:
  std::optional<ScratchFolder> folder_;
  std::filesystem::path path_;
};

}  // namespace compress
