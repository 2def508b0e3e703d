#include "tools/closing_line.h"

#include "lib/base/error.h"
#include "lib/base/text.h"
#include "lib/eval/report.h"

namespace compress {
namespace {

std::string sizeChange(int64_t before, int64_t after) {
  const double percent = before > 0 ? 100.0 * static_cast<double>(after - before) / static_cast<double>(before) : 0;
  return text(humanBytes(before), " -> ", humanBytes(after), " (", percent >= 0 ? "+" : "", fixed(percent, 1), " %)");
}

std::string note(const OutputPlan& plan, const Outcome& outcome) {
  if (!outcome.isAccepted) return "  not written";
  if (plan.isDryRun) return "  dry run: not written";
  return outcome.isOriginal ? "  kept original" : "";
}

}  // namespace

void printClosingLine(VerbContext& context, const InputModel& input, const OutputPlan& plan, const Outcome& outcome,
                      const Findings* findings) {
  const bool hasMetric = findings != nullptr && !findings->after.metrics.empty();
  const std::string measures = closingMeasures(hasMetric ? &findings->before.metrics.front() : nullptr,
                                               hasMetric ? &findings->after.metrics.front() : nullptr,
                                               findings != nullptr && findings->speed ? &*findings->speed : nullptr);
  const std::string line = text(displayName(input.shown), " -> ", displayName(plan.shown()), "  ",
                                sizeChange(input.bytes, outcome.bytes), "  ", measures, note(plan, outcome));
  if (plan.path)
    context.console.result(line);
  else
    context.console.note(line);
}

int writeJudged(VerbContext& context, const GainOptions& gain, const OutputPlan& plan, const InputModel& input,
                const Model& model, const Findings& findings, bool isGood, bool isAsked) {
  const Outcome outcome = isGood ? gain.write(context, plan, input, model, isAsked)
                                 : Outcome{.bytes = findings.after.fileBytes, .isOriginal = false, .isAccepted = false};
  printClosingLine(context, input, plan, outcome, &findings);
  return outcome.isAccepted ? 0 : static_cast<int>(ErrorKind::negative);
}

}  // namespace compress
