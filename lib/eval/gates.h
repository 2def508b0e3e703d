// Gates: limits that a user sets on the result. A gate without the data to judge it is an error, not a pass.
#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "lib/eval/validator.h"

namespace compress {

/// The metric that a user's own program measures.
constexpr std::string_view kCommandMetric = "metric_cmd";

/// As given on the command line.
struct GateOptions {
  std::optional<std::string>
      maxDrop;  ///< "1%" of the float metric, "0.5pt" hundredths of a metric in [0, 1], "0.1" its own unit
  std::vector<std::string> minMetric;  ///< "top1>=0.74"
  std::optional<std::string> maxSize;  ///< "4MB", "120 kB", "1MiB"
  std::optional<double> minSpeedup;
  std::optional<std::string> maxLatencyP95;  ///< "8ms"
  bool isWarning = false;                    ///< --gate-level warn
};

struct GateResult {
  std::string name;   ///< the option: "max-drop"
  std::string level;  ///< "error" or "warn"
  std::string limit;  ///< as given
  std::string value;  ///< what was measured
  bool passed = false;
  std::string why;
};

/// Checks every limit: finite, in range, understood. Throws Error(usage) naming the option. Also when a gate needs what
/// will not be measured: `hasMetric` (evaluation data), `hasSpeed` (timing).
void checkGates(const GateOptions& options, bool hasMetric, bool hasSpeed);

/// Speed gates are judged on the near edge of the confidence interval; NaN fails.
std::vector<GateResult> judgeGates(const GateOptions& options, const Measurement& before, const Measurement& after,
                                   const SpeedMeasurement* speed);
/// No gate of level "error" failed.
bool allMet(const std::vector<GateResult>& results);

/// "4MB", "120 kB", "1 MiB", "500": bytes. Throws Error(usage).
int64_t parseSize(std::string_view size, std::string_view option);
/// "8ms", "0.5s", "200us": milliseconds. Throws Error(usage).
double parseMilliseconds(std::string_view duration, std::string_view option);

}  // namespace compress
