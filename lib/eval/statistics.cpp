#include "lib/eval/statistics.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <utility>

#include "lib/base/random.h"

namespace compress {
namespace {

constexpr double kZ95 = 1.959963984540054;
constexpr int kResamples = 2000;

std::vector<double> resample(std::span<const double> values, Random& random) {
  std::vector<double> drawn(values.size());
  for (double& value : drawn) value = values[static_cast<size_t>(random.below(static_cast<int64_t>(values.size())))];
  return drawn;
}

Interval middle95(std::vector<double>& statistics) {
  return {percentile(statistics, 0.025), percentile(statistics, 0.975)};
}

}  // namespace

double percentile(std::span<const double> values, double p) {
  if (values.empty()) return std::nan("");
  std::vector<double> sorted(values.begin(), values.end());
  const double rank = p * static_cast<double>(sorted.size() - 1);
  const auto below = static_cast<size_t>(rank);
  std::nth_element(sorted.begin(), sorted.begin() + static_cast<std::ptrdiff_t>(below), sorted.end());
  const double low = sorted[below];
  if (below + 1 >= sorted.size()) return low;
  const double high = *std::min_element(sorted.begin() + static_cast<std::ptrdiff_t>(below) + 1, sorted.end());
  return low + (rank - static_cast<double>(below)) * (high - low);
}

double median(std::span<const double> values) {
  return percentile(values, 0.5);
}

Interval wilson(int64_t hits, int64_t count) {
  if (count == 0) return {0, 1};
  const auto n = static_cast<double>(count);
  const double p = static_cast<double>(hits) / n;
  const double z2 = kZ95 * kZ95;
  const double centre = (p + z2 / (2 * n)) / (1 + z2 / n);
  const double half = kZ95 / (1 + z2 / n) * std::sqrt(p * (1 - p) / n + z2 / (4 * n * n));
  return {centre - half, centre + half};
}

Interval meanInterval(std::span<const double> values) {
  const auto n = static_cast<double>(values.size());
  const double mean = std::accumulate(values.begin(), values.end(), 0.0) / n;
  double squares = 0;
  for (const double value : values) squares += (value - mean) * (value - mean);
  const double half =
      values.size() > 1 ? kZ95 * std::sqrt(squares / (n - 1) / n) : std::numeric_limits<double>::infinity();
  return {mean - half, mean + half};
}

Interval bootstrap(size_t count, uint64_t seed, const std::function<double(std::span<const size_t>)>& statistic) {
  Random random(seed, "bootstrap");
  std::vector<double> results;
  std::vector<size_t> drawn(count);
  for (int i = 0; i < kResamples && count > 0; ++i) {
    for (size_t& index : drawn) index = static_cast<size_t>(random.below(static_cast<int64_t>(count)));
    std::ranges::sort(drawn);
    if (const double result = statistic(drawn); !std::isnan(result)) results.push_back(result);
  }
  return middle95(results);
}

std::vector<double> ranks(std::span<const double> values) {
  if (std::ranges::any_of(values, [](double value) { return std::isnan(value); }))
    return std::vector<double>(values.size(), std::nan(""));
  std::vector<size_t> order(values.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::ranges::sort(order, {}, [&](size_t i) { return values[i]; });
  std::vector<double> ranked(values.size());
  for (size_t i = 0; i < order.size();) {
    size_t j = i;
    while (j < order.size() && values[order[j]] == values[order[i]]) ++j;
    for (size_t k = i; k < j; ++k) ranked[order[k]] = static_cast<double>(i + j + 1) / 2;
    i = j;
  }
  return ranked;
}

double spearman(std::span<const double> a, std::span<const double> b) {
  std::vector<double> first = ranks(a), second = ranks(b);
  const double mean = (static_cast<double>(a.size()) + 1) / 2;
  double product = 0, firstSquares = 0, secondSquares = 0;
  for (size_t i = 0; i < first.size(); ++i) {
    product += (first[i] - mean) * (second[i] - mean);
    firstSquares += (first[i] - mean) * (first[i] - mean);
    secondSquares += (second[i] - mean) * (second[i] - mean);
  }
  return product / std::sqrt(firstSquares * secondSquares);
}

double cosine(std::span<const double> a, std::span<const double> b) {
  double dot = 0, aa = 0, bb = 0;
  for (size_t i = 0; i < a.size(); ++i) {
    dot += a[i] * b[i];
    aa += a[i] * a[i];
    bb += b[i] * b[i];
  }
  if (aa == 0 || bb == 0) return aa == bb ? 1 : 0;
  return dot / std::sqrt(aa) / std::sqrt(bb);
}

Interval bootstrapMedian(std::span<const double> values, uint64_t seed) {
  Random random(seed, "bootstrap-median");
  std::vector<double> medians(kResamples);
  for (double& m : medians) m = median(resample(values, random));
  return middle95(medians);
}

Interval bootstrapRatio(std::span<const double> a, std::span<const double> b, uint64_t seed) {
  Random random(seed, "bootstrap-ratio");
  std::vector<double> ratios(kResamples);
  for (double& r : ratios) r = median(resample(a, random)) / median(resample(b, random));
  return middle95(ratios);
}

double mannWhitney(std::span<const double> a, std::span<const double> b) {
  std::vector<std::pair<double, bool>> all;
  for (const double value : a) all.emplace_back(value, true);
  for (const double value : b) all.emplace_back(value, false);
  std::ranges::sort(all);
  double rankSum = 0, ties = 0;
  for (size_t i = 0; i < all.size();) {
    size_t j = i;
    while (j < all.size() && all[j].first == all[i].first) ++j;
    const double rank = static_cast<double>(i + j + 1) / 2;
    for (size_t k = i; k < j; ++k) rankSum += all[k].second ? rank : 0;
    const auto tied = static_cast<double>(j - i);
    ties += tied * tied * tied - tied;
    i = j;
  }
  const auto n = static_cast<double>(a.size()), m = static_cast<double>(b.size()), total = n + m;
  if (n == 0 || m == 0) return 1;
  const double u = rankSum - n * (n + 1) / 2;
  const double variance = n * m / 12 * (total + 1 - ties / (total * (total - 1)));
  if (!(variance > 0)) return 1;
  const double z = std::max(0.0, std::abs(u - n * m / 2) - 0.5) / std::sqrt(variance);
  return std::erfc(z / std::sqrt(2.0));
}

double mcnemar(int64_t lost, int64_t won) {
  const int64_t total = lost + won;
  if (total == 0) return 1;
  const auto logChoose = [&](int64_t k) {
    return std::lgamma(static_cast<double>(total) + 1) - std::lgamma(static_cast<double>(k) + 1) -
           std::lgamma(static_cast<double>(total - k) + 1);
  };
  double tail = 0;
  for (int64_t k = 0; k <= std::min(lost, won); ++k)
    tail += std::exp(logChoose(k) - static_cast<double>(total) * std::log(2.0));
  return std::min(1.0, 2 * tail);
}

}  // namespace compress
