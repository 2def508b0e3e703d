// A block of immutable bytes that copies share: the payload of a tensor, wherever it came from.
#pragma once
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>

namespace compress {

/// Heap memory aligned to 64 bytes, written once and then frozen into Bytes.
class AlignedBytes {
 public:
  /// Zero-initialised. Throws Error(resource) when memory is out.
  explicit AlignedBytes(size_t size);
  std::byte* data() { return data_.get(); }
  const std::byte* data() const { return data_.get(); }
  size_t size() const { return size_; }

 private:
  struct Free {
    void operator()(std::byte* p) const;
  };
  std::unique_ptr<std::byte, Free> data_;
  size_t size_;
};

class Bytes {
 public:
  Bytes() = default;

  static Bytes own(AlignedBytes&& block);
  /// Takes the string's memory; moves to aligned memory only when the string's own is not 8-byte aligned.
  static Bytes own(std::string&& block);
  /// `size` bytes that `read` brings on first use, and that `drop` may forget again. `read` may throw Error(io), and
  /// returns exactly `size` bytes. Thread-safe.
  static Bytes lazy(size_t size, std::function<AlignedBytes()> read);

  /// Valid as long as any copy of this Bytes lives and `drop` is not called.
  std::span<const std::byte> view() const;
  size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  /// Part of the block; shares it.
  Bytes slice(size_t offset, size_t size) const;
  /// Same memory, not merely equal content.
  bool sharesWith(const Bytes& other) const {
    return storage_ == other.storage_ && offset_ == other.offset_ && size_ == other.size_;
  }
  /// False for a lazy block that has not been read, or was dropped.
  bool isResident() const;
  /// Lazy blocks give their memory back and read again on next use; others keep theirs.
  void drop() const;

 private:
  struct Storage;
  std::shared_ptr<const Storage> storage_;
  size_t offset_ = 0;
  size_t size_ = 0;
};

}  // namespace compress
