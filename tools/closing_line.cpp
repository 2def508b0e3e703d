#include "tools/closing_line.h"

#include "lib/eval/report.h"

namespace compress {
namespace {

std::string note(const OutputPlan& plan, const Outcome& outcome) {
  if (!outcome.isAccepted) return "not written";
  if (plan.isDryRun) return "dry run: not written";
  return outcome.isOriginal ? "kept original" : "";
}

}  // namespace

void printClosingLine(VerbContext& context, const InputModel& input, const OutputPlan& plan, const Outcome& outcome, const Findings* findings) {
  Closing closing{.input = input.shown, .output = plan.shown(), .bytesBefore = input.bytes, .bytesAfter = outcome.bytes,
                  .metricBefore = std::nullopt, .metricAfter = std::nullopt, .speed = std::nullopt, .note = note(plan, outcome)};
  if (findings != nullptr && !findings->after.metrics.empty()) {
    closing.metricBefore = findings->before.metrics.front();
    closing.metricAfter = findings->after.metrics.front();
  }
  if (findings != nullptr) closing.speed = findings->speed;
  const std::string line = closingLine(closing);
  if (plan.path) context.console.result(line);
  else context.console.note(line);
}

}  // namespace compress
