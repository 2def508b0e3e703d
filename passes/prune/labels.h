// Labels of the slices along one axis: slices of tied axes that bear the same label are kept or removed together.
#pragma once
#include <cstdint>
#include <limits>
#include <memory>
#include <unordered_map>
#include <vector>

namespace compress {

class Labels {
 public:
  /// The label of a slice that the tie does not concern.
  static constexpr int64_t kFree = -1;

  /// Slice i bears label i.
  Labels() = default;
  /// Slice i bears (i / stride) % period: one digit of a mixed-radix index.
  static Labels digit(int64_t stride, int64_t period);
  /// Slices first .. first + count - 1 bear 0 .. count - 1; the others are free.
  static Labels window(int64_t first, int64_t count);
  /// Slice i bears labels[i].
  static Labels each(std::vector<int64_t> labels);

  /// Slice i bears label i, all of them.
  bool isIdentity() const {
    return table_ == nullptr && first_ == 0 && count_ == kUnbounded && stride_ == 1 && period_ == kUnbounded;
  }
  int64_t at(int64_t index) const;

  /// Calls visit(index) for every slice below `size` that bears `label`, in ascending order.
  template <typename Visit>
  void withLabel(int64_t label, int64_t size, Visit&& visit) const;

 private:
  struct Table {
    std::vector<int64_t> labels;
    std::unordered_map<int64_t, std::vector<int64_t>> slices;
  };
  static constexpr int64_t kUnbounded = std::numeric_limits<int64_t>::max();

  int64_t first_ = 0, count_ = kUnbounded, stride_ = 1, period_ = kUnbounded;
  std::shared_ptr<const Table> table_;
};

template <typename Visit>
void Labels::withLabel(int64_t label, int64_t size, Visit&& visit) const {
  if (table_ != nullptr) {
    if (const auto found = table_->slices.find(label); found != table_->slices.end())
      for (const int64_t index : found->second) visit(index);
    return;
  }
  const int64_t span = period_ == kUnbounded ? size : stride_ * period_;
  for (int64_t block = label * stride_; block < size; block += span)
    for (int64_t i = block; i < block + stride_ && i < count_ && first_ + i < size; ++i) visit(first_ + i);
}

}  // namespace compress
