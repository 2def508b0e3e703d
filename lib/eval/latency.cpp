#include "lib/eval/latency.h"

#include <time.h>

#include <algorithm>
#include <chrono>
#include <cmath>

#include "lib/eval/latency_summary.h"

namespace compress {
namespace {

using Clock = std::chrono::steady_clock;

constexpr double kBlockSeconds = 0.02;
constexpr int kLeadIn = 2;
/// Share of the time for which the measuring thread must have had a processor; below, neighbours disturb the times.
constexpr double kLeastShare = 0.9;

double secondsSince(Clock::time_point begin) {
  return std::chrono::duration<double>(Clock::now() - begin).count();
}

double processorSeconds() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}

double millisecondsOf(const std::function<void()>& run) {
  const auto start = Clock::now();
  run();
  return secondsSince(start) * 1e3;
}

void runBlock(const std::function<void()>& run, std::vector<double>& ms) {
  for (int i = 0; i < kLeadIn; ++i) run();
  const auto begin = Clock::now();
  do ms.push_back(millisecondsOf(run));
  while (secondsSince(begin) < kBlockSeconds);
}

/// At most `limit` of the values, evenly spaced: bounds the cost of resampling.
std::vector<double> thinned(const std::vector<double>& values, size_t limit) {
  if (values.size() <= limit) return values;
  std::vector<double> kept(limit);
  for (size_t i = 0; i < limit; ++i) kept[i] = values[i * values.size() / limit];
  return kept;
}

}  // namespace

Latency summarizeTimes(std::vector<double> times, uint64_t seed) {
  Latency latency;
  latency.ms = std::move(times);
  latency.least = std::ranges::min(latency.ms);
  latency.p50 = median(latency.ms);
  latency.p90 = percentile(latency.ms, 0.90);
  latency.p99 = percentile(latency.ms, 0.99);
  double sum = 0, squares = 0;
  for (const double ms : latency.ms) sum += ms;
  latency.mean = sum / static_cast<double>(latency.ms.size());
  for (const double ms : latency.ms) squares += (ms - latency.mean) * (ms - latency.mean);
  latency.deviation = latency.ms.size() > 1 ? std::sqrt(squares / static_cast<double>(latency.ms.size() - 1)) : 0;
  latency.median95 = bootstrapMedian(latency.ms, seed);
  return latency;
}

std::vector<Latency> timeInterleaved(const std::vector<std::function<void()>>& runs, const LatencyOptions& options,
                                     bool* contended) {
  for (const auto& run : runs) {
    const auto begin = Clock::now();
    do run();
    while (secondsSince(begin) < options.warmupSeconds);
  }
  std::vector<Latency> results(runs.size());
  const auto begin = Clock::now();
  const double processorBefore = processorSeconds();
  const double wanted = options.seconds * static_cast<double>(runs.size());
  for (int64_t round = 0; round < options.runs; ++round)
    for (size_t i = 0; i < runs.size(); ++i) results[i].ms.push_back(millisecondsOf(runs[i]));
  for (int64_t round = 0; options.runs == 0 && (round < options.minRounds || secondsSince(begin) < wanted); ++round)
    for (size_t i = 0; i < runs.size(); ++i) runBlock(runs[i], results[i].ms);
  if (contended != nullptr) *contended = processorSeconds() - processorBefore < kLeastShare * secondsSince(begin);
  for (Latency& latency : results) {
    const double least = std::ranges::min(latency.ms);
    latency = summarizeTimes(thinned(latency.ms, 2000), options.seed);
    latency.least = least;
  }
  return results;
}

SpeedVerdict compareSpeed(const Latency& a, const Latency& b, uint64_t seed) {
  SpeedVerdict verdict;
  verdict.speedup = b.p50 > 0 ? a.p50 / b.p50 : 1;
  verdict.speedup95 = bootstrapRatio(a.ms, b.ms, seed);
  verdict.pValue = mannWhitney(a.ms, b.ms);
  verdict.significant = verdict.pValue < 0.05 && (verdict.speedup >= 1.05 || verdict.speedup <= 1 / 1.05);
  return verdict;
}

}  // namespace compress
