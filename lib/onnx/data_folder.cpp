#include "lib/onnx/data_folder.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <cerrno>

#include "lib/base/error.h"
#include "lib/base/text.h"

namespace compress {
namespace {

constexpr uint64_t kReading = O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY;

[[noreturn]] void refuse(const std::string& location, std::string_view why, const std::string& hint = {}) {
  throw Error(ErrorKind::input, text("external data location '", displayName(location), "' ", why), hint);
}

int openBeneath(int folder, const std::string& location) {
  open_how how{};
  how.flags = kReading;
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_SYMLINKS;
  return static_cast<int>(syscall(SYS_openat2, folder, location.c_str(), &how, sizeof how));
}

/// For kernels and sandboxes without openat2: one component after the other, none of them a link. The location has no
/// "..".
int openByComponents(int folder, const std::string& location) {
  FileHandle at;
  int descriptor = folder;
  const std::filesystem::path path(location);
  for (auto it = path.begin(); it != path.end(); ++it) {
    const bool isLast = std::next(it) == path.end();
    const int flags = isLast ? static_cast<int>(kReading) | O_NOFOLLOW : O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
    const int next = openat(descriptor, it->c_str(), flags);
    if (isLast || next < 0) return next;
    at = FileHandle(next, path);
    descriptor = next;
  }
  errno = ENOENT;
  return -1;
}

int openContained(int folder, const std::string& location) {
  const int descriptor = openBeneath(folder, location);
  if (descriptor >= 0 || (errno != ENOSYS && errno != EPERM)) return descriptor;
  return openByComponents(folder, location);
}

bool isEscape(int code) {
  return code == EXDEV || code == ELOOP || code == ENOTDIR;
}

}  // namespace

void requireSafeLocation(const std::string& location) {
  constexpr size_t kLongest = 4096;
  if (location.empty()) refuse(location, "is empty");
  if (location.size() > kLongest)
    refuse(location, text("has ", location.size(), " bytes, at most ", kLongest, " are allowed"));
  if (!isUtf8(location)) refuse(location, "is not UTF-8");
  if (std::ranges::any_of(location, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; }))
    refuse(location, "contains a control character");
  if (location.find("_ORT_MEM_ADDR_") != std::string::npos)
    refuse(location, "is a memory address of another process, not a file");
  if (location.find('\\') != std::string::npos) refuse(location, "contains a backslash, expected '/' between folders");
  if (location.size() >= 2 && std::isalpha(static_cast<unsigned char>(location[0])) != 0 && location[1] == ':')
    refuse(location, "begins with a drive letter, expected a path relative to the model");
  const std::filesystem::path path(location);
  if (path.is_absolute()) refuse(location, "is absolute, expected a path relative to the model");
  if (std::ranges::find(path, "..") != path.end()) refuse(location, "leads out of the model's folder");
}

DataFolder::DataFolder(const std::filesystem::path& model, bool allowLinked)
    : allowLinked_(allowLinked), model_(model) {
  const auto path = model.has_parent_path() ? model.parent_path() : std::filesystem::path(".");
  const int descriptor = ::open(path.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC);
  if (descriptor < 0) throw Error(ErrorKind::io, systemMessage("open the folder", path));
  folder_ = FileHandle(descriptor, path);
}

/// Download caches link both model and data into a folder of real files: allowed when the model's path is a link too
/// and the data lie directly beside the real model.
FileHandle DataFolder::openInCache(const std::string& location) const {
  std::error_code failed;
  if (!std::filesystem::is_symlink(model_, failed)) return {};
  const auto realModel = std::filesystem::canonical(model_, failed);
  if (failed) return {};
  const auto realData = std::filesystem::canonical(folder_.path() / location, failed);
  if (failed || realData.parent_path() != realModel.parent_path()) return {};
  const int parent = ::open(realModel.parent_path().c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC);
  if (parent < 0) return {};
  const FileHandle folder(parent, realModel.parent_path());
  const int descriptor = openContained(parent, realData.filename().string());
  return descriptor < 0 ? FileHandle() : FileHandle(descriptor, realData);
}

FileHandle DataFolder::open(const std::string& location) const {
  requireSafeLocation(location);
  const auto path = folder_.path() / location;
  const int descriptor = openContained(folder_.descriptor(), location);
  const int code = errno;
  FileHandle file = descriptor >= 0  ? FileHandle(descriptor, path)
                    : isEscape(code) ? openInCache(location)
                                     : FileHandle();
  if (file.descriptor() < 0) {
    if (isEscape(code))
      refuse(location, "passes a symbolic link or leaves the model's folder", "copy the data file beside the model");
    errno = code;
    throw Error(ErrorKind::io, systemMessage("open the external data", path));
  }
  const auto status = file.status();
  if (!S_ISREG(status.st_mode)) refuse(location, "is not a regular file");
  if (status.st_nlink != 1 && !allowLinked_)
    refuse(location, text("is a file with ", status.st_nlink, " hard links (E-EXT-LINKED)"),
           "--allow-linked-data accepts such files");
  return file;
}

}  // namespace compress
