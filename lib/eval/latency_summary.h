// Figures of times that were taken elsewhere.
#pragma once
#include <vector>

#include "lib/eval/latency.h"

namespace compress {

/// Percentiles, mean and the interval of the median of at least one time, in milliseconds; deterministic for a seed.
Latency summarizeTimes(std::vector<double> times, uint64_t seed);

}  // namespace compress
