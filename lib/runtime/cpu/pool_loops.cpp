// One source for all instruction sets (see elementwise_loops.cpp).
#include "lib/runtime/cpu/pool_loops.h"

#include <algorithm>
#include <limits>

// The order of these matters.
// clang-format off
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "lib/runtime/cpu/pool_loops.cpp"
#include "lib/runtime/cpu/vector_targets.h"
// Highway includes this file again for each target.
#include <hwy/foreach_target.h>
#include <hwy/highway.h>
#include "lib/runtime/cpu/bf16-inl.h"
// clang-format on

HWY_BEFORE_NAMESPACE();
namespace compress::HWY_NAMESPACE {
namespace {

namespace hn = hwy::HWY_NAMESPACE;

/// Positions of a window that lie in the image: first, last (not included), in input coordinates.
struct Span {
  int64_t first, last, step;
  int64_t padded;  ///< positions in the image and its pads
};

Span spanOf(int64_t out, int64_t stride, int64_t kernel, int64_t dilation, int64_t before, int64_t after,
            int64_t extent) {
  const int64_t start = out * stride - before;
  int64_t first = start;
  while (first < 0) first += dilation;
  Span span{first, std::min(start + kernel * dilation, extent), dilation, 0};
  for (int64_t k = 0; k < kernel; ++k)
    if (start + k * dilation < extent + after) ++span.padded;
  return span;
}

template <typename D, typename T>
HWY_INLINE void poolChannels(D d, const PoolShape& s, const T* image, T* target, const Span& rows,
                             const Span& columns, float factor) {
  auto sum = hn::Set(d, s.isMax ? -std::numeric_limits<float>::infinity() : 0.F);
  for (int64_t y = rows.first; y < rows.last; y += rows.step) {
    const T* line = image + y * s.width * s.channels;
    if (s.isMax) {
      for (int64_t x = columns.first; x < columns.last; x += columns.step)
        sum = hn::Max(sum, loadReals(d, line + x * s.channels));
    } else {
      for (int64_t x = columns.first; x < columns.last; x += columns.step)
        sum = hn::Add(sum, loadReals(d, line + x * s.channels));
    }
  }
  storeReals(d, s.isMax ? sum : hn::Mul(sum, hn::Set(d, factor)), target);
}

/// Channels from `c` on in vectors of one size; the first channel that is left.
template <typename D, typename T>
HWY_INLINE int64_t poolVectors(D d, const PoolShape& s, const T* image, T* to, int64_t c, const Span& rows,
                               const Span& columns, float factor) {
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(d));
  for (; c + lanes <= s.channels; c += lanes) poolChannels(d, s, image + c, to + c, rows, columns, factor);
  return c;
}

template <typename T>
HWY_INLINE void poolRow(const PoolShape& s, const T* image, T* target, int64_t row) {
  const Span rows = spanOf(row, s.strideHeight, s.kernelHeight, s.dilationHeight, s.padTop, s.padBottom, s.height);
  for (int64_t column = 0; column < s.outWidth; ++column) {
    const Span columns = spanOf(column, s.strideWidth, s.kernelWidth, s.dilationWidth, s.padLeft, s.padRight, s.width);
    const int64_t there = std::max<int64_t>(0, (rows.last - rows.first + rows.step - 1) / rows.step) *
                          std::max<int64_t>(0, (columns.last - columns.first + columns.step - 1) / columns.step);
    const float factor =
        1.F / static_cast<float>(std::max<int64_t>(1, s.countsPads ? rows.padded * columns.padded : there));
    T* const to = target + column * s.channels;
    int64_t c = poolVectors(hn::ScalableTag<float>(), s, image, to, 0, rows, columns, factor);
    c = poolVectors(hn::CappedTag<float, 8>(), s, image, to, c, rows, columns, factor);
    c = poolVectors(hn::CappedTag<float, 4>(), s, image, to, c, rows, columns, factor);
    poolVectors(hn::CappedTag<float, 1>(), s, image, to, c, rows, columns, factor);
  }
}

void poolFloats(const PoolShape& s, const float* image, float* target, int64_t row) {
  poolRow(s, image, target, row);
}
void poolBf16(const PoolShape& s, const uint16_t* image, uint16_t* target, int64_t row) {
  poolRow(s, image, target, row);
}

}  // namespace
}  // namespace compress::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace compress {

HWY_EXPORT(poolFloats);
HWY_EXPORT(poolBf16);

void runPoolRow(const PoolShape& shape, const float* image, float* target, int64_t row) {
  HWY_DYNAMIC_DISPATCH(poolFloats)(shape, image, target, row);
}
void runPoolRow(const PoolShape& shape, const uint16_t* image, uint16_t* target, int64_t row) {
  HWY_DYNAMIC_DISPATCH(poolBf16)(shape, image, target, row);
}

}  // namespace compress
#endif
