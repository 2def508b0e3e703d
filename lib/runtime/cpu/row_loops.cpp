// One source for all instruction sets (see elementwise_loops.cpp).
#include "lib/runtime/cpu/row_loops.h"

#include <algorithm>
#include <cmath>
#include <limits>

// The order of these matters.
// clang-format off
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "lib/runtime/cpu/row_loops.cpp"
#include "lib/runtime/cpu/vector_targets.h"
// Highway includes this file again for each target.
#include <hwy/foreach_target.h>
#include <hwy/highway.h>
// clang-format on

HWY_BEFORE_NAMESPACE();
namespace compress::HWY_NAMESPACE {
namespace {

namespace hn = hwy::HWY_NAMESPACE;
using D = hn::ScalableTag<float>;
using V = hn::Vec<D>;

/// How elements are brought in, and how two partial results become one; the same for vectors and single elements.
struct SumOf {
  static constexpr float kStart = 0.F;
  V enter(V x) const { return x; }
  float enter(float x) const { return x; }
  V join(V a, V b) const { return hn::Add(a, b); }
  float join(float a, float b) const { return a + b; }
  float across(D d, V v) const { return hn::GetLane(hn::SumOfLanes(d, v)); }
};
struct SquaresOf : SumOf {
  V enter(V x) const { return hn::Mul(x, x); }
  float enter(float x) const { return x * x; }
};
struct MagnitudesOf : SumOf {
  V enter(V x) const { return hn::Abs(x); }
  float enter(float x) const { return std::abs(x); }
};
struct LargestOf : SumOf {
  static constexpr float kStart = -std::numeric_limits<float>::infinity();
  V join(V a, V b) const { return hn::Max(a, b); }
  float join(float a, float b) const { return std::max(a, b); }
  float across(D d, V v) const { return hn::GetLane(hn::MaxOfLanes(d, v)); }
};
struct SmallestOf : SumOf {
  static constexpr float kStart = std::numeric_limits<float>::infinity();
  V join(V a, V b) const { return hn::Min(a, b); }
  float join(float a, float b) const { return std::min(a, b); }
  float across(D d, V v) const { return hn::GetLane(hn::MinOfLanes(d, v)); }
};

template <typename Visit>
auto withReduction(Reduction reduction, const Visit& visit) {
  switch (reduction) {
    case Reduction::sumSquares:
      return visit(SquaresOf());
    case Reduction::sumMagnitudes:
      return visit(MagnitudesOf());
    case Reduction::max:
      return visit(LargestOf());
    case Reduction::min:
      return visit(SmallestOf());
    default:
      return visit(SumOf());
  }
}

template <typename Op>
float rowBy(const Op& op, const float* from, int64_t count) {
  const D d;
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(d));
  V a = hn::Set(d, Op::kStart);
  V b = a;
  int64_t i = 0;
  for (; i + 2 * lanes <= count; i += 2 * lanes) {
    a = op.join(a, op.enter(hn::LoadU(d, from + i)));
    b = op.join(b, op.enter(hn::LoadU(d, from + i + lanes)));
  }
  for (; i + lanes <= count; i += lanes) a = op.join(a, op.enter(hn::LoadU(d, from + i)));
  float result = op.across(d, op.join(a, b));
  for (; i < count; ++i) result = op.join(result, op.enter(from[i]));
  return result;
}

template <typename Op>
void columnsBy(const Op& op, const float* from, int64_t rows, int64_t columns, float* target) {
  const D d;
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(d));
  int64_t c = 0;
  for (; c + lanes <= columns; c += lanes) {
    V sum = hn::Set(d, Op::kStart);
    for (int64_t r = 0; r < rows; ++r) sum = op.join(sum, op.enter(hn::LoadU(d, from + r * columns + c)));
    hn::StoreU(sum, d, target + c);
  }
  for (; c < columns; ++c) {
    float sum = Op::kStart;
    for (int64_t r = 0; r < rows; ++r) sum = op.join(sum, op.enter(from[r * columns + c]));
    target[c] = sum;
  }
}

float row(Reduction reduction, const float* from, int64_t count) {
  return withReduction(reduction, [&](const auto& op) { return rowBy(op, from, count); });
}

void columns(Reduction reduction, const float* from, int64_t rows, int64_t count, float* target) {
  withReduction(reduction, [&](const auto& op) { columnsBy(op, from, rows, count, target); });
}

/// Sum of (from - mean)^2.
float squaredDistance(const float* from, int64_t count, float mean) {
  const D d;
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(d));
  const V middle = hn::Set(d, mean);
  V sums = hn::Zero(d);
  int64_t i = 0;
  for (; i + lanes <= count; i += lanes) {
    const V x = hn::Sub(hn::LoadU(d, from + i), middle);
    sums = hn::MulAdd(x, x, sums);
  }
  float sum = hn::GetLane(hn::SumOfLanes(d, sums));
  for (; i < count; ++i) sum += (from[i] - mean) * (from[i] - mean);
  return sum;
}

void normalize(const Normalization& how, const float* from, float* target, int64_t count) {
  const D d;
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(d));
  const float size = static_cast<float>(count);
  const float mean = how.isCentered ? rowBy(SumOf(), from, count) / size : 0.F;
  const float factor = 1.F / std::sqrt(squaredDistance(from, count, mean) / size + how.epsilon);
  const V middle = hn::Set(d, mean);
  const V factors = hn::Set(d, factor);
  int64_t i = 0;
  for (; i + lanes <= count; i += lanes) {
    V y = hn::Mul(hn::Sub(hn::LoadU(d, from + i), middle), factors);
    if (how.scale != nullptr) y = hn::Mul(y, hn::LoadU(d, how.scale + i));
    if (how.bias != nullptr) y = hn::Add(y, hn::LoadU(d, how.bias + i));
    hn::StoreU(y, d, target + i);
  }
  for (; i < count; ++i) {
    float y = (from[i] - mean) * factor;
    if (how.scale != nullptr) y *= how.scale[i];
    if (how.bias != nullptr) y += how.bias[i];
    target[i] = y;
  }
}

}  // namespace
}  // namespace compress::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace compress {

HWY_EXPORT(row);
HWY_EXPORT(columns);
HWY_EXPORT(normalize);

float reduceRow(Reduction reduction, const float* from, int64_t count) {
  return HWY_DYNAMIC_DISPATCH(row)(reduction, from, count);
}
void reduceColumns(Reduction reduction, const float* from, int64_t rows, int64_t columns, float* target) {
  HWY_DYNAMIC_DISPATCH(columns)(reduction, from, rows, columns, target);
}
void normalizeRow(const Normalization& how, const float* from, float* target, int64_t count) {
  HWY_DYNAMIC_DISPATCH(normalize)(how, from, target, count);
}

}  // namespace compress
#endif
