// One source for all instruction sets (see elementwise_loops.cpp).
#include "lib/runtime/cpu/gemm_loops.h"

#include <algorithm>

// The order of these matters.
// clang-format off
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "lib/runtime/cpu/gemm_loops.cpp"
#include "lib/runtime/cpu/vector_targets.h"
// Highway includes this file again for each target.
#include <hwy/foreach_target.h>
#include <hwy/highway.h>
// clang-format on

HWY_BEFORE_NAMESPACE();
namespace compress::HWY_NAMESPACE {
namespace {

namespace hn = hwy::HWY_NAMESPACE;
using D = hn::CappedTag<float, kPanel>;
using V = hn::Vec<D>;

/// Where `column` of row k = 0 lies in the panels.
HWY_INLINE const float* panelAt(const SmallGemm& g, int64_t column) {
  return g.panels + column / kPanel * kPanel * g.inner + column % kPanel;
}

/// `count` elements of `value`, all of a vector where they fit.
HWY_INLINE void storeSome(D d, V value, float* to, int64_t count) {
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(d));
  if (count >= lanes) return hn::StoreU(value, d, to);
  if (count <= 0) return;
  HWY_ALIGN float last[kPanel];
  hn::Store(value, d, last);
  std::copy(last, last + count, to);
}

/// One row by one vector of columns, in four interleaved sums that hide the latency of the additions.
HWY_INLINE void loneRow(const SmallGemm& g, int64_t column) {
  const D d;
  const float* panel = panelAt(g, column);
  V s0 = hn::LoadU(d, g.start + column);
  V s1 = hn::Zero(d);
  V s2 = hn::Zero(d);
  V s3 = hn::Zero(d);
  int64_t k = 0;
  for (; k + 4 <= g.inner; k += 4) {
    const float* at = panel + k * kPanel;
    s0 = hn::MulAdd(hn::Set(d, g.left[k]), hn::LoadU(d, at), s0);
    s1 = hn::MulAdd(hn::Set(d, g.left[k + 1]), hn::LoadU(d, at + kPanel), s1);
    s2 = hn::MulAdd(hn::Set(d, g.left[k + 2]), hn::LoadU(d, at + 2 * kPanel), s2);
    s3 = hn::MulAdd(hn::Set(d, g.left[k + 3]), hn::LoadU(d, at + 3 * kPanel), s3);
  }
  for (; k < g.inner; ++k) s0 = hn::MulAdd(hn::Set(d, g.left[k]), hn::LoadU(d, panel + k * kPanel), s0);
  storeSome(d, hn::Add(hn::Add(s0, s1), hn::Add(s2, s3)), g.target + column, g.columns - column);
}

/// kRows rows by two vectors of columns, or by one when the second lies behind the last panel.
template <int kRows>
HWY_INLINE void block(const SmallGemm& g, int64_t row, int64_t column, bool hasSecond) {
  const D d;
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(d));
  const int64_t next = hasSecond ? column + lanes : column;
  const float* panelA = panelAt(g, column);
  const float* panelB = panelAt(g, next);
  const float* left[kRows];
  V a[kRows];
  V b[kRows];
  for (int r = 0; r < kRows; ++r) {
    left[r] = g.left + (row + r) * g.leftStep;
    a[r] = hn::LoadU(d, g.start + (row + r) * g.startStep + column);
    b[r] = hn::LoadU(d, g.start + (row + r) * g.startStep + next);
  }
  for (int64_t k = 0; k < g.inner; ++k) {
    const V columnsA = hn::LoadU(d, panelA + k * kPanel);
    const V columnsB = hn::LoadU(d, panelB + k * kPanel);
    for (int r = 0; r < kRows; ++r) {
      const V factor = hn::Set(d, left[r][k]);
      a[r] = hn::MulAdd(factor, columnsA, a[r]);
      b[r] = hn::MulAdd(factor, columnsB, b[r]);
    }
  }
  for (int r = 0; r < kRows; ++r) {
    float* to = g.target + (row + r) * g.targetStep;
    storeSome(d, a[r], to + column, g.columns - column);
    if (hasSecond) storeSome(d, b[r], to + next, g.columns - next);
  }
}

void smallGemm(const SmallGemm& g) {
  const D d;
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(d));
  if (g.rows == 1) {
    for (int64_t column = 0; column < g.columns; column += lanes) loneRow(g, column);
    return;
  }
  for (int64_t column = 0; column < g.columns; column += 2 * lanes) {
    const bool hasSecond = column + lanes < g.columns;
    int64_t row = 0;
    for (; row + 6 <= g.rows; row += 6) block<6>(g, row, column, hasSecond);
    for (; row + 2 <= g.rows; row += 2) block<2>(g, row, column, hasSecond);
    if (row < g.rows) block<1>(g, row, column, hasSecond);
  }
}

}  // namespace
}  // namespace compress::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace compress {

HWY_EXPORT(smallGemm);

void runSmallGemm(const SmallGemm& product) {
  HWY_DYNAMIC_DISPATCH(smallGemm)(product);
}

void packPanels(const float* from, int64_t rowStep, int64_t columnStep, int64_t inner, int64_t columns, float* to) {
  for (int64_t n = 0; n < columns; ++n) {
    float* panel = to + n / kPanel * kPanel * inner + n % kPanel;
    for (int64_t k = 0; k < inner; ++k) panel[k * kPanel] = from[k * rowStep + n * columnStep];
  }
}

}  // namespace compress
#endif
