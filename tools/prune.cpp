// prune: structured pruning. Lossless passes first, then channels, heads or head dimensions go until the target is met;
// what comes out is held against the masked model, measured against what went in, and not written when a gate fails.
#include "passes/prune/prune.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

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
    judge_.check(data_);
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
    tell(context, prune.report());
    const Findings findings = judge_.compare(context, {input.model, input.shown, input.bytes},
                                             {model, plan.shown(), modelFileBytes(model)}, calibration, evaluation);
    const bool isGood = allKept && findings.isAccepted;
    const Outcome outcome = isGood
                                ? gain_.write(context, plan, input, model, judge_.hasSpeedGate())
                                : Outcome{.bytes = findings.after.fileBytes, .isOriginal = false, .isAccepted = false};
    printClosingLine(context, input, plan, outcome, &findings);
    return isGood && outcome.isAccepted ? 0 : static_cast<int>(ErrorKind::negative);
  }

  void tell(VerbContext& context, const PruneReport& report) const {
    context.document["prune"] = toJson(report);
    std::string lines;
    for (const PrunedFamily& one : report.families)
      lines += fmt::format("{:<40} {:<14} {:<9} {:>5} -> {:<5}\n", displayText(one.node), one.op, one.kind, one.before, one.after);
    lines += fmt::format("MACs {:.2f} M -> {:.2f} M ({:+.1f} %)  parameters {} -> {} ({:+.1f} %)\n",
                         static_cast<double>(report.before.macs) / 1e6, static_cast<double>(report.after.macs) / 1e6,
                         change(report.before.macs, report.after.macs), report.before.parameters,
                         report.after.parameters, change(report.before.parameters, report.after.parameters));
    lines += fmt::format("masked = pruned: difference {:.1e} of the largest output\n", report.maskedDifference);
    for (const BlockedLayer& one : report.blocked)
      lines += fmt::format("kept whole: {} ({}, {:.1f} % of the MACs): {}\n", displayText(one.node), one.op, 100 * one.macsShare, one.reason);
    context.print(lines);
    if (!report.isTargetMet)
      context.warn("W-TARGET-MISSED", text("all that may go is gone, and --target ", prune_.target, " is not met"));
  }

  static double change(int64_t before, int64_t after) {
    return before > 0 ? 100.0 * static_cast<double>(after - before) / static_cast<double>(before) : 0;
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
