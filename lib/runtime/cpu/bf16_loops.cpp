// One source for all instruction sets (see elementwise_loops.cpp).
#include "lib/runtime/cpu/bf16_loops.h"

#include <algorithm>
#include <array>

// The order of these matters.
// clang-format off
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "lib/runtime/cpu/bf16_loops.cpp"
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
using D = hn::ScalableTag<float>;

template <typename From, typename To>
HWY_INLINE void convertAll(const From* from, To* to, int64_t count) {
  const D d;
  const hn::CappedTag<float, 1> one;
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(d));
  int64_t i = 0;
  for (; i + lanes <= count; i += lanes) storeReals(d, loadReals(d, from + i), to + i);
  for (; i < count; ++i) storeReals(one, loadReals(one, from + i), to + i);
}

void widen(const uint16_t* from, float* to, int64_t count) {
  convertAll(from, to, count);
}
void narrowAll(const float* from, uint16_t* to, int64_t count) {
  convertAll(from, to, count);
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

namespace {

constexpr int64_t kTile = 1024;
constexpr size_t kMostOps = 16;
using Tile = std::array<float, kTile>;

/// `count` elements from `begin` on as floats: where they are, or widened into `tile`.
const float* floatsAt(const std::byte* data, bool isBf16, int64_t begin, int64_t count, Tile& tile) {
  if (!isBf16) return reinterpret_cast<const float*>(data) + begin;
  widenBf16(reinterpret_cast<const uint16_t*>(data) + begin, tile.data(), count);
  return tile.data();
}

}  // namespace

void runMixedElementwise(const MixedRow& row, std::span<const LoopOp> ops) {
  alignas(64) Tile source, operands[kMostOps];
  std::array<LoopOp, kMostOps> own;
  std::ranges::copy(ops, own.begin());
  for (int64_t begin = 0; begin < row.count; begin += kTile) {
    const int64_t count = std::min(kTile, row.count - begin);
    const auto sizeOf = [count](int64_t step) { return step == 0 ? 1 : count; };
    for (size_t i = 0; i < ops.size(); ++i)
      if (ops[i].operand != nullptr)
        own[i].operand = floatsAt(reinterpret_cast<const std::byte*>(ops[i].operand), ops[i].isBf16,
                                  begin * ops[i].step, sizeOf(ops[i].step), operands[i]);
    const float* from =
        floatsAt(row.source, row.isFromBf16, begin * row.sourceStep, sizeOf(row.sourceStep), source);
    float* to = row.isToBf16 ? source.data() : reinterpret_cast<float*>(row.target) + begin;
    if (!ops.empty())
      runElementwise(from, row.sourceStep, to, count, {own.data(), ops.size()});
    else if (!row.isToBf16)
      std::copy_n(from, count, to);
    if (row.isToBf16)
      narrowToBf16(ops.empty() ? from : to, reinterpret_cast<uint16_t*>(row.target) + begin, count);
  }
}

}  // namespace compress
#endif
