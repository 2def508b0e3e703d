// prune: structured pruning. Lossless passes first, then channels, heads or head dimensions go until the target is met;
// what comes out is held against the masked model, measured against what went in, and not written when a gate fails.
#include "passes/prune/prune.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "lib/base/error.h"
#include "lib/base/text.h"
#include "tools/closing_line.h"
#include "tools/data_options.h"
#include "tools/input_model.h"
#include "tools/measuring.h"
#include "tools/output_plan.h"
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
  return {{"families", families},
          {"blocked", blocked},
          {"macs_before", report.before.macs},
          {"macs_after", report.after.macs},
          {"parameters_before", report.before.parameters},
          {"parameters_after", report.after.parameters},
          {"target_met", report.isTargetMet},
          {"repaired_layers", report.repairedLayers},
          {"masked_difference", report.maskedDifference}};
}

class PruneVerb : public Verb {
 public:
  void options(OptionVisitor& visitor) override {
    prune_.visit(visitor);
    visitor.visit(
        skip_,
        {.name = "skip-pass", .help = "leave out a lossless pass that runs before, repeatable", .placeholder = "PASS"});
    gain_.options(visitor);
    data_.options(visitor, DataOptions::kCalibration | DataOptions::kEvaluation);
    judge_.options(visitor);
  }

  int run(VerbContext& context) override {
    judge_.check(context.common, data_);
    PruneTarget::parse(prune_.target);
    std::vector<PipelineStep> steps = stepsBefore(skip_);
    const InputModel input = readInputModel(context, context.operands[0]);
    const OutputPlan plan = planOutput(context, input, ".pruned.onnx");
    const std::unique_ptr<Dataset> calibration =
        data_.hasCalibration() ? data_.openCalibration(context, input.model) : nullptr;
    const std::unique_ptr<Dataset> evaluation =
        data_.hasEvaluation() ? data_.openLabelled(context, input.model) : nullptr;
    return within([&] { return input.shown; },
                  [&] { return work(context, input, plan, std::move(steps), calibration.get(), evaluation.get()); });
  }

 private:
  int work(VerbContext& context, const InputModel& input, const OutputPlan& plan, std::vector<PipelineStep> steps,
           const Dataset* calibration, const Dataset* evaluation) const {
    Prune prune(prune_);
    steps.push_back({.name = "prune", .lossless = false, .pass = std::make_unique<BorrowedPass>(prune)});
    Model model = input.model;
    const std::unique_ptr<Backend> backend = makeCpuBackend();
    PassContext passes = passContext(context, *backend, calibration);
    const std::vector<PassRecord> records =
        runPipeline(model, std::move(steps), passes, pipelineOptions(context.common));
    const bool allKept = reportPasses(context, records);
    tell(context, prune.report(), prune_.target);
    const Findings findings = judge_.compare(context, {input.model, input.shown, input.bytes, input.path},
                                             {model, plan.shown(), modelFileBytes(model)}, calibration, evaluation);
    const bool isGood = allKept && findings.isAccepted;
    const Outcome outcome = isGood
                                ? gain_.write(context, plan, input, model, judge_.hasSpeedGate())
                                : Outcome{.bytes = findings.after.fileBytes, .isOriginal = false, .isAccepted = false};
    printClosingLine(context, input, plan, outcome, &findings);
    return isGood && outcome.isAccepted ? 0 : static_cast<int>(ErrorKind::negative);
  }

  static void tell(VerbContext& context, const PruneReport& report, const std::string& target) {
    context.document["prune"] = toJson(report);
    for (const PrunedFamily& one : report.families)
      context.console.result(
          text(displayName(one.node), " (", one.op, "): ", one.before, " -> ", one.after, ' ', one.kind));
    if (report.families.empty()) context.console.result("nothing to prune: no layer may lose channels");
    context.console.result(text("MACs ", change(report.before.macs, report.after.macs), "  parameters ",
                                change(report.before.parameters, report.after.parameters)));
    context.console.result(
        fmt::format("masked = pruned: they differ by {:.1e} of the largest output", report.maskedDifference));
    if (report.repairedLayers > 0)
      context.console.result(text(report.repairedLayers, " layers fitted again by least squares"));
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
