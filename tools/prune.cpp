// prune: structured pruning. Lossless passes first, then channels, heads or head dimensions go until the target is met;
// what comes out is held against the masked model, measured against what went in, and not written when a gate fails.
#include "passes/prune/prune.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "lib/base/error.h"
#include "lib/base/file.h"
#include "lib/base/text.h"
#include "tools/closing_line.h"
#include "tools/measuring.h"
#include "tools/model_job.h"
#include "tools/passes.h"
#include "tools/verbs.h"

namespace compress {
namespace {

/// The lossless passes, but for those that take away what criteria look at.
std::vector<PipelineStep> stepsBefore(std::vector<std::string> skipped) {
  for (const std::string_view pass : {"fold-batch-norm", "fold-affine"})
    if (std::ranges::find(skipped, pass) == skipped.end()) skipped.emplace_back(pass);
  return losslessSteps(skipped);
}

nlohmann::json toJson(const PruneReport& report) {
  nlohmann::json families = nlohmann::json::array(), blocked = nlohmann::json::array();
  for (const PrunedFamily& one : report.families)
    families.push_back(
        {{"node", one.node}, {"op", one.op}, {"kind", one.kind}, {"before", one.before}, {"after", one.after}});
  for (const BlockedLayer& one : report.blocked)
    blocked.push_back({{"node", one.node}, {"op", one.op}, {"reason", one.reason}, {"macs_share", one.macsShare}});
  nlohmann::json json = {{"criterion", report.criterion},
                         {"families", families},
                         {"blocked", blocked},
                         {"macs_before", report.before.macs},
                         {"macs_after", report.after.macs},
                         {"parameters_before", report.before.parameters},
                         {"parameters_after", report.after.parameters},
                         {"target_met", report.isTargetMet},
                         {"repaired_layers", report.repairedLayers},
                         {"reestimated_norms", report.reestimatedNorms},
                         {"masked_difference", report.maskedDifference},
                         {"stages", nlohmann::json::array()}};
  if (report.latency)
    json["latency"] = {{"promised", report.latency->promised},
                       {"measured", report.latency->measured},
                       {"before_ms", report.latency->before},
                       {"after_ms", report.latency->after},
                       {"table", report.latency->table}};
  return json;
}

/// {"conv1.weight": {"0": [0, 2, 3]}}: which slices of the first model's weights are left.
std::string prunedFrom(const PruneReport& report) {
  nlohmann::json json = nlohmann::json::object();
  for (const KeptSlices& one : report.kept) json[one.tensor][std::to_string(one.axis)] = one.slices;
  return json.dump();
}

/// Times of layers that an earlier report holds.
std::map<std::string, double> readLatencies(const std::string& path) {
  try {
    return nlohmann::json::parse(readFile(path))
        .at("prune")
        .at("latency")
        .at("table")
        .get<std::map<std::string, double>>();
  } catch (const nlohmann::json::exception&) {
    throw Error(ErrorKind::input, text("--latency-table ", path, ": no report of prune with a target for latency"),
                "write one with --target latency=-30% --report FILE.json");
  }
}

class PruneVerb : public Verb {
 public:
  void options(OptionVisitor& visitor) override {
    prune_.visit(visitor);
    visitor.visit(
        skip_,
        {.name = "skip-pass", .help = "leave out a lossless pass that runs before, repeatable", .placeholder = "PASS"});
    visitor.visit(latencyTable_,
                  {.name = "latency-table",
                   .help = "take the times of layers from this report of prune: the same table, the same cut",
                   .placeholder = "FILE"});
    visitor.visit(allowSlower_, {.name = "allow-slower", .help = "write the result though it is slower than MODEL"});
    gain_.options(visitor);
    data_.options(visitor, DataOptions::kCalibration | DataOptions::kEvaluation);
    judge_.options(visitor);
  }

  int run(VerbContext& context) override {
    judge_.check(context.common, data_);
    PruneTarget::parse(prune_.target);
    std::vector<PipelineStep> steps = stepsBefore(skip_);
    const ModelJob job = openJob(context, data_, ".pruned.onnx");
    return within([&] { return job.input.shown; }, [&] { return work(context, job, std::move(steps)); });
  }

 private:
  int work(VerbContext& context, const ModelJob& job, std::vector<PipelineStep> steps) const {
    const auto& [input, plan, calibration, evaluation] = job;
    const std::unique_ptr<Backend> backend = makeCpuBackend();
    nlohmann::json stages = nlohmann::json::array();
    Prune prune(
        prune_,
        [&](std::string_view stage, int64_t step, const Model& now) {
          if (evaluation != nullptr) stages.push_back(measureStage(context, *backend, *evaluation, stage, step, now));
        },
        latencyTable_ ? readLatencies(*latencyTable_) : std::map<std::string, double>());
    steps.push_back({.name = "prune", .lossless = false, .pass = std::make_unique<BorrowedPass>(prune)});
    Model model = input.model;
    PassContext passes = passContext(context, *backend, calibration.get());
    const std::vector<PassRecord> records =
        runPipeline(model, std::move(steps), passes, pipelineOptions(context.common));
    const bool allKept = reportPasses(context, records);
    tell(context, prune.report(), prune_.target);
    context.document["prune"]["stages"] = std::move(stages);
    if (!prune.report().kept.empty()) model.setMetadata("compress.pruned_from", prunedFrom(prune.report()));
    const Findings findings =
        judge_.compare(context, {input.model, input.shown, input.bytes, input.path},
                       {model, plan.shown(), modelFileBytes(model)}, calibration.get(), evaluation.get());
    const bool isGood = allKept && findings.isAccepted && !isRefused(context, prune.report(), findings);
    return writeJudged(context, gain_, plan, input, model, findings, isGood, judge_.hasSpeedGate());
  }

  nlohmann::json measureStage(VerbContext& context, Backend& backend, const Dataset& evaluation, std::string_view stage,
                              int64_t step, const Model& model) const {
    Validator validator(model, backend, nullptr, &evaluation,
                        {.threads = static_cast<int>(context.common.threads), .metrics = judge_.metricNames()});
    nlohmann::json json = {{"stage", stage}, {"step", step}};
    std::string line = text(prune_.steps > 1 ? text("step ", step, ", ") : std::string(), stage, ":");
    for (const MetricResult& metric : validator.measureReference().metrics) {
      json[metric.name] = metric.value;
      line += "  " + shownMetric(metric);
    }
    context.console.result(line);
    return json;
  }

  /// Says why a result that is slower is not written.
  bool isRefused(VerbContext& context, const PruneReport& report, const Findings& findings) const {
    if (allowSlower_) return false;
    const bool isSlower = findings.speed && findings.speed->verdict.significant && findings.speed->verdict.speedup < 1;
    const bool missed = report.latency && report.latency->measured >= 1;
    if (!isSlower && !missed) return false;
    const double before = isSlower ? findings.speed->before.p50 : report.latency->before;
    const double after = isSlower ? findings.speed->after.p50 : report.latency->after;
    context.console.result(text("refused: the cut model is slower, ", fixed(before, 3), " -> ", fixed(after, 3),
                                " ms (--allow-slower writes it)"));
    return true;
  }

  void tell(VerbContext& context, const PruneReport& report, const std::string& target) const {
    context.document["prune"] = toJson(report);
    for (const PrunedFamily& one : report.families)
      if (one.before != one.after)
        context.console.result(
            text(displayName(one.node), " (", one.op, "): ", one.before, " -> ", one.after, ' ', one.kind));
    if (report.families.empty()) context.console.result("nothing to prune: no layer may lose channels");
    context.console.result(text("MACs ", change(report.before.macs, report.after.macs), "  parameters ",
                                change(report.before.parameters, report.after.parameters)));
    context.console.result(
        fmt::format("masked = pruned: they differ by {:.1e} of the largest output", report.maskedDifference));
    if (report.repairedLayers > 0)
      context.console.result(text(report.repairedLayers, " layers repaired (--repair ", prune_.repair, ")"));
    if (report.reestimatedNorms > 0)
      context.console.result(text("statistics of ", report.reestimatedNorms, " norms taken anew"));
    if (report.latency)
      context.console.result(fmt::format("latency: promised {:+.1f} %, measured {:+.1f} % ({:.3f} -> {:.3f} ms)",
                                         100 * (report.latency->promised - 1), 100 * (report.latency->measured - 1),
                                         report.latency->before, report.latency->after));
    constexpr size_t kBlockedShown = 5;
    for (size_t i = 0; i < report.blocked.size(); ++i) {
      const BlockedLayer& one = report.blocked[i];
      const std::string line = text("kept whole: ", displayName(one.node), " (", one.op, ", ",
                                    fixed(100 * one.macsShare, 1), " % of the MACs): ", one.reason);
      if (i < kBlockedShown)
        context.console.result(line);
      else
        context.console.detail(line);
    }
    if (report.blocked.size() > kBlockedShown)
      context.console.result(text("... and ", report.blocked.size() - kBlockedShown, " more (--verbose lists them)"));
    if (!report.isTargetMet)
      warnAs(context, text("W-TARGET-MISSED: all that may go is gone, and --target ", target, " is not met"));
  }

  /// "40.55 M -> 24.30 M (-40.1 %)".
  static std::string change(int64_t before, int64_t after) {
    const double share = before > 0 ? 100.0 * static_cast<double>(after - before) / static_cast<double>(before) : 0;
    return fmt::format("{:.2f} M -> {:.2f} M ({:+.1f} %)", static_cast<double>(before) / 1e6,
                       static_cast<double>(after) / 1e6, share);
  }

  PruneOptions prune_;
  std::vector<std::string> skip_;
  std::optional<std::string> latencyTable_;
  bool allowSlower_ = false;
  GainOptions gain_;
  DataOptions data_;
  JudgeOptions judge_;
};

}  // namespace

VerbSpec pruneVerb() {
  return {.name = "prune",
          .summary = "remove channels, hidden units or attention heads, and prove that the rest computes the same",
          .example = "--target macs=-40% --calib train.npz --data test.npz --preset cifar10 model.onnx",
          .operands = "MODEL",
          .groups = kReading | kOutput | kForce | kModelOutput | kComputing | kSeeded | kReporting,
          .make = []() -> std::unique_ptr<Verb> { return std::make_unique<PruneVerb>(); }};
}

}  // namespace compress
