#include "passes/prune/schedule.h"

#include <cmath>

namespace compress {

std::vector<std::string_view> pruneSchedules() {
  return {"linear", "cubic", "exponential"};
}

double shareLeft(std::string_view schedule, int64_t step, int64_t steps, double left) {
  const double t = static_cast<double>(step) / static_cast<double>(steps);
  if (schedule == "exponential") return std::pow(left, t);
  const double gone = schedule == "cubic" ? 1 - std::pow(1 - t, 3) : t;
  return 1 - (1 - left) * gone;
}

}  // namespace compress
