// One source for all instruction sets (see elementwise_loops.cpp).
#include "lib/runtime/cpu/copy_loops.h"

// The order of these matters.
// clang-format off
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "lib/runtime/cpu/copy_loops.cpp"
#include "lib/runtime/cpu/vector_targets.h"
// Highway includes this file again for each target.
#include <hwy/foreach_target.h>
#include <hwy/highway.h>
// clang-format on

HWY_BEFORE_NAMESPACE();
namespace compress::HWY_NAMESPACE {
namespace {

namespace hn = hwy::HWY_NAMESPACE;

void three(const uint32_t* first, const uint32_t* second, const uint32_t* third, uint32_t* to, int64_t count) {
  const hn::ScalableTag<uint32_t> d;
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(d));
  int64_t i = 0;
  for (; i + lanes <= count; i += lanes)
    hn::StoreInterleaved3(hn::LoadU(d, first + i), hn::LoadU(d, second + i), hn::LoadU(d, third + i), d, to + 3 * i);
  for (; i < count; ++i) {
    to[3 * i] = first[i];
    to[3 * i + 1] = second[i];
    to[3 * i + 2] = third[i];
  }
}

}  // namespace
}  // namespace compress::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace compress {

HWY_EXPORT(three);

void interleaveThree(const uint32_t* first, const uint32_t* second, const uint32_t* third, uint32_t* to,
                     int64_t count) {
  HWY_DYNAMIC_DISPATCH(three)(first, second, third, to, count);
}

}  // namespace compress
#endif
