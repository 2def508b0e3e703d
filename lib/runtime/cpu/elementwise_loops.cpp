// One source for all instruction sets: Highway compiles the loops once per target and picks at run time.
#include "lib/runtime/cpu/elementwise_loops.h"

#include <algorithm>
#include <cmath>
#include <limits>

// The order of these matters.
// clang-format off
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "lib/runtime/cpu/elementwise_loops.cpp"
#include "lib/runtime/cpu/vector_targets.h"
// Highway includes this file again for each target.
#include <hwy/foreach_target.h>
#include <hwy/highway.h>
#include "lib/runtime/cpu/vector_math-inl.h"
// clang-format on

HWY_BEFORE_NAMESPACE();
namespace compress::HWY_NAMESPACE {
namespace {

namespace hn = hwy::HWY_NAMESPACE;
using D = hn::ScalableTag<float>;
using V = hn::Vec<D>;
constexpr int64_t kTile = 1024;

/// The elements of one operation: `to` may be `from`.
struct Range {
  const float* from;
  float* to;
  int64_t count;
};

/// to[i] = apply(from[i]).
template <typename Apply>
HWY_INLINE void mapRange(const Range& r, const Apply& apply) {
  const D d;
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(d));
  int64_t i = 0;
  for (; i + 2 * lanes <= r.count; i += 2 * lanes) {
    const V a = apply(d, hn::LoadU(d, r.from + i));
    const V b = apply(d, hn::LoadU(d, r.from + i + lanes));
    hn::StoreU(a, d, r.to + i);
    hn::StoreU(b, d, r.to + i + lanes);
  }
  for (; i + lanes <= r.count; i += lanes) hn::StoreU(apply(d, hn::LoadU(d, r.from + i)), d, r.to + i);
  if (i == r.count) return;
  HWY_ALIGN float last[HWY_MAX_BYTES / sizeof(float)] = {};
  std::copy(r.from + i, r.from + r.count, last);
  hn::Store(apply(d, hn::Load(d, last)), d, last);
  std::copy(last, last + (r.count - i), r.to + i);
}

/// to[i] = apply(from[i], other[i * step]), step 0 or 1.
template <typename Apply>
HWY_INLINE void zipRange(const Range& r, const float* other, int64_t step, const Apply& apply) {
  const D d;
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(d));
  if (step == 0) {
    const V same = hn::Set(d, *other);
    return mapRange(r, [&](D dd, V x) { return apply(dd, x, same); });
  }
  int64_t i = 0;
  for (; i + lanes <= r.count; i += lanes)
    hn::StoreU(apply(d, hn::LoadU(d, r.from + i), hn::LoadU(d, other + i)), d, r.to + i);
  if (i == r.count) return;
  HWY_ALIGN float last[HWY_MAX_BYTES / sizeof(float)] = {};
  HWY_ALIGN float lastOther[HWY_MAX_BYTES / sizeof(float)] = {};
  std::copy(r.from + i, r.from + r.count, last);
  std::copy(other + i, other + r.count, lastOther);
  hn::Store(apply(d, hn::Load(d, last), hn::Load(d, lastOther)), d, last);
  std::copy(last, last + (r.count - i), r.to + i);
}

/// to[i] = apply(from[i]), one by one: for what is rare.
template <typename Apply>
HWY_INLINE void mapScalars(const Range& r, const Apply& apply) {
  for (int64_t i = 0; i < r.count; ++i) r.to[i] = apply(r.from[i]);
}

void unary(const LoopOp& op, const Range& t) {
  const float a = op.alpha;
  const float b = op.beta;
  using Kind = PostOp::Kind;
  switch (op.kind) {
    case Kind::relu:
      return mapRange(t, [](D d, V x) { return hn::Max(x, hn::Zero(d)); });
    case Kind::leakyRelu:
      return mapRange(t, [a](D d, V x) { return leakyRelu(d, x, a); });
    case Kind::clip:
      return mapRange(t, [a, b](D d, V x) { return hn::Min(hn::Max(x, hn::Set(d, a)), hn::Set(d, b)); });
    case Kind::sigmoid:
      return mapRange(t, [](D d, V x) { return sigmoid(d, x); });
    case Kind::tanh:
      return mapRange(t, [](D d, V x) { return tanhOf(d, x); });
    case Kind::silu:
      return mapRange(t, [](D d, V x) { return hn::Mul(x, sigmoid(d, x)); });
    case Kind::hardSwish:
      return mapRange(t, [](D d, V x) { return hn::Mul(x, hardSigmoid(d, x, 1.F / 6.F, 0.5F)); });
    case Kind::hardSigmoid:
      return mapRange(t, [a, b](D d, V x) { return hardSigmoid(d, x, a, b); });
    case Kind::elu:
      return mapRange(t, [a](D d, V x) { return elu(d, x, a); });
    case Kind::exp:
      return mapRange(t, [](D d, V x) { return hn::Exp(d, hn::Min(x, hn::Set(d, 104.F))); });
    case Kind::sqrt:
      return mapRange(t, [](D, V x) { return hn::Sqrt(x); });
    case Kind::reciprocal:
      return mapRange(t, [](D d, V x) { return hn::Div(hn::Set(d, 1.F), x); });
    case Kind::abs:
      return mapRange(t, [](D, V x) { return hn::Abs(x); });
    case Kind::neg:
      return mapRange(t, [](D, V x) { return hn::Neg(x); });
    case Kind::floor:
      return mapRange(t, [](D, V x) { return hn::Floor(x); });
    case Kind::ceil:
      return mapRange(t, [](D, V x) { return hn::Ceil(x); });
    case Kind::round:
      return mapRange(t, [](D, V x) { return hn::Round(x); });
    case Kind::square:
      return mapRange(t, [](D, V x) { return hn::Mul(x, x); });
    case Kind::sign:
      return mapScalars(t, [](float x) { return x > 0 ? 1.F : x < 0 ? -1.F : x; });
    case Kind::sin:
      return mapScalars(t, [](float x) { return std::sin(x); });
    case Kind::cos:
      return mapScalars(t, [](float x) { return std::cos(x); });
    case Kind::power:
      return mapScalars(t, [a](float x) { return std::pow(x, a); });
    case Kind::linear:
      return mapRange(t, [a, b](D d, V x) { return hn::Add(hn::Mul(x, hn::Set(d, a)), hn::Set(d, b)); });
    case Kind::log:
      return mapScalars(t, [](float x) { return std::log(x); });
    case Kind::erf:
      return mapRange(t, [](D d, V x) { return erfOf(d, x); });
    case Kind::geluErf:
      return mapRange(t, [](D d, V x) {
        const V half = hn::Mul(hn::Set(d, 0.5F), x);
        return hn::MulAdd(half, erfOf(d, hn::Mul(x, hn::Set(d, 0.70710678F))), half);
      });
    case Kind::geluTanh:
      return mapRange(t, [](D d, V x) {
        const V inner =
            hn::Mul(hn::Set(d, 0.7978845608F), hn::Add(x, hn::Mul(hn::Set(d, 0.044715F), hn::Mul(x, hn::Mul(x, x)))));
        return hn::Mul(hn::Mul(hn::Set(d, 0.5F), x), hn::Add(hn::Set(d, 1.F), tanhOf(d, inner)));
      });
    case Kind::softplus:
      return mapScalars(t, [](float x) { return std::max(x, 0.F) + std::log1p(std::exp(-std::abs(x))); });
    case Kind::mish:
      return mapScalars(t,
                        [](float x) { return x * std::tanh(std::max(x, 0.F) + std::log1p(std::exp(-std::abs(x)))); });
    default:
      return;
  }
}

void binary(const LoopOp& op, const float* other, const Range& t) {
  using Kind = PostOp::Kind;
  switch (op.kind) {
    case Kind::add:
      return zipRange(t, other, op.step, [](D, V x, V y) { return hn::Add(x, y); });
    case Kind::sub:
      return zipRange(t, other, op.step, [](D, V x, V y) { return hn::Sub(x, y); });
    case Kind::reverseSub:
      return zipRange(t, other, op.step, [](D, V x, V y) { return hn::Sub(y, x); });
    case Kind::mul:
      return zipRange(t, other, op.step, [](D, V x, V y) { return hn::Mul(x, y); });
    case Kind::div:
      return zipRange(t, other, op.step, [](D, V x, V y) { return hn::Div(x, y); });
    case Kind::reverseDiv:
      return zipRange(t, other, op.step, [](D, V x, V y) { return hn::Div(y, x); });
    case Kind::min:
      return zipRange(t, other, op.step, [](D, V x, V y) { return hn::Min(x, y); });
    case Kind::max:
      return zipRange(t, other, op.step, [](D, V x, V y) { return hn::Max(x, y); });
    case Kind::prelu:
      return zipRange(t, other, op.step,
                      [](D d, V x, V y) { return hn::IfThenElse(hn::Lt(x, hn::Zero(d)), hn::Mul(x, y), x); });
    default:
      return;
  }
}

/// Tile by tile, so that what lies between two operations stays in the first-level cache.
void elementwise(const float* source, int64_t sourceStep, float* target, int64_t count, std::span<const LoopOp> ops) {
  HWY_ALIGN float tile[kTile];
  for (int64_t begin = 0; begin < count; begin += kTile) {
    const int64_t n = std::min(kTile, count - begin);
    if (sourceStep == 0) std::fill(tile, tile + n, *source);
    for (size_t i = 0; i < ops.size(); ++i) {
      const Range range{i == 0 && sourceStep == 1 ? source + begin : tile, i + 1 == ops.size() ? target + begin : tile,
                        n};
      if (isBinary(ops[i].kind))
        binary(ops[i], ops[i].operand + begin * ops[i].step, range);
      else
        unary(ops[i], range);
    }
  }
}

void softmax(const float* source, float* target, int64_t count, bool isLog) {
  const D d;
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(d));
  const int64_t whole = count / lanes * lanes;
  float top = -std::numeric_limits<float>::infinity();
  V tops = hn::Set(d, top);
  for (int64_t i = 0; i < whole; i += lanes) tops = hn::Max(tops, hn::LoadU(d, source + i));
  top = hn::GetLane(hn::MaxOfLanes(d, tops));
  for (int64_t i = whole; i < count; ++i) top = std::max(top, source[i]);
  const V shift = hn::Set(d, top);
  V sums = hn::Zero(d);
  for (int64_t i = 0; i < whole; i += lanes) {
    const V shifted = hn::Sub(hn::LoadU(d, source + i), shift);
    const V power = hn::Exp(d, shifted);
    sums = hn::Add(sums, power);
    hn::StoreU(isLog ? shifted : power, d, target + i);
  }
  float sum = hn::GetLane(hn::SumOfLanes(d, sums));
  for (int64_t i = whole; i < count; ++i) {
    const float shifted = source[i] - top;
    const float power = std::exp(shifted);
    sum += power;
    target[i] = isLog ? shifted : power;
  }
  const float factor = isLog ? -std::log(sum) : 1.F / sum;
  const V factors = hn::Set(d, factor);
  for (int64_t i = 0; i < whole; i += lanes) {
    const V value = hn::LoadU(d, target + i);
    hn::StoreU(isLog ? hn::Add(value, factors) : hn::Mul(value, factors), d, target + i);
  }
  for (int64_t i = whole; i < count; ++i) target[i] = isLog ? target[i] + factor : target[i] * factor;
}

}  // namespace
}  // namespace compress::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace compress {

HWY_EXPORT(elementwise);
HWY_EXPORT(softmax);

void runElementwise(const float* source, int64_t sourceStep, float* target, int64_t count,
                    std::span<const LoopOp> ops) {
  HWY_DYNAMIC_DISPATCH(elementwise)(source, sourceStep, target, count, ops);
}

void runSoftmax(const float* source, float* target, int64_t count, bool isLog) {
  HWY_DYNAMIC_DISPATCH(softmax)(source, target, count, isLog);
}

}  // namespace compress
#endif
