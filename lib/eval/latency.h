// Timing of models against each other in one process, in turn, with a verdict only where there is one.
#pragma once
#include <functional>
#include <string>
#include <vector>

#include "lib/eval/statistics.h"

namespace compress {

struct LatencyOptions {
  double seconds = 3;  ///< per model
  int64_t minRounds = 30;
  double warmupSeconds = 0.2;
  uint64_t seed = 0;
  int64_t runs = 0;  ///< above 0: exactly this many per model, one of each in turn, whatever they take
};

struct Latency {
  std::vector<double> ms;  ///< of single runs
  double least = 0, p50 = 0, p90 = 0, p99 = 0, mean = 0, deviation = 0;
  Interval median95{0, 0};
};

struct SpeedVerdict {
  double speedup = 1;  ///< median(a) / median(b): above 1 where b is faster
  Interval speedup95{1, 1};
  double pValue = 1;
  bool significant = false;  ///< p < 0.05 and at least 5 % apart
  bool contended = false;    ///< other processes took the processor: not to be believed
};

/// Blocks of runs in turn, A B A B ..., each block after a short unrecorded lead-in.
std::vector<Latency> timeInterleaved(const std::vector<std::function<void()>>& runs, const LatencyOptions& options,
                                     bool* contended);
SpeedVerdict compareSpeed(const Latency& a, const Latency& b, uint64_t seed);

}  // namespace compress
