// An open file descriptor that closes itself, with reads and writes that go on after interruptions.
#pragma once
#include <sys/stat.h>

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <utility>

namespace compress {

/// "cannot open 'x': No such file or directory", from errno.
std::string systemMessage(std::string_view what, const std::filesystem::path& path);

/// Makes a system call again as long as a signal interrupts it.
template <typename Call>
auto uninterrupted(const Call& call) {
  while (true) {
    const auto result = call();
    if (result >= 0 || errno != EINTR) return result;
  }
}

class FileHandle {
 public:
  FileHandle() = default;
  /// Takes over an open descriptor; `path` is what messages show.
  FileHandle(int descriptor, std::filesystem::path path) : descriptor_(descriptor), path_(std::move(path)) {}
  FileHandle(FileHandle&& other) noexcept
      : descriptor_(std::exchange(other.descriptor_, -1)), path_(std::move(other.path_)) {}
  FileHandle& operator=(FileHandle&& other) noexcept;
  ~FileHandle();

  /// Throws Error(io) where it cannot be opened; a directory, FIFO or device is Error(input), and is not waited for.
  static FileHandle openRegular(const std::filesystem::path& path);

  int descriptor() const { return descriptor_; }
  const std::filesystem::path& path() const { return path_; }
  struct ::stat status() const;
  int64_t size() const { return status().st_size; }
  /// Fills `to`. Throws Error(io) when the file ends before.
  void readAt(int64_t offset, std::span<std::byte> to) const;
  /// Writes all of `from` at the present position.
  void write(std::span<const std::byte> from) const;
  void sync() const;
  /// Throws Error(io): some file systems tell of a failed write only now.
  void close();

 private:
  int descriptor_ = -1;
  std::filesystem::path path_;
};

}  // namespace compress
