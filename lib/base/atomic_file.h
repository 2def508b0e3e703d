// A file that appears under its name complete, or not at all (reliability.md R5).
#pragma once
#include <filesystem>
#include <functional>
#include <span>
#include <string>

#include "lib/base/file_handle.h"
#include "lib/base/sha256.h"

namespace compress {

/// Writes to a temporary in the folder of the target. Not committed: the temporary goes away, the target is what it was.
class AtomicFile {
 public:
  /// Throws Error(io) when the folder cannot take `expectedBytes`. `target` may be changed until commit().
  AtomicFile(const std::filesystem::path& target, int64_t expectedBytes);
  ~AtomicFile();
  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;

  void write(std::span<const std::byte> bytes);
  /// Flushes to the disk, reads everything back and compares its digest with that of what was written: the digest.
  std::string finish();
  const std::filesystem::path& temporary() const { return file_.path(); }
  /// After finish(): the file gets the name `target`, in the folder of the first. Without `overwrite` an existing file is Error(io).
  void commit(const std::filesystem::path& target, bool overwrite);

 private:
  FileHandle file_;
  Sha256 written_;
  int64_t size_ = 0;
  bool committed_ = false;
};

}  // namespace compress
