#include "lib/eval/histogram.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>

namespace compress {
namespace {

constexpr int kHalf = Histogram::kBins / 2;
constexpr size_t kChunk = 1 << 14;

struct Extremes {
  float min = 0, max = 0;
  size_t finite = 0;
};

bool isFinite(float value) {
  return (std::bit_cast<uint32_t>(value) & 0x7F800000U) != 0x7F800000U;
}

Extremes extremesOf(std::span<const float> values) {
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  float low = kInfinity, high = -kInfinity;
  size_t finite = 0;
  for (const float value : values) {
    const bool counted = isFinite(value);
    finite += counted ? 1 : 0;
    low = std::min(low, counted ? value : kInfinity);
    high = std::max(high, counted ? value : -kInfinity);
  }
  if (finite == 0) return {};
  return {low, high, finite};
}

/// The bin of `value` relative to the middle. `inverse` is the reciprocal of the width, a power of two, so the product
/// is exact but where it underflows; then the sign still tells which side of 0 it is on.
int binOf(float value, float inverse) {
  const float scaled = value * inverse;
  const int truncated = static_cast<int>(scaled);
  const int floored = truncated - (static_cast<float>(truncated) > scaled ? 1 : 0);
  return value < 0 ? std::min(floored, -1) : floored;
}

/// Smallest exponent whose bins hold `value`.
int exponentFor(float value) {
  int exponent = Histogram::kMinExponent;
  if (value == 0) return exponent;
  int magnitude = 0;
  const float fraction = std::frexp(value, &magnitude);  // value = fraction * 2^magnitude, |fraction| in [0.5, 1)
  // The lowest bin starts at -kHalf * width, so a negative power of two still fits one exponent lower.
  const int needed = magnitude - std::countr_zero(static_cast<unsigned>(kHalf)) - (fraction == -0.5F ? 1 : 0);
  return std::max(exponent, needed);
}

}  // namespace

double Histogram::width() const {
  return std::ldexp(1.0, exponent_);
}

void Histogram::widen(int exponent) {
  const int shift = exponent - exponent_;
  if (shift <= 0) return;
  exponent_ = exponent;
  if (bins_.empty()) return;
  std::vector<uint64_t> wide(kBins, 0);
  for (int i = 0; i < kBins; ++i)
    wide[static_cast<size_t>(((i - kHalf) >> std::min(shift, 31)) + kHalf)] += bins_[static_cast<size_t>(i)];
  bins_ = std::move(wide);
}

void Histogram::add(std::span<const float> values) {
  while (values.size() > kChunk) {
    add(values.first(kChunk));
    values = values.subspan(kChunk);
  }
  const Extremes extremes = extremesOf(values);
  nonFinite_ += values.size() - extremes.finite;
  if (extremes.finite == 0) return;
  min_ = count_ == 0 ? extremes.min : std::min(min_, extremes.min);
  max_ = count_ == 0 ? extremes.max : std::max(max_, extremes.max);
  count_ += extremes.finite;
  if (bins_.empty()) bins_.assign(kBins, 0);
  widen(std::max(exponentFor(extremes.min), exponentFor(extremes.max)));
  const float inverse = std::ldexp(1.0F, -exponent_);
  const bool allFinite = extremes.finite == values.size();
  std::array<int, 256> index;  // indices first, in a loop that vectorises; then the scattered counts
  for (size_t done = 0; done < values.size(); done += index.size()) {
    const auto part = values.subspan(done, std::min(index.size(), values.size() - done));
    for (size_t i = 0; i < part.size(); ++i) index[i] = binOf(isFinite(part[i]) ? part[i] : 0.0F, inverse) + kHalf;
    for (size_t i = 0; i < part.size(); ++i)
      if (allFinite || isFinite(part[i])) ++bins_[static_cast<size_t>(index[i])];
  }
}

void Histogram::merge(const Histogram& other) {
  nonFinite_ += other.nonFinite_;
  if (other.count_ == 0) return;
  min_ = count_ == 0 ? other.min_ : std::min(min_, other.min_);
  max_ = count_ == 0 ? other.max_ : std::max(max_, other.max_);
  count_ += other.count_;
  if (bins_.empty()) bins_.assign(kBins, 0);
  Histogram copy = other;
  const int exponent = std::max(exponent_, other.exponent_);
  widen(exponent);
  copy.widen(exponent);
  for (size_t i = 0; i < bins_.size(); ++i) bins_[i] += copy.bins_[i];
}

Histogram Histogram::restore(const State& state) {
  Histogram histogram;
  histogram.bins_.assign(kBins, 0);
  histogram.exponent_ = std::max(state.exponent, kMinExponent);
  histogram.min_ = state.min;
  histogram.max_ = state.max;
  histogram.nonFinite_ = state.nonFinite;
  for (const auto& [bin, count] : state.counts) {
    histogram.bins_.at(static_cast<size_t>(bin)) += count;
    histogram.count_ += count;
  }
  if (histogram.count_ == 0) histogram.bins_.clear();
  return histogram;
}

Histogram::State Histogram::state() const {
  State state{exponent_, min_, max_, nonFinite_, {}};
  for (size_t i = 0; i < bins_.size(); ++i)
    if (bins_[i] != 0) state.counts.emplace_back(static_cast<int>(i), bins_[i]);
  return state;
}

}  // namespace compress
