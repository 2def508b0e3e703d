#include "lib/eval/histogram.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <limits>
#include <numeric>

namespace compress {
namespace {

constexpr int kHalf = Histogram::kBins / 2;
constexpr size_t kChunk = 1 << 16;
constexpr size_t kBlock = 256;  // bins are found block by block, in a loop that vectorises, then counted
/// Behind the bins: one place for values that are not finite, then places among which zeros take turns.
constexpr int kNotFinite = Histogram::kBins;
constexpr int kZeros = kNotFinite + 1;
constexpr int kZeroPlaces = 8;
constexpr uint32_t kExponentBits = 0x7F800000U;

struct Extremes {
  float min = 0, max = 0;
  size_t finite = 0;
};

bool isFinite(float value) {
  return (std::bit_cast<uint32_t>(value) & kExponentBits) != kExponentBits;
}

[[gnu::target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")]] Extremes extremesOf(
    std::span<const float> values) {
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  constexpr size_t kLanes = 16;  // independent extremes, so that the loop over them becomes one vector operation
  std::array<float, kLanes> low, high;
  std::array<uint32_t, kLanes> finite{};
  low.fill(kInfinity);
  high.fill(-kInfinity);
  const auto take = [&](size_t lane, float value) {
    const bool counted = isFinite(value);
    const float forLow = counted ? value : kInfinity, forHigh = counted ? value : -kInfinity;
    low[lane] = forLow < low[lane] ? forLow : low[lane];
    high[lane] = forHigh > high[lane] ? forHigh : high[lane];
    finite[lane] += counted ? 1 : 0;
  };
  const size_t whole = values.size() / kLanes * kLanes;
  for (size_t i = 0; i < whole; i += kLanes)
    for (size_t lane = 0; lane < kLanes; ++lane) take(lane, values[i + lane]);
  for (size_t i = whole; i < values.size(); ++i) take(i - whole, values[i]);
  const size_t count = std::accumulate(finite.begin(), finite.end(), size_t{0});
  if (count == 0) return {};
  // Adding 0 makes -0 0, so that which zero came first does not show.
  return {*std::ranges::min_element(low) + 0.0F, *std::ranges::max_element(high) + 0.0F, count};
}

/// Bin of each value from the lowest one on, or its place behind the bins. `inverse` is the
/// reciprocal of the width, a power of two, so the product is exact but where it underflows; then the sign still tells
/// which side of 0 it is on. Arithmetic in place of branches, so that the loop becomes vector operations.
[[gnu::target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")]] void findBins(std::span<const float> values,
                                                                                    float inverse,
                                                                                    std::span<int, kBlock> index) {
  for (size_t i = 0; i < values.size(); ++i) {
    const auto bits = std::bit_cast<uint32_t>(values[i]);
    const int counted = (bits & kExponentBits) != kExponentBits;
    const float value = std::bit_cast<float>(bits & (0U - static_cast<uint32_t>(counted)));
    const float scaled = value * inverse;
    const int truncated = static_cast<int>(scaled);
    const int floored = truncated - static_cast<int>(static_cast<float>(truncated) > scaled);
    const int underflown = static_cast<int>(value < 0) & static_cast<int>(floored >= 0);
    const int bin = floored - underflown + kHalf;
    const int place = kNotFinite + counted * (kZeros - kNotFinite + static_cast<int>(i % kZeroPlaces));
    const int isPlaced = static_cast<int>(value == 0);
    index[i] = bin + isPlaced * (place - bin);
  }
}

/// Adds the counts of `values` to `bins`. Zeros, of which activations are full, take turns among several places, so
/// that no count waits for the one before it.
void countInto(std::span<uint64_t> bins, std::span<const float> values, float inverse) {
  std::array<uint32_t, kZeros + kZeroPlaces> counts{};
  std::array<int, kBlock> index;
  for (size_t done = 0; done < values.size(); done += kBlock) {
    const auto part = values.subspan(done, std::min(kBlock, values.size() - done));
    findBins(part, inverse, index);
    for (size_t i = 0; i < part.size(); ++i) ++counts[static_cast<size_t>(index[i])];
  }
  for (size_t i = 0; i < bins.size(); ++i) bins[i] += counts[i];
  for (size_t i = kZeros; i < counts.size(); ++i) bins[kHalf] += counts[i];
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
  countInto(bins_, values, std::ldexp(1.0F, -exponent_));
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
