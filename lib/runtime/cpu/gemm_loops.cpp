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

/// One row by one panel, in four interleaved sums that hide the latency of the additions.
HWY_INLINE void rowByPanel(const float* left, const float* panel, const float* bias, float* sums, int64_t inner) {
  const D d;
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(d));
  for (int64_t at = 0; at < kPanel; at += lanes) {
    auto s0 = hn::LoadU(d, bias + at);
    auto s1 = hn::Zero(d);
    auto s2 = hn::Zero(d);
    auto s3 = hn::Zero(d);
    int64_t k = 0;
    for (; k + 4 <= inner; k += 4) {
      const float* column = panel + k * kPanel + at;
      s0 = hn::MulAdd(hn::Set(d, left[k]), hn::LoadU(d, column), s0);
      s1 = hn::MulAdd(hn::Set(d, left[k + 1]), hn::LoadU(d, column + kPanel), s1);
      s2 = hn::MulAdd(hn::Set(d, left[k + 2]), hn::LoadU(d, column + 2 * kPanel), s2);
      s3 = hn::MulAdd(hn::Set(d, left[k + 3]), hn::LoadU(d, column + 3 * kPanel), s3);
    }
    for (; k < inner; ++k) s0 = hn::MulAdd(hn::Set(d, left[k]), hn::LoadU(d, panel + k * kPanel + at), s0);
    hn::StoreU(hn::Add(hn::Add(s0, s1), hn::Add(s2, s3)), d, sums + at);
  }
}

void smallGemm(const float* left, const float* panels, const float* bias, float* target, int64_t rows, int64_t inner,
               int64_t columns) {
  float sums[kPanel];
  for (int64_t column = 0; column < columns; column += kPanel) {
    const float* panel = panels + column * inner;
    const int64_t count = std::min(kPanel, columns - column);
    for (int64_t row = 0; row < rows; ++row) {
      rowByPanel(left + row * inner, panel, bias + column, sums, inner);
      std::copy(sums, sums + count, target + row * columns + column);
    }
  }
}

}  // namespace
}  // namespace compress::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace compress {

HWY_EXPORT(smallGemm);

void runSmallGemm(const float* left, const float* panels, const float* bias, float* target, int64_t rows, int64_t inner,
                  int64_t columns) {
  HWY_DYNAMIC_DISPATCH(smallGemm)(left, panels, bias, target, rows, inner, columns);
}

}  // namespace compress
#endif
