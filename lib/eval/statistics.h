// Statistics: intervals and tests that say whether a difference is real.
#pragma once
#include <cstdint>
#include <functional>
#include <span>
#include <vector>

namespace compress {

struct Interval {
  double low, high;
};

double median(std::span<const double> values);
/// p in [0, 1], linear between ranks.
double percentile(std::span<const double> values, double p);
/// Wilson's 95 % interval of a share of `hits` in `count`.
Interval wilson(int64_t hits, int64_t count);
/// 95 % interval of the mean, normal approximation; unbounded below two values.
Interval meanInterval(std::span<const double> values);
/// 95 % bootstrap interval of a statistic of `count` samples, which gets the indices that were drawn, ascending;
/// deterministic for a seed. Draws where it is NaN do not count.
Interval bootstrap(size_t count, uint64_t seed, const std::function<double(std::span<const size_t>)>& statistic);
/// 1-based rank of each value, the mean rank among equals; all NaN where one of them is.
std::vector<double> ranks(std::span<const double> values);
/// Pearson's correlation of the ranks; NaN where all values of one side are equal.
double spearman(std::span<const double> a, std::span<const double> b);
/// a.b / |a| / |b|; of two zero vectors 1, of one 0.
double cosine(std::span<const double> a, std::span<const double> b);
/// 95 % bootstrap interval of the median; deterministic for a seed.
Interval bootstrapMedian(std::span<const double> values, uint64_t seed);
/// 95 % bootstrap interval of median(a) / median(b).
Interval bootstrapRatio(std::span<const double> a, std::span<const double> b, uint64_t seed);
/// Two-sided p of the Mann-Whitney U test, normal approximation with tie correction.
double mannWhitney(std::span<const double> a, std::span<const double> b);
/// Two-sided exact p of McNemar's test: `lost` hits became misses, `won` misses became hits.
double mcnemar(int64_t lost, int64_t won);

}  // namespace compress
