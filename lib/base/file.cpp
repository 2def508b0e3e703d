#include "lib/base/file.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <span>
#include <vector>

#include "lib/base/error.h"
#include "lib/base/file_handle.h"
#include "lib/base/sha256.h"
#include "lib/base/text.h"

namespace compress {

std::string readFile(const std::filesystem::path& path) {
  const FileHandle file = FileHandle::openRegular(path);
  std::string content(static_cast<size_t>(file.size()), '\0');
  file.readAt(0, std::as_writable_bytes(std::span(content)));
  return content;
}

void requireWritableFolder(const std::filesystem::path& path) {
  const std::filesystem::path folder = path.has_parent_path() ? path.parent_path() : ".";
  std::error_code unknown;
  if (!std::filesystem::exists(folder, unknown))
    throw Error(ErrorKind::io, text("folder '", displayName(folder.string()), "' does not exist"),
                "make it first, or name another place");
  if (!std::filesystem::is_directory(folder, unknown))
    throw Error(ErrorKind::io, text("'", displayName(folder.string()), "' is not a folder"), "name another place");
  if (access(folder.c_str(), W_OK | X_OK) != 0)
    throw Error(ErrorKind::io, text("folder '", displayName(folder.string()), "' is not writable"),
                "name another place with -o");
}

bool isSameFile(const std::filesystem::path& a, const std::filesystem::path& b) {
  struct stat first {};
  struct stat second {};
  return stat(a.c_str(), &first) == 0 && stat(b.c_str(), &second) == 0 && first.st_dev == second.st_dev &&
         first.st_ino == second.st_ino;
}

std::string sha256(std::string_view bytes) {
  Sha256 hash;
  hash.add(std::as_bytes(std::span(bytes)));
  return hash.finish();
}

std::string sha256File(const std::filesystem::path& path) {
  constexpr int64_t kBlockBytes = int64_t{1} << 18;
  const FileHandle file = FileHandle::openRegular(path);
  const int64_t size = file.size();
  std::vector<std::byte> block(static_cast<size_t>(std::min(size, kBlockBytes)));
  Sha256 hash;
  for (int64_t done = 0; done < size; done += kBlockBytes) {
    const auto part = std::span(block).first(static_cast<size_t>(std::min(kBlockBytes, size - done)));
    file.readAt(done, part);
    hash.add(part);
  }
  return hash.finish();
}

}  // namespace compress
