// The loops of an elementwise operation with broadcasting.
#pragma once
#include "lib/runtime/plan/kernel.h"

namespace compress {

/// One loop of the nest: how far each operand moves per step, in elements; the target is dense.
struct LoopAxis {
  int64_t count = 1;
  std::vector<int64_t> steps;
};

/// Strides of an operand of shape `shape` when walked as the result `whole`; 0 where it is broadcast.
std::vector<int64_t> broadcastStrides(const Shape& shape, const Shape& whole, Layout layout);

/// Axes of the result from the outermost in memory to the innermost, neighbours merged where every operand allows.
class LoopNest {
 public:
  LoopNest() = default;
  /// `strides`: one list per operand, one element per axis of `whole`.
  LoopNest(const Shape& whole, Layout layout, const std::vector<std::vector<int64_t>>& strides);

  const LoopAxis& inner() const { return inner_; }
  /// Rows of `inner`.
  int64_t outerCount() const { return outerCount_; }
  /// Where a row of an operand begins.
  int64_t offsetOf(int64_t row, size_t operand) const {
    int64_t offset = 0;
    for (size_t i = outer_.size(); i-- > 0;) {
      offset += row % outer_[i].count * outer_[i].steps[operand];
      row /= outer_[i].count;
    }
    return offset;
  }

 private:
  std::vector<LoopAxis> outer_;
  LoopAxis inner_;
  int64_t outerCount_ = 1;
};

}  // namespace compress
