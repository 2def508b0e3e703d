// Copying a box of elements from one set of strides to another: the one mechanism behind reorders, Transpose, Slice,
// Concat, Pad and the like.
#pragma once
#include <algorithm>
#include <cstdint>
#include <vector>

#include "lib/ir/shape.h"

namespace compress {

struct CopyAxis {
  int64_t count;
  int64_t from;  ///< stride in elements
  int64_t to;
};

/// A box: axes in any order; offsets in elements. Negative strides are allowed on the side that is read.
class StridedCopy {
 public:
  StridedCopy(int64_t elementBytes, std::vector<CopyAxis> axes, int64_t fromOffset = 0, int64_t toOffset = 0);
  /// Copies part [first, last) of the outermost axis.
  void run(const std::byte* from, std::byte* to, int64_t first, int64_t last) const;
  /// Extent of the outermost axis: what run() counts in.
  int64_t parts() const { return axes_.empty() ? std::min<int64_t>(count_, 1) : axes_[0].count; }
  int64_t bytes() const { return count_ * elementBytes_; }
  int64_t fromOffsetBytes() const { return fromOffset_ * elementBytes_; }
  int64_t toOffsetBytes() const { return toOffset_ * elementBytes_; }
  /// Is it one contiguous block on both sides?
  bool isContiguous() const { return axes_.empty(); }

 private:
  template <typename Element>
  void copyRange(const Element* from, Element* to, int64_t first, int64_t last) const;

  int64_t elementBytes_;
  int64_t fromOffset_;
  int64_t toOffset_;
  int64_t count_ = 1;
  std::vector<CopyAxis> axes_;  ///< outermost of the target first; neighbours merged; without the contiguous run
  int64_t run_ = 1;             ///< elements that are contiguous on both sides
};

}  // namespace compress
