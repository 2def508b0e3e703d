// Blocks of matrix products over a packed right matrix, for the loops that are made of them. Included once per
// instruction set, after hwy/highway.h.
#if defined(COMPRESS_GEMM_BLOCK_INL_H) == defined(HWY_TARGET_TOGGLE)
#ifdef COMPRESS_GEMM_BLOCK_INL_H
#undef COMPRESS_GEMM_BLOCK_INL_H
#else
#define COMPRESS_GEMM_BLOCK_INL_H
#endif

#include <algorithm>
#include <type_traits>

#include "lib/runtime/cpu/gemm_loops.h"

HWY_BEFORE_NAMESPACE();
namespace compress::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;
using PanelTag = hn::CappedTag<float, kPanel>;
using PanelVector = hn::Vec<PanelTag>;

/// Rows that one block takes: two vectors of sums per row fill the registers (32 with AVX-512, else 16).
constexpr int kBlockRows = HWY_TARGET <= HWY_AVX3 ? 12 : 6;

/// Where `column` of row k = 0 lies in the panels.
HWY_INLINE const float* panelAt(const SmallGemm& g, int64_t column) {
  return g.panels + column / kPanel * kPanel * g.inner + column % kPanel;
}

/// `count` elements of `value`, all of a vector where they fit.
HWY_INLINE void storeSome(PanelTag d, PanelVector value, float* to, int64_t count) {
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(d));
  if (count >= lanes) return hn::StoreU(value, d, to);
  if (count <= 0) return;
  HWY_ALIGN float last[kPanel];
  hn::Store(value, d, last);
  std::copy(last, last + count, to);
}

/// The first `count` elements of a vector, then zeros; a whole vector where there are as many.
HWY_INLINE PanelVector loadSome(PanelTag d, const float* from, int64_t count) {
  if (count >= static_cast<int64_t>(hn::Lanes(d))) return hn::LoadU(d, from);
  HWY_ALIGN float last[kPanel] = {};
  std::copy(from, from + count, last);
  return hn::Load(d, last);
}

/// kRows rows by kVectors vectors of columns. `next`, unless null, is a panel that is fetched into the second-level
/// cache meanwhile.
template <int kRows, int kVectors, bool kFetches>
HWY_INLINE void gemmBlock(const SmallGemm& g, int64_t row, int64_t column, const float* next) {
  const PanelTag d;
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(d));
  const float* panels[kVectors];
  // Rows are addressed three by three: a pointer each would not fit into the registers.
  const float* left[(kRows + 2) / 3];
  for (int r = 0; r < kRows; r += 3) left[r / 3] = g.left + (row + r) * g.leftStep;
  PanelVector sums[kRows][kVectors];
  for (int v = 0; v < kVectors; ++v) panels[v] = panelAt(g, column + v * lanes);
  for (int r = 0; r < kRows; ++r) {
    const float* start = g.start == nullptr ? nullptr : g.start + (row + r) * g.startStep + column;
    for (int v = 0; v < kVectors; ++v) sums[r][v] = start == nullptr ? hn::Zero(d) : hn::LoadU(d, start + v * lanes);
  }
  for (int64_t k = 0; k < g.inner; ++k) {
    if constexpr (kFetches) __builtin_prefetch(next + k * kPanel, 0, 2);
    PanelVector columns[kVectors];
    for (int v = 0; v < kVectors; ++v) columns[v] = hn::LoadU(d, panels[v] + k * kPanel);
    for (int r = 0; r < kRows; ++r) {
      const PanelVector factor = hn::Set(d, left[r / 3][r % 3 * g.leftStep + k]);
      for (int v = 0; v < kVectors; ++v) sums[r][v] = hn::MulAdd(factor, columns[v], sums[r][v]);
    }
  }
  for (int r = 0; r < kRows; ++r)
    for (int v = 0; v < kVectors; ++v)
      storeSome(d, sums[r][v], g.target + (row + r) * g.targetStep + column + v * lanes,
                g.columns - column - v * lanes);
}

/// All rows by kVectors vectors of columns. With kFetches, the first two blocks of rows fetch a panel each, from `next`
/// on.
template <int kVectors, bool kFetches>
HWY_INLINE void gemmColumns(const SmallGemm& g, int64_t column, const float* next) {
  int64_t row = 0;
  const auto take = [&]<int kRows>(std::integral_constant<int, kRows>) HWY_ATTR {
    if (kFetches && row < 2 * kRows)
      gemmBlock<kRows, kVectors, kFetches>(g, row, column, row == 0 ? next : next + g.inner * kPanel);
    else
      gemmBlock<kRows, kVectors, false>(g, row, column, nullptr);
    row += kRows;
  };
  // 16 rows are twice 8 rather than 12 and 4.
  while (row + kBlockRows <= g.rows && g.rows - row != 16) take(std::integral_constant<int, kBlockRows>());
  if constexpr (kBlockRows > 8)
    while (row + 8 <= g.rows) take(std::integral_constant<int, 8>());
  while (row + 4 <= g.rows) take(std::integral_constant<int, 4>());
  while (row + 2 <= g.rows) take(std::integral_constant<int, 2>());
  if (row < g.rows) take(std::integral_constant<int, 1>());
}

/// From so many elements on a right matrix comes from memory or the last cache, not from the second.
constexpr int64_t kStreamedElements = 1 << 17;

/// The whole product. Every element is one sum over k in order, whatever the other rows and columns. Panels of a large
/// right matrix are fetched while the ones before are multiplied, unless so few rows do that the processor runs ahead
/// by itself.
HWY_INLINE void gemmAll(const SmallGemm& g) {
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(PanelTag()));
  const bool isStreamed = g.rows > kBlockRows && g.inner * g.columns >= kStreamedElements;
  int64_t column = 0;
  for (; column + lanes < g.columns; column += 2 * lanes) {
    const int64_t next = column + 2 * lanes;
    if (isStreamed && next < g.columns)
      gemmColumns<2, true>(g, column, panelAt(g, next));
    else
      gemmColumns<2, false>(g, column, nullptr);
  }
  if (column < g.columns) gemmColumns<1, false>(g, column, nullptr);
}

}  // namespace compress::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif
