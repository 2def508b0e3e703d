// A file that appears under its name complete, or not at all (docs/reliability.md R5).
#pragma once
#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "lib/base/file_handle.h"
#include "lib/base/sha256.h"

namespace compress {

/// Throws Error(io), before any work, when `target` exists and `overwrite` is false, or when it is there and no regular
/// file.
void requireWritable(const std::filesystem::path& target, bool overwrite);

/// Temporaries of `target` that processes which are gone have left behind.
std::vector<std::filesystem::path> staleTemporaries(const std::filesystem::path& target);

/// Writes to a temporary `.NAME.PID-BOOT.RANDOM.tmp` in the folder of the target. Not committed: the temporary goes
/// away, the target is what it was.
class AtomicFile {
 public:
  /// Removes stale temporaries. Throws Error(io) when the folder cannot take `expectedBytes`, naming both sizes.
  AtomicFile(const std::filesystem::path& target, int64_t expectedBytes);
  ~AtomicFile();
  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;

  void write(std::span<const std::byte> bytes);
  int64_t size() const { return size_; }
  /// Flushes to the disk, reads everything back and compares its digest with that of what was written: the SHA-256.
  std::string finish();
  /// The file has its name, even if commit() then could not flush the folder.
  bool isCommitted() const { return committed_; }
  const std::filesystem::path& temporary() const { return file_.path(); }
  /// After finish(): the file gets the name `target`, in the folder of the first. Without `overwrite` an existing file
  /// is Error(io); with it, its permissions stay.
  void commit(const std::filesystem::path& target, bool overwrite);

 private:
  FileHandle file_;
  Sha256 written_;
  int64_t size_ = 0;
  bool committed_ = false;
};

}  // namespace compress
