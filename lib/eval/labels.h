// What is expected of each sample: class indices or target tensors, from arrays or text.
#pragma once
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "lib/eval/stored_array.h"

namespace compress {

/// One label per sample, by the sample's index in its source.
class Labels {
 public:
  /// Integers of shape [N] or [N, 1] are classes, all else are target tensors.
  Labels(StoredArray array, int64_t offset);
  Labels(std::vector<int64_t> classes, int64_t offset) : classes_(std::move(classes)), offset_(offset) {}

  int64_t count() const { return array_ ? array_->count() : static_cast<int64_t>(classes_.size()); }
  Tensor read(int64_t index) const;
  /// Bytes of two axes or more per sample.
  bool arePictures() const;

 private:
  std::optional<StoredArray> array_;
  std::vector<int64_t> classes_;
  int64_t offset_ = 0;
};

/// One integer per line; blank lines at the end are ignored. Throws Error(input) naming file and line.
std::vector<int64_t> readClassList(const std::filesystem::path& path);
/// Lines of "path,label" (a first line without a number is a heading).
std::map<std::string, int64_t> readClassTable(const std::filesystem::path& path);

}  // namespace compress
