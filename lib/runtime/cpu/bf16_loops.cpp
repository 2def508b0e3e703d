// One source for all instruction sets (see elementwise_loops.cpp).
#include "lib/runtime/cpu/bf16_loops.h"

#include <bit>

// The order of these matters.
// clang-format off
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "lib/runtime/cpu/bf16_loops.cpp"
#include "lib/runtime/cpu/vector_targets.h"
// Highway includes this file again for each target.
#include <hwy/foreach_target.h>
#include <hwy/highway.h>
// clang-format on

HWY_BEFORE_NAMESPACE();
namespace compress::HWY_NAMESPACE {
namespace {

namespace hn = hwy::HWY_NAMESPACE;
using D = hn::ScalableTag<int32_t>;
using Narrow = hn::Rebind<uint16_t, D>;
constexpr int32_t kInfinity = 0x7F800000;
constexpr int32_t kQuiet = 0x400000;

void widen(const uint16_t* from, float* to, int64_t count) {
  const D d;
  const Narrow narrow;
  const hn::RebindToFloat<D> real;
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(d));
  int64_t i = 0;
  for (; i + lanes <= count; i += lanes)
    hn::StoreU(hn::BitCast(real, hn::ShiftLeft<16>(hn::PromoteTo(d, hn::LoadU(narrow, from + i)))), real, to + i);
  for (; i < count; ++i) to[i] = std::bit_cast<float>(static_cast<uint32_t>(from[i]) << 16);
}

uint16_t narrowOne(float from) {
  const uint32_t bits = std::bit_cast<uint32_t>(from);
  const bool isNan = (bits & 0x7FFFFFFFU) > static_cast<uint32_t>(kInfinity);
  return static_cast<uint16_t>((isNan ? bits | static_cast<uint32_t>(kQuiet) : bits + 0x7FFFU + ((bits >> 16) & 1U)) >>
                               16);
}

void narrowAll(const float* from, uint16_t* to, int64_t count) {
  const D d;
  const Narrow narrow;
  const hn::RebindToFloat<D> real;
  const hn::RebindToUnsigned<D> bare;
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(d));
  int64_t i = 0;
  for (; i + lanes <= count; i += lanes) {
    const auto bits = hn::BitCast(d, hn::LoadU(real, from + i));
    const auto isNan = hn::Gt(hn::And(bits, hn::Set(d, 0x7FFFFFFF)), hn::Set(d, kInfinity));
    const auto odd = hn::And(hn::ShiftRight<16>(bits), hn::Set(d, 1));
    const auto rounded = hn::Add(hn::Add(bits, hn::Set(d, 0x7FFF)), odd);
    const auto chosen = hn::IfThenElse(isNan, hn::Or(bits, hn::Set(d, kQuiet)), rounded);
    const auto high = hn::BitCast(d, hn::ShiftRight<16>(hn::BitCast(bare, chosen)));
    hn::StoreU(hn::DemoteTo(narrow, high), narrow, to + i);
  }
  for (; i < count; ++i) to[i] = narrowOne(from[i]);
}

}  // namespace
}  // namespace compress::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace compress {

HWY_EXPORT(widen);
HWY_EXPORT(narrowAll);

void widenBf16(const uint16_t* from, float* to, int64_t count) {
  HWY_DYNAMIC_DISPATCH(widen)(from, to, count);
}
void narrowToBf16(const float* from, uint16_t* to, int64_t count) {
  HWY_DYNAMIC_DISPATCH(narrowAll)(from, to, count);
}

}  // namespace compress
#endif
