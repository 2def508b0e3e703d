// Arrays that lie in a file and are read one sample at a time by pread, so that memory does not grow with the number of
// samples. What a file holds compressed is unpacked once into an unlinked temporary file.
#pragma once
#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>

#include "lib/ir/dtype.h"
#include "lib/ir/shape.h"
#include "lib/ir/tensor.h"

namespace compress {

/// A regular file open for reading at any position, from any thread.
class StoredFile {
 public:
  /// Throws Error(io) with path and cause; a directory, FIFO or device is Error(input).
  static std::shared_ptr<StoredFile> open(const std::filesystem::path& path);
  /// An empty, unlinked file in the folder for temporary files; `name` stands for it in messages.
  static std::shared_ptr<StoredFile> scratch(std::string name);
  ~StoredFile();
  StoredFile(const StoredFile&) = delete;
  StoredFile& operator=(const StoredFile&) = delete;

  const std::string& name() const { return name_; }
  int64_t size() const { return size_; }
  /// Exactly out.size() bytes. Throws Error(io) when the file has fewer.
  void readAt(int64_t offset, std::span<std::byte> out) const;
  /// Scratch files only. Throws Error(io) naming the cause, a full disk above all.
  void writeAt(int64_t offset, std::span<const std::byte> bytes);

 private:
  StoredFile(int descriptor, std::string name, int64_t size)
      : descriptor_(descriptor), name_(std::move(name)), size_(size) {}

  int descriptor_;
  std::string name_;
  int64_t size_;
};

/// How an array lies in its file.
struct ArrayLayout {
  DType dtype = DType::undefined;
  Shape shape;         ///< axis 0 counts the samples
  int64_t offset = 0;  ///< of the first element, in bytes
  bool isBigEndian = false;
  bool isFortran = false;  ///< axis 0 varies fastest
};

/// An array in a file. Thread-safe.
class StoredArray {
 public:
  /// Checks that the file holds exactly the array's bytes after `offset`: Error(input) otherwise. A Fortran-order array
  /// is brought into sample order in a scratch file here.
  StoredArray(std::shared_ptr<StoredFile> file, ArrayLayout layout);

  const std::string& name() const { return file_->name(); }
  DType dtype() const { return layout_.dtype; }
  const Shape& shape() const { return layout_.shape; }
  int64_t count() const { return layout_.shape.rank() == 0 ? 1 : layout_.shape[0]; }
  /// Shape of one sample: axis 0 cut away.
  const Shape& sampleShape() const { return sampleShape_; }
  /// Sample `index`, C order, this machine's byte order.
  Tensor read(int64_t index) const;

 private:
  void reorder();

  std::shared_ptr<StoredFile> file_;
  ArrayLayout layout_;
  Shape sampleShape_;
  int64_t sampleBytes_ = 0;
};

}  // namespace compress
