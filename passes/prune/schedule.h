// How much is left after each of several steps.
#pragma once
#include <cstdint>
#include <string_view>
#include <vector>

namespace compress {

/// linear, cubic (most at first, then less and less: Zhu and Gupta 2017), exponential (the same share of what is left).
std::vector<std::string_view> pruneSchedules();

/// Share that is left after step `step` of `steps`, counted from 1, when `left` is left at the end.
double shareLeft(std::string_view schedule, int64_t step, int64_t steps, double left);

}  // namespace compress
