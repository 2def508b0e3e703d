// Ranges out of a histogram: minmax, percentile, least squared error, least divergence. Bins are taken as uniform
// inside.
#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <vector>

#include "lib/eval/calibration.h"

namespace compress {
namespace {

constexpr int kHalf = Histogram::kBins / 2;

double lowEdge(const Histogram& histogram, int bin) {
  return (bin - kHalf) * histogram.width();
}

/// Value below which `wanted` of the counts lie, counted from the low end; linear inside a bin.
double quantile(const Histogram& histogram, double wanted) {
  double seen = 0;
  for (int i = 0; i < Histogram::kBins; ++i) {
    const auto here = static_cast<double>(histogram.bin(i));
    if (here > 0 && seen + here >= wanted)
      return lowEdge(histogram, i) + histogram.width() * std::clamp((wanted - seen) / here, 0.0, 1.0);
    seen += here;
  }
  return histogram.max();
}

/// What a histogram counted, without its empty bins: each bin is taken at its middle, within what was seen.
struct Points {
  std::vector<double> values, counts;

  explicit Points(const Histogram& histogram) {
    const double width = histogram.width(), low = static_cast<double>(histogram.min()),
                 high = std::max(low, static_cast<double>(histogram.max()));
    for (int i = 0; i < Histogram::kBins; ++i) {
      const uint64_t count = histogram.bin(i);
      if (count == 0) continue;
      values.push_back(std::clamp((i - kHalf) * width + width / 2, low, high));
      counts.push_back(static_cast<double>(count));
    }
  }
};

/// Steps of a range: real = scale * (step - zero), 0 <= step <= last.
struct Steps {
  double scale, zero, last;
};

/// Sum of the squared errors of rounding to the steps.
[[gnu::target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")]] double roundingError(const double* values,
                                                                                           const double* counts,
                                                                                           size_t size, Steps steps) {
  constexpr size_t kLanes = 8;
  constexpr double kRound = 6755399441055744;  // 1.5 * 2^52: adding and subtracting it rounds to the nearest integer
  const double inverse = 1 / steps.scale, low = -steps.zero, high = steps.last - steps.zero;
  const auto errorAt = [&](size_t i) {
    const double step = std::min(std::max(values[i] * inverse, low), high) + kRound - kRound;
    const double error = values[i] - step * steps.scale;
    return counts[i] * error * error;
  };
  double lanes[kLanes] = {};
  const size_t whole = size / kLanes * kLanes;
  for (size_t i = 0; i < whole; i += kLanes)
    for (size_t lane = 0; lane < kLanes; ++lane) lanes[lane] += errorAt(i + lane);
  for (size_t i = whole; i < size; ++i) lanes[i - whole] += errorAt(i);
  return std::accumulate(std::begin(lanes), std::end(lanes), 0.0);
}

/// Squared error when values are cut to `range` and rounded to steps of range / (levels - 1).
double squaredError(const Points& points, Range range, int levels) {
  const double last = levels - 1.0;
  const double scale = std::max((static_cast<double>(range.max) - static_cast<double>(range.min)) / last, 1e-38);
  const double zero = std::clamp(std::nearbyint(-static_cast<double>(range.min) / scale), 0.0, last);
  return roundingError(points.values.data(), points.counts.data(), points.values.size(), {scale, zero, last});
}

double divergence(const std::vector<double>& counts, size_t kept, int levels) {
  std::vector<double> reference(counts.begin(), counts.begin() + static_cast<std::ptrdiff_t>(kept));
  for (size_t i = kept; i < counts.size(); ++i) reference.back() += counts[i];
  double total = 0, kl = 0;
  for (const double count : reference) total += count;
  for (int level = 0; level < levels; ++level) {
    const size_t first = kept * static_cast<size_t>(level) / static_cast<size_t>(levels);
    const size_t last = kept * (static_cast<size_t>(level) + 1) / static_cast<size_t>(levels);
    double sum = 0, filled = 0;
    for (size_t i = first; i < last; ++i) {
      sum += counts[i];
      filled += reference[i] > 0 ? 1 : 0;
    }
    for (size_t i = first; i < last; ++i) {
      if (reference[i] <= 0) continue;
      const double p = reference[i] / total, q = std::max(sum / filled / total, 1e-12);
      kl += p * std::log(p / q);
    }
  }
  return kl;
}

}  // namespace

Range minmaxRange(const Histogram& histogram) {
  return {std::min(histogram.min(), 0.0F), std::max(histogram.max(), 0.0F)};
}

Range percentileRange(const Histogram& histogram, double percent) {
  const Range all = minmaxRange(histogram);
  const auto count = static_cast<double>(histogram.count());
  // Both tails share what is cut; a tensor of one sign gives it all to the other end.
  const double tails = all.min < 0 && all.max > 0 ? 2 : 1;
  const double cut = count * (1 - percent / 100) / tails;
  Range range = all;
  if (all.min < 0) range.min = std::clamp(static_cast<float>(quantile(histogram, cut)), all.min, 0.0F);
  if (all.max > 0) range.max = std::clamp(static_cast<float>(quantile(histogram, count - cut)), 0.0F, all.max);
  if (range.min == range.max) return all;
  return range;
}

Range mseRange(const Histogram& histogram, int levels, bool symmetric) {
  const Range all = minmaxRange(histogram);
  const float largest = std::max(-all.min, all.max);
  const auto scaled = [&](double low, double high) {
    if (symmetric) return Range{static_cast<float>(-largest * high), static_cast<float>(largest * high)};
    return Range{static_cast<float>(all.min * low), static_cast<float>(all.max * high)};
  };
  const Points points(histogram);
  Range best = scaled(1, 1);
  double least = squaredError(points, best, levels);
  const auto consider = [&](Range range) {
    const double error = squaredError(points, range, levels);
    if (error < least) {
      least = error;
      best = range;
    }
  };
  constexpr int kSteps = 40;
  for (int i = 1; i < kSteps; ++i) consider(scaled(1 - 0.9 * i / kSteps, 1 - 0.9 * i / kSteps));
  if (symmetric) return best;
  const Range joint = best;
  for (int i = 0; i < kSteps; ++i) {  // then each end by itself
    if (all.min < 0) consider({static_cast<float>(all.min * (1 - 0.9 * i / kSteps)), joint.max});
  }
  const float low = best.min;
  for (int i = 0; i < kSteps; ++i)
    if (all.max > 0) consider({low, static_cast<float>(all.max * (1 - 0.9 * i / kSteps))});
  return best;
}

Range entropyRange(const Histogram& histogram, int levels) {
  const Range all = minmaxRange(histogram);
  std::vector<double> counts(kHalf, 0.0);  // magnitudes
  for (int i = 0; i < Histogram::kBins; ++i)
    counts[static_cast<size_t>(i < kHalf ? kHalf - 1 - i : i - kHalf)] += static_cast<double>(histogram.bin(i));
  const float largest = std::max(-all.min, all.max);
  const auto used =
      static_cast<size_t>(std::clamp(std::ceil(largest / histogram.width()), 1.0, static_cast<double>(kHalf)));
  counts.resize(used);
  const auto half = static_cast<size_t>(levels / 2);
  size_t bestKept = used;
  double least = std::numeric_limits<double>::infinity();
  for (size_t kept = std::min(half, used); kept <= used; kept += std::max<size_t>(1, used / 128)) {
    const double kl = divergence(counts, kept, levels / 2);
    if (kl < least) {
      least = kl;
      bestKept = kept;
    }
  }
  const auto limit = static_cast<float>(static_cast<double>(bestKept) * histogram.width());
  return {std::max(all.min, -limit), std::min(all.max, limit)};
}

double shareOutside(const Histogram& histogram, Range range) {
  const Points points(histogram);
  double outside = 0;
  for (size_t i = 0; i < points.values.size(); ++i)
    if (points.values[i] < static_cast<double>(range.min) || points.values[i] > static_cast<double>(range.max))
      outside += points.counts[i];
  return histogram.count() == 0 ? 0 : outside / static_cast<double>(histogram.count());
}

}  // namespace compress
