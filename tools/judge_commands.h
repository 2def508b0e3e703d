// --metric-cmd and --latency-cmd: the user's own program is the judge. It is started without a shell with the path of a
// model, in place of {model} or as its last argument, and prints one number on stdout.
#pragma once
#include <filesystem>
#include <optional>
#include <string>

#include "lib/eval/validator.h"
#include "tools/verb.h"

namespace compress {

class JudgeCommands {
 public:
  void metricOption(OptionVisitor& visitor);
  void latencyOption(OptionVisitor& visitor);
  /// Before any work. Throws Error(usage) for what is no command, and for any under --untrusted.
  void check(const CommonOptions& common) const;
  bool hasMetric() const { return metric_.has_value(); }
  bool hasLatency() const { return latency_.has_value(); }

  /// The program's number as the metric `metric_cmd`, higher being better. Throws Error(io) when the program cannot be
  /// started, Error(negative) with the end of its stderr when it fails or prints no finite number.
  MetricResult measureMetric(const VerbContext& context, const std::filesystem::path& model) const;
  /// Milliseconds above 0, several of each model, in turn. Throws as measureMetric does.
  SpeedMeasurement measureLatency(const VerbContext& context, const std::filesystem::path& before,
                                  const std::filesystem::path& after) const;

 private:
  std::optional<std::string> metric_, latency_;
};

}  // namespace compress
