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
#include "lib/runtime/cpu/gemm_block-inl.h"
// clang-format on

HWY_BEFORE_NAMESPACE();
namespace compress::HWY_NAMESPACE {
namespace {

using D = PanelTag;
using V = PanelVector;

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

void smallGemm(const SmallGemm& g) {
  const D d;
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(d));
  if (g.rows == 1) {
    for (int64_t column = 0; column < g.columns; column += lanes) loneRow(g, column);
    return;
  }
  gemmAll(g);
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
  for (int64_t panel = 0; panel < columns; panel += kPanel) {
    const int64_t count = std::min(kPanel, columns - panel);
    for (int64_t k = 0; k < inner; ++k)
      for (int64_t n = 0; n < count; ++n)
        to[panel * inner + k * kPanel + n] = from[k * rowStep + (panel + n) * columnStep];
  }
}

}  // namespace compress
#endif
