// Measuring a model, alone or against what it was: metrics, drift, speed, gates; as options, text and JSON.
#pragma once
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "lib/eval/gates.h"
#include "lib/eval/validator.h"
#include "tools/data_options.h"
#include "tools/judge_commands.h"
#include "tools/precision_option.h"
#include "tools/verb.h"

namespace compress {

/// --metric.
class MetricOptions {
 public:
  void options(OptionVisitor& visitor);
  /// Throws Error(usage) with the choices for a metric that there is not.
  void check() const;
  const std::vector<std::string>& names() const { return metrics_; }

 private:
  std::vector<std::string> metrics_ = {"top1"};
};

/// A model in the comparison, with the size of its file.
struct Candidate {
  const Model& model;
  std::string path;  ///< as shown
  int64_t bytes = 0;
  std::optional<std::filesystem::path> file = std::nullopt;  ///< where it lies, if it does
};

struct Findings {
  Measurement before, after;
  std::optional<SpeedMeasurement> speed;
  std::vector<GateResult> gates;
  bool isAccepted = true;  ///< no error-level gate failed, no output became non-finite or constant
};

/// --fail-if: gates that are conditions on the document.
class ConditionOptions {
 public:
  void options(OptionVisitor& visitor);
  /// Throws Error(usage) for conditions that are not understood.
  void check() const;
  /// Whether one of them reads a metric of the evaluation samples.
  bool readMetrics() const;
  /// Adds a gate for each to the document's "gates"; whether none of level "error" failed.
  bool judge(VerbContext& context, bool isWarning = false) const;

 private:
  std::vector<std::string> conditions_;
};

/// Metrics, timing and gates of verbs that compare two models.
class JudgeOptions {
 public:
  void options(OptionVisitor& visitor);
  /// Before any work: gates must be sound, and what they need must be measured.
  void check(const CommonOptions& common, const DataOptions& data, bool hasSpeed = true) const;
  const std::vector<std::string>& metricNames() const { return metrics_.names(); }
  bool wantsSpeed() const { return bench_ != false; }
  bool hasSpeedGate() const { return gates_.minSpeedup || gates_.maxLatencyP95; }

  /// Measures both; `samples` are for drift and for speed's inputs, `evaluation` for metrics; either may be null. Fills
  /// in the document's "models", "accuracy", "latency", "compare" and "gates", and warns.
  Findings compare(VerbContext& context, const Candidate& before, const Candidate& after, const Dataset* samples,
                   const Dataset* evaluation) const;

 private:
  /// Warns of evaluation samples that calibration has seen; under a gate on a metric that is Error(usage).
  void judgeOverlap(VerbContext& context, int64_t shared) const;
  std::optional<SpeedMeasurement> measureSpeeds(VerbContext& context, const Candidate& before, const Candidate& after,
                                                Backend& backend, const Dataset* samples) const;
  /// Puts the metric of --metric-cmd before all others: gates judge the first.
  void addCommandMetric(const VerbContext& context, const Candidate& before, const Candidate& after,
                        Findings& findings) const;
  static void recordMeasurements(VerbContext& context, const Candidate& before, const Candidate& after,
                                 const Findings& findings);

  MetricOptions metrics_;
  JudgeCommands commands_;
  ConditionOptions conditions_;
  GateOptions gates_;
  std::string gateLevel_ = "error";
  std::optional<bool> bench_;
  PrecisionOption precision_;
};

/// "top1 71.88 % [70.2, 73.5]  n 1000".
std::string shownMetric(const MetricResult& metric);

/// Adds one entry to the document's "models".
void recordModel(VerbContext& context, std::string_view id, const Candidate& model, const ModelFacts& facts);

}  // namespace compress
