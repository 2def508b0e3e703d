// A folder for files that live as long as one run.
#pragma once
#include <filesystem>

namespace compress {

class ScratchFolder {
 public:
  /// Below $TMPDIR, or the system's folder for temporary files. Throws Error(io).
  ScratchFolder();
  ~ScratchFolder();
  ScratchFolder(const ScratchFolder&) = delete;
  ScratchFolder& operator=(const ScratchFolder&) = delete;

  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

}  // namespace compress
