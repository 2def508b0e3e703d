// One source for all instruction sets: Highway compiles the loops once per target and picks at run time.
#include "lib/runtime/cpu/elementwise_loops.h"

#include <algorithm>
#include <cmath>
#include <limits>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "lib/runtime/cpu/elementwise_loops.cpp"
#include "lib/runtime/cpu/vector_targets.h"
// Highway includes this file again for each target.
#include <hwy/foreach_target.h>
#include <hwy/highway.h>
#include <hwy/contrib/math/math-inl.h>

HWY_BEFORE_NAMESPACE();
namespace compress::HWY_NAMESPACE {
namespace {

namespace hn = hwy::HWY_NAMESPACE;
using D = hn::ScalableTag<float>;
using V = hn::Vec<D>;
constexpr int64_t kTile = 1024;

/// values[i] = apply(values[i]) for whole vectors; the tile is padded.
template <typename Apply>
HWY_INLINE void mapTile(float* HWY_RESTRICT values, int64_t count, const Apply& apply) {
  const D d;
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(d));
  for (int64_t i = 0; i < count; i += lanes) hn::Store(apply(d, hn::Load(d, values + i)), d, values + i);
}

/// values[i] = apply(values[i], operand[i]); the last part of the operand is not padded.
template <typename Apply>
HWY_INLINE void zipTile(float* HWY_RESTRICT values, const float* operand, int64_t step, int64_t count, const Apply& apply) {
  const D d;
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(d));
  if (step == 0) {
    const V other = hn::Set(d, *operand);
    for (int64_t i = 0; i < count; i += lanes) hn::Store(apply(d, hn::Load(d, values + i), other), d, values + i);
    return;
  }
  int64_t i = 0;
  for (; i + lanes <= count; i += lanes) hn::Store(apply(d, hn::Load(d, values + i), hn::LoadU(d, operand + i)), d, values + i);
  if (i == count) return;
  HWY_ALIGN float last[HWY_MAX_BYTES / sizeof(float)] = {};
  std::copy(operand + i, operand + count, last);
  hn::Store(apply(d, hn::Load(d, values + i), hn::Load(d, last)), d, values + i);
}

/// values[i] = apply(values[i]), one by one: for what is rare.
template <typename Apply>
HWY_INLINE void scalarTile(float* values, int64_t count, const Apply& apply) {
  for (int64_t i = 0; i < count; ++i) values[i] = apply(values[i]);
}

/// Highway's Exp holds up to 104; 1 / (1 + exp(88)) is below the smallest normal float.
HWY_INLINE V sigmoid(D d, V x) {
  const V one = hn::Set(d, 1.F);
  return hn::Div(one, hn::Add(one, hn::Exp(d, hn::Min(hn::Neg(x), hn::Set(d, 88.F)))));
}

HWY_INLINE V hardSigmoid(D d, V x, float alpha, float beta) {
  const V line = hn::Add(hn::Mul(x, hn::Set(d, alpha)), hn::Set(d, beta));
  return hn::Max(hn::Zero(d), hn::Min(hn::Set(d, 1.F), line));
}

void unary(const LoopOp& op, float* t, int64_t n) {
  const float a = op.alpha;
  const float b = op.beta;
  using Kind = PostOp::Kind;
  switch (op.kind) {
    case Kind::relu: return mapTile(t, n, [](D d, V x) { return hn::Max(x, hn::Zero(d)); });
    case Kind::leakyRelu:
      return mapTile(t, n, [a](D d, V x) { return hn::IfThenElse(hn::Lt(x, hn::Zero(d)), hn::Mul(x, hn::Set(d, a)), x); });
    case Kind::clip: return mapTile(t, n, [a, b](D d, V x) { return hn::Min(hn::Max(x, hn::Set(d, a)), hn::Set(d, b)); });
    case Kind::sigmoid: return mapTile(t, n, [](D d, V x) { return sigmoid(d, x); });
    case Kind::tanh: return mapTile(t, n, [](D d, V x) { return hn::Tanh(d, x); });
    case Kind::silu: return mapTile(t, n, [](D d, V x) { return hn::Mul(x, sigmoid(d, x)); });
    case Kind::hardSwish: return mapTile(t, n, [](D d, V x) { return hn::Mul(x, hardSigmoid(d, x, 1.F / 6.F, 0.5F)); });
    case Kind::hardSigmoid: return mapTile(t, n, [a, b](D d, V x) { return hardSigmoid(d, x, a, b); });
    case Kind::elu:
      return mapTile(t, n, [a](D d, V x) {
        const V low = hn::Mul(hn::Set(d, a), hn::Expm1(d, hn::Min(x, hn::Zero(d))));
        return hn::IfThenElse(hn::Lt(x, hn::Zero(d)), low, x);
      });
    case Kind::exp: return mapTile(t, n, [](D d, V x) { return hn::Exp(d, hn::Min(x, hn::Set(d, 104.F))); });
    case Kind::sqrt: return mapTile(t, n, [](D, V x) { return hn::Sqrt(x); });
    case Kind::reciprocal: return mapTile(t, n, [](D d, V x) { return hn::Div(hn::Set(d, 1.F), x); });
    case Kind::abs: return mapTile(t, n, [](D, V x) { return hn::Abs(x); });
    case Kind::neg: return mapTile(t, n, [](D, V x) { return hn::Neg(x); });
    case Kind::floor: return mapTile(t, n, [](D, V x) { return hn::Floor(x); });
    case Kind::ceil: return mapTile(t, n, [](D, V x) { return hn::Ceil(x); });
    case Kind::round: return mapTile(t, n, [](D, V x) { return hn::Round(x); });
    case Kind::linear: return mapTile(t, n, [a, b](D d, V x) { return hn::Add(hn::Mul(x, hn::Set(d, a)), hn::Set(d, b)); });
    case Kind::log: return scalarTile(t, n, [](float x) { return std::log(x); });
    case Kind::erf: return scalarTile(t, n, [](float x) { return std::erf(x); });
    case Kind::geluErf: return scalarTile(t, n, [](float x) { return 0.5F * x * (1.F + std::erf(x * 0.70710678F)); });
    case Kind::geluTanh:
      return mapTile(t, n, [](D d, V x) {
        const V inner = hn::Mul(hn::Set(d, 0.7978845608F), hn::Add(x, hn::Mul(hn::Set(d, 0.044715F), hn::Mul(x, hn::Mul(x, x)))));
        return hn::Mul(hn::Mul(hn::Set(d, 0.5F), x), hn::Add(hn::Set(d, 1.F), hn::Tanh(d, inner)));
      });
    case Kind::softplus: return scalarTile(t, n, [](float x) { return std::max(x, 0.F) + std::log1p(std::exp(-std::abs(x))); });
    case Kind::mish:
      return scalarTile(t, n, [](float x) { return x * std::tanh(std::max(x, 0.F) + std::log1p(std::exp(-std::abs(x)))); });
    default: return;
  }
}

void binary(const LoopOp& op, const float* other, float* t, int64_t n) {
  using Kind = PostOp::Kind;
  switch (op.kind) {
    case Kind::add: return zipTile(t, other, op.step, n, [](D, V x, V y) { return hn::Add(x, y); });
    case Kind::sub: return zipTile(t, other, op.step, n, [](D, V x, V y) { return hn::Sub(x, y); });
    case Kind::reverseSub: return zipTile(t, other, op.step, n, [](D, V x, V y) { return hn::Sub(y, x); });
    case Kind::mul: return zipTile(t, other, op.step, n, [](D, V x, V y) { return hn::Mul(x, y); });
    case Kind::div: return zipTile(t, other, op.step, n, [](D, V x, V y) { return hn::Div(x, y); });
    case Kind::reverseDiv: return zipTile(t, other, op.step, n, [](D, V x, V y) { return hn::Div(y, x); });
    case Kind::min: return zipTile(t, other, op.step, n, [](D, V x, V y) { return hn::Min(x, y); });
    case Kind::max: return zipTile(t, other, op.step, n, [](D, V x, V y) { return hn::Max(x, y); });
    case Kind::prelu:
      return zipTile(t, other, op.step, n, [](D d, V x, V y) { return hn::IfThenElse(hn::Lt(x, hn::Zero(d)), hn::Mul(x, y), x); });
    default: return;
  }
}

void elementwise(const float* source, int64_t sourceStep, float* target, int64_t count, std::span<const LoopOp> ops) {
  HWY_ALIGN float tile[kTile + HWY_MAX_BYTES / sizeof(float)];
  for (int64_t begin = 0; begin < count; begin += kTile) {
    const int64_t n = std::min(kTile, count - begin);
    if (sourceStep == 1) std::copy(source + begin, source + begin + n, tile);
    else std::fill(tile, tile + n, *source);
    for (const LoopOp& op : ops) {
      if (isBinary(op.kind)) binary(op, op.operand + begin * op.step, tile, n);
      else unary(op, tile, n);
    }
    std::copy(tile, tile + n, target + begin);
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

void runElementwise(const float* source, int64_t sourceStep, float* target, int64_t count, std::span<const LoopOp> ops) {
  HWY_DYNAMIC_DISPATCH(elementwise)(source, sourceStep, target, count, ops);
}

void runSoftmax(const float* source, float* target, int64_t count, bool isLog) {
  HWY_DYNAMIC_DISPATCH(softmax)(source, target, count, isLog);
}

}  // namespace compress
#endif
