#include "lib/base/file_handle.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "lib/base/error.h"
#include "lib/base/text.h"

namespace compress {
namespace {

constexpr size_t kLargestTransfer = size_t{1} << 30;

[[noreturn]] void fail(std::string_view what, const std::filesystem::path& path) {
  throw Error(ErrorKind::io, systemMessage(what, path));
}

std::string_view kindOf(mode_t mode) {
  if (S_ISDIR(mode)) return "a directory";
  if (S_ISFIFO(mode)) return "a FIFO";
  if (S_ISSOCK(mode)) return "a socket";
  return "a device";
}

}  // namespace

std::string systemMessage(std::string_view what, const std::filesystem::path& path) {
  const int code = errno;
  char buffer[128];
  return text("cannot ", what, " '", displayName(path.string()), "': ", strerror_r(code, buffer, sizeof buffer));
}

FileHandle& FileHandle::operator=(FileHandle&& other) noexcept {
  std::swap(descriptor_, other.descriptor_);
  std::swap(path_, other.path_);
  return *this;
}

FileHandle::~FileHandle() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

FileHandle FileHandle::openRegular(const std::filesystem::path& path) {
  const int descriptor =
      uninterrupted([&] { return open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY); });
  if (descriptor < 0) fail("open", path);
  FileHandle file(descriptor, path);
  const mode_t mode = file.status().st_mode;
  if (!S_ISREG(mode))
    throw Error(ErrorKind::input,
                text("'", displayName(path.string()), "' is ", kindOf(mode), ", expected a regular file"));
  return file;
}

struct ::stat FileHandle::status() const {
  struct ::stat status {};
  if (fstat(descriptor_, &status) != 0) fail("examine", path_);
  return status;
}

void FileHandle::readAt(int64_t offset, std::span<std::byte> to) const {
  while (!to.empty()) {
    const ssize_t count =
        uninterrupted([&] { return pread(descriptor_, to.data(), std::min(to.size(), kLargestTransfer), offset); });
    if (count < 0) fail("read", path_);
    if (count == 0)
      throw Error(ErrorKind::io, text("'", displayName(path_.string()), "' became shorter while it was read"));
    to = to.subspan(static_cast<size_t>(count));
    offset += count;
  }
}

void FileHandle::write(std::span<const std::byte> from) const {
  while (!from.empty()) {
    const ssize_t count =
        uninterrupted([&] { return ::write(descriptor_, from.data(), std::min(from.size(), kLargestTransfer)); });
    if (count < 0) fail("write", path_);
    from = from.subspan(static_cast<size_t>(count));
  }
}

void FileHandle::sync() const {
  if (uninterrupted([&] { return fsync(descriptor_); }) != 0) fail("flush", path_);
}

void FileHandle::close() {
  const int descriptor = std::exchange(descriptor_, -1);
  if (descriptor >= 0 && ::close(descriptor) != 0 && errno != EINTR) fail("close", path_);
}

}  // namespace compress
