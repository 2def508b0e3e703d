// Tensors whose bytes lie in other files: found and checked when the model is read, brought in on first use.
#pragma once
#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <tuple>
#include <unordered_map>
#include <vector>

#include "lib/base/bytes.h"
#include "lib/ir/dtype.h"
#include "lib/onnx/data_folder.h"
#include "lib/onnx/proto.h"

namespace compress {

class ExternalData {
 public:
  ExternalData(const std::filesystem::path& model, bool allowLinked, std::vector<std::string>& warnings)
      : model_(model), allowLinked_(allowLinked), warnings_(warnings) {}

  /// The `size` bytes that `tensor` names, read on first use; ranges that are the same share their bytes. Throws
  /// Error(input) for keys, numbers and ranges that docs/reliability.md R2 refuses. A file that has changed when the
  /// bytes are needed is Error(io).
  Bytes find(const onnx::TensorProto& tensor, DType dtype, int64_t size);
  /// Data files in order of first use.
  std::vector<std::filesystem::path> files() const;
  /// Adds a warning for each file with ranges that overlap without being the same.
  void warnOfOverlaps();

 private:
  struct File;
  std::shared_ptr<const File> fileAt(const std::string& location);
  void warnUnknownKey(const std::string& key);

  std::filesystem::path model_;
  bool allowLinked_;
  std::vector<std::string>& warnings_;
  std::shared_ptr<const DataFolder> folder_;
  std::vector<std::shared_ptr<const File>> files_;  ///< in order of first use
  std::unordered_map<std::string, std::shared_ptr<const File>> byLocation_;
  std::map<std::tuple<const File*, int64_t, int64_t, bool>, Bytes> ranges_;
  std::vector<std::string> unknownKeys_;
};

/// Throws Error(input) unless every byte is 0 or 1: any other is no value of C++'s bool.
void requireBooleans(std::span<const std::byte> bytes);

}  // namespace compress
