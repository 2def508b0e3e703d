// The folder that a model's external data must stay in (docs/reliability.md R1): the kernel, not a string comparison,
// decides what is beneath it.
#pragma once
#include <filesystem>
#include <string>

#include "lib/base/file_handle.h"

namespace compress {

/// Throws Error(input) for a location that no file system needs to be asked about.
void requireSafeLocation(const std::string& location);

class DataFolder {
 public:
  /// The folder of the model's path as given. Throws Error(io).
  DataFolder(const std::filesystem::path& model, bool allowLinked);

  /// Opens the data file at `location`, relative to the folder. Throws Error(input) for a location that is unsafe,
  /// leaves the folder, passes a symbolic link, or is no regular file with one name; Error(io) where it cannot be
  /// opened.
  FileHandle open(const std::string& location) const;
  const std::filesystem::path& path() const { return folder_.path(); }

 private:
  FileHandle openInCache(const std::string& location) const;

  FileHandle folder_;
  bool allowLinked_;
  std::filesystem::path model_;
};

}  // namespace compress
