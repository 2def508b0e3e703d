// Axes are sorted by the target, merged where both sides allow, and walked so that the target is written front to back.
#include "lib/runtime/cpu/strided_copy.h"

#include <algorithm>
#include <cstring>

#include "lib/base/error.h"
#include "lib/runtime/cpu/copy_loops.h"

namespace compress {
namespace {

constexpr int64_t kTile = 16;

/// rows x columns: the target is contiguous along columns, the source along rows.
template <typename Element>
void transposeTiles(const Element* from, Element* to, int64_t rows, int64_t columns, int64_t fromColumn,
                    int64_t toRow) {
  for (int64_t row = 0; row < rows; row += kTile)
    for (int64_t column = 0; column < columns; column += kTile) {
      const int64_t rowEnd = std::min(rows, row + kTile);
      const int64_t columnEnd = std::min(columns, column + kTile);
      for (int64_t r = row; r < rowEnd; ++r)
        for (int64_t c = column; c < columnEnd; ++c) to[r * toRow + c] = from[c * fromColumn + r];
    }
}

/// A small fixed number of columns: the whole target row by row.
template <typename Element, int64_t kColumns>
void interleave(const Element* from, Element* to, int64_t rows, int64_t fromRow, int64_t fromColumn, int64_t toRow) {
  for (int64_t r = 0; r < rows; ++r)
    for (int64_t c = 0; c < kColumns; ++c) to[r * toRow + c] = from[r * fromRow + c * fromColumn];
}

/// Two innermost axes, element by element.
template <typename Element>
void copyPlane(const Element* from, Element* to, const CopyAxis& outer, const CopyAxis& inner) {
  if (inner.to == 1 && outer.from == 1 && inner.count >= 8)
    return transposeTiles(from, to, outer.count, inner.count, inner.from, outer.to);
  if (inner.to == 1) {
    switch (inner.count) {
      case 2:
        return interleave<Element, 2>(from, to, outer.count, outer.from, inner.from, outer.to);
      case 3:
        if constexpr (sizeof(Element) == 4)
          if (outer.from == 1 && outer.to == 3)
            return interleaveThree(from, from + inner.from, from + 2 * inner.from, to, outer.count);
        return interleave<Element, 3>(from, to, outer.count, outer.from, inner.from, outer.to);
      case 4:
        return interleave<Element, 4>(from, to, outer.count, outer.from, inner.from, outer.to);
      default:
        break;
    }
  }
  for (int64_t o = 0; o < outer.count; ++o) {
    const Element* source = from + o * outer.from;
    Element* target = to + o * outer.to;
    for (int64_t i = 0; i < inner.count; ++i) target[i * inner.to] = source[i * inner.from];
  }
}

/// Short runs in blocks that the compiler turns into a few moves; a call of memcpy would take longer.
template <typename Element>
void copyRun(const Element* from, Element* to, int64_t run) {
  constexpr int64_t kBlock = 64 / sizeof(Element);
  if (run > 16 * kBlock) {
    std::memcpy(to, from, static_cast<size_t>(run) * sizeof(Element));
    return;
  }
  int64_t i = 0;
  for (; i + kBlock <= run; i += kBlock) std::memcpy(to + i, from + i, 64);
  for (; i < run; ++i) to[i] = from[i];
}

template <typename Element>
void copyAxes(const Element* from, Element* to, const CopyAxis* axis, size_t left, int64_t run) {
  if (left == 0) return copyRun(from, to, run);
  if (left == 2 && run == 1) return copyPlane(from, to, axis[0], axis[1]);
  if (left == 1 && run == 1) return copyPlane(from, to, CopyAxis{1, 0, 0}, axis[0]);
  for (int64_t i = 0; i < axis->count; ++i) copyAxes(from + i * axis->from, to + i * axis->to, axis + 1, left - 1, run);
}

}  // namespace

StridedCopy::StridedCopy(int64_t elementBytes, std::vector<CopyAxis> axes, int64_t fromOffset, int64_t toOffset)
    : elementBytes_(elementBytes), fromOffset_(fromOffset), toOffset_(toOffset) {
  std::erase_if(axes, [](const CopyAxis& axis) { return axis.count == 1; });
  std::ranges::stable_sort(axes, [](const CopyAxis& a, const CopyAxis& b) { return a.to > b.to; });
  for (const CopyAxis& axis : axes) {
    count_ *= axis.count;
    if (!axes_.empty() && axes_.back().from == axis.from * axis.count && axes_.back().to == axis.to * axis.count) {
      axes_.back() = {axes_.back().count * axis.count, axis.from, axis.to};
    } else {
      axes_.push_back(axis);
    }
  }
  if (!axes_.empty() && axes_.back().from == 1 && axes_.back().to == 1) {
    run_ = axes_.back().count;
    axes_.pop_back();
  }
}

template <typename Element>
void StridedCopy::copyRange(const Element* from, Element* to, int64_t first, int64_t last) const {
  from += fromOffset_;
  to += toOffset_;
  if (axes_.empty()) {
    std::memcpy(to, from, static_cast<size_t>(run_) * sizeof(Element));
    return;
  }
  CopyAxis part = axes_[0];
  part.count = last - first;
  from += first * part.from;
  to += first * part.to;
  if (axes_.size() == 1 && run_ == 1) return copyPlane(from, to, CopyAxis{1, 0, 0}, part);
  if (axes_.size() == 2 && run_ == 1) return copyPlane(from, to, part, axes_[1]);
  for (int64_t i = 0; i < part.count; ++i)
    copyAxes(from + i * part.from, to + i * part.to, axes_.data() + 1, axes_.size() - 1, run_);
}

void StridedCopy::run(const std::byte* from, std::byte* to, int64_t first, int64_t last) const {
  if (count_ == 0 || first == last) return;
  switch (elementBytes_) {
    case 1:
      return copyRange(reinterpret_cast<const uint8_t*>(from), reinterpret_cast<uint8_t*>(to), first, last);
    case 2:
      return copyRange(reinterpret_cast<const uint16_t*>(from), reinterpret_cast<uint16_t*>(to), first, last);
    case 4:
      return copyRange(reinterpret_cast<const uint32_t*>(from), reinterpret_cast<uint32_t*>(to), first, last);
    case 8:
      return copyRange(reinterpret_cast<const uint64_t*>(from), reinterpret_cast<uint64_t*>(to), first, last);
    default:
      throw Error(ErrorKind::bug, "a strided copy of elements that are not 1, 2, 4 or 8 bytes");
  }
}

}  // namespace compress
