#include "tools/measuring.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "lib/base/error.h"
#include "lib/base/text.h"
#include "lib/eval/conditions.h"
#include "lib/eval/report.h"
#include "lib/onnx/write.h"
#include "tools/model_file.h"

namespace compress {
namespace {

/// Enough for two digits of every figure of drift; more would cost as much as calibrating.
constexpr int64_t kDriftSamples = 64;

/// The short check of every run, per model; --bench times in full.
constexpr double kShortSeconds = 0.5;
constexpr int64_t kShortRounds = 5;

LatencyOptions latencyOptions(bool isFull, uint64_t seed) {
  LatencyOptions options;
  options.seed = seed;
  if (isFull) return options;
  options.seconds = kShortSeconds;
  options.minRounds = kShortRounds;
  options.warmupSeconds = 0.05;
  return options;
}

}  // namespace

void MetricOptions::options(OptionVisitor& visitor) {
  static const std::string help = text("task metrics: ", metricNames());
  visitor.visit(metrics_, {.name = "metric", .help = help, .placeholder = "NAMES"});
}

void MetricOptions::check() const {
  for (const std::string& name : metrics_) makeMetric(name);
}

void ConditionOptions::options(OptionVisitor& visitor) {
  visitor.visit(conditions_, {.name = "fail-if",
                              .help = "condition on the report, as in 'top1_drop>0.5pt and size_ratio>0.5', repeatable",
                              .placeholder = "EXPR",
                              .splitsAtCommas = false});
}

void ConditionOptions::check() const {
  for (const std::string& condition : conditions_) parseCondition(condition);
}

bool ConditionOptions::readMetrics() const {
  return std::ranges::any_of(conditions_,
                             [](const std::string& condition) { return readsMetric(parseCondition(condition)); });
}

bool ConditionOptions::judge(VerbContext& context, bool isWarning) const {
  std::vector<GateResult> results;
  for (const std::string& condition : conditions_)
    results.push_back(judgeCondition(parseCondition(condition), context.document, isWarning));
  for (const nlohmann::ordered_json& gate : gatesToJson(results)) context.document["gates"].push_back(gate);
  for (const GateResult& gate : results)
    if (!gate.passed) context.console.warn(text("--fail-if '", gate.limit, "': ", gate.why, " (", gate.value, ')'));
  return allMet(results);
}

void JudgeOptions::options(OptionVisitor& visitor) {
  visitor.section("Measuring");
  metrics_.options(visitor);
  commands_.metricOption(visitor);
  commands_.latencyOption(visitor);
  visitor.visit(bench_,
                {.name = "bench", .help = "time both models in full, or not at all; a short check without either"});
  precision_.options(visitor);
  visitor.section("Gates (exit code 1 where one fails)");
  visitor.visit(gates_.maxDrop, {.name = "max-drop",
                                 .help = "most that the metric may lose: 1% of it, 0.5pt, or its own unit",
                                 .placeholder = "DROP"});
  visitor.visit(gates_.minMetric, {.name = "min-metric",
                                   .help = "least value of a metric, as in top1>=0.74, repeatable",
                                   .placeholder = "NAME>=VALUE"});
  visitor.visit(gates_.maxSize, {.name = "max-size", .help = "largest file, as in 4MB", .placeholder = "SIZE"});
  visitor.visit(gates_.minSpeedup, {.name = "min-speedup",
                                    .help = "least speedup, judged on the near edge of its interval",
                                    .min = 0,
                                    .placeholder = "X"});
  visitor.visit(gates_.maxLatencyP95, {.name = "max-latency-p95",
                                       .help = "most of the 95th percentile of the time of a run, as in 8ms",
                                       .placeholder = "TIME"});
  conditions_.options(visitor);
  visitor.visit(
      gateLevel_,
      {.name = "gate-level", .help = "warn: failed gates leave the exit code at 0", .choices = {"error", "warn"}});
}

void JudgeOptions::check(const CommonOptions& common, const DataOptions& data, bool hasSpeed) const {
  metrics_.check();
  commands_.check(common);
  conditions_.check();
  checkGates(gates_, data.hasEvaluation() || commands_.hasMetric(), hasSpeed && wantsSpeed());
}

std::optional<SpeedMeasurement> JudgeOptions::measureSpeeds(VerbContext& context, const Candidate& before,
                                                            const Candidate& after, Backend& backend,
                                                            const Dataset* samples) const {
  if (!wantsSpeed() || (samples == nullptr && !commands_.hasLatency())) return std::nullopt;
  context.console.progress("timing");
  const auto seed = static_cast<uint64_t>(context.common.seed);
  const int threads = static_cast<int>(context.common.threads);
  SpeedMeasurement speed;
  if (commands_.hasLatency())
    speed = commands_.measureLatency(context, ModelFile(before.model, before.file).path(),
                                     ModelFile(after.model, after.file).path());
  else
    speed = measureSpeed(before.model, after.model, backend, *samples, threads,
                         latencyOptions(bench_ == true || hasSpeedGate(), seed));
  if (speed.verdict.contended)
    warnAs(context, "W-CONTENDED: other processes took the processor while timing: speed is not to be believed");
  if (speed.verdict.significant && speed.verdict.speedup < 1)
    warnAs(context, text("W-SLOWER: the result is slower: ", fixed(speed.before.p50, 3), " -> ",
                         fixed(speed.after.p50, 3), " ms"));
  const std::string_view device = commands_.hasLatency() ? "latency-cmd" : "cpu";
  context.document["latency"] = {latencyToJson("before", device, speed.before, false),
                                 latencyToJson("after", device, speed.after, false)};
  context.document["compare"] = speedToJson(speed);
  return speed;
}

void JudgeOptions::addCommandMetric(const VerbContext& context, const Candidate& before, const Candidate& after,
                                    Findings& findings) const {
  const auto add = [&](Measurement& measurement, const Candidate& model) {
    measurement.metrics.insert(measurement.metrics.begin(),
                               commands_.measureMetric(context, ModelFile(model.model, model.file).path()));
  };
  if (!commands_.hasMetric()) return;
  add(findings.before, before);
  add(findings.after, after);
}

void JudgeOptions::recordMeasurements(VerbContext& context, const Candidate& before, const Candidate& after,
                                      const Findings& findings) {
  recordModel(context, "before", before, findings.before.facts);
  recordModel(context, "after", after, findings.after.facts);
  for (const nlohmann::ordered_json& entry : accuracyToJson("before", findings.before.metrics, nullptr))
    context.document["accuracy"].push_back(entry);
  for (const nlohmann::ordered_json& entry : accuracyToJson("after", findings.after.metrics, &findings.before.metrics))
    context.document["accuracy"].push_back(entry);
  if (!findings.after.drift.empty()) context.document["drift"] = verifyToJson(findings.after.drift);
  for (const std::string& warning : findings.after.warnings) warnAs(context, warning);
}

void JudgeOptions::judgeOverlap(VerbContext& context, int64_t shared) const {
  if (shared == 0) return;
  const std::string found = text(shared, " evaluation samples were seen in calibration: the metric is too good");
  if (gates_.maxDrop || !gates_.minMetric.empty() || conditions_.readMetrics())
    throw Error(ErrorKind::usage, text(found, " to judge a gate by"),
                "leave them out with --skip N, or calibrate with other samples");
  warnAs(context, text("W-CALIB-IN-EVAL: ", found));
}

Findings JudgeOptions::compare(VerbContext& context, const Candidate& before, const Candidate& after,
                               const Dataset* samples, const Dataset* evaluation) const {
  const std::unique_ptr<Backend> backend = precision_.makeBackend(context);
  ValidatorOptions options{.threads = static_cast<int>(context.common.threads),
                           .seed = static_cast<uint64_t>(context.common.seed),
                           .metrics = metrics_.names(),
                           .driftLimit = kDriftSamples,
                           .progress = [&](std::string_view line) {
                             context.budget.check();
                             context.console.progress(line);
                           }};
  Validator validator(before.model, *backend, samples, evaluation, std::move(options));
  Findings findings;
  findings.before = validator.measureReference(before.bytes);
  findings.after = validator.measure(after.model, after.bytes);
  addCommandMetric(context, before, after, findings);
  recordMeasurements(context, before, after, findings);
  if (samples != evaluation) judgeOverlap(context, validator.sharedSamples());
  findings.speed = measureSpeeds(context, before, after, *backend, samples != nullptr ? samples : evaluation);
  GateOptions gates = gates_;
  gates.isWarning = gateLevel_ == "warn";
  findings.gates = judgeGates(gates, findings.before, findings.after, findings.speed ? &*findings.speed : nullptr);
  if (!findings.gates.empty()) context.document["gates"] = gatesToJson(findings.gates);
  const bool areConditionsMet = conditions_.judge(context, gates.isWarning);
  const Verdict verdict = validator.judge(findings.after, false);
  if (!verdict.accepted) context.console.warn(verdict.reason);
  findings.isAccepted = verdict.accepted && allMet(findings.gates) && areConditionsMet;
  return findings;
}

std::string shownMetric(const MetricResult& metric) {
  const double factor = metric.isProportion ? 100 : 1;
  const std::string unit = metric.isProportion ? " %" : metric.unit.empty() ? "" : " " + metric.unit;
  const int decimals = metric.isProportion ? 2 : 4;
  return text(metric.name, ' ', fixed(factor * metric.value, decimals), unit, "  [",
              fixed(factor * metric.low, decimals), ", ", fixed(factor * metric.high, decimals), "]  n ", metric.count);
}

void recordModel(VerbContext& context, std::string_view id, const Candidate& model, const ModelFacts& facts) {
  constexpr int64_t kLargestPacked = int64_t{1} << 30;
  const bool isPacked = !context.common.reports.empty() && model.bytes < kLargestPacked;
  context.document["models"].push_back(
      toJson(ModelRecord{.id = std::string(id),
                         .path = model.path,
                         .sha256 = {},
                         .bytes = model.bytes,
                         .zstdBytes = isPacked ? zstdBytes(serializeModel(model.model)) : 0},
             facts));
}

}  // namespace compress
