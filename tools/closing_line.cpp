#include "tools/closing_line.h"

#include "lib/base/text.h"

namespace compress {
namespace {

std::string sizeChange(int64_t before, int64_t after) {
  const double percent = before > 0 ? 100.0 * static_cast<double>(after - before) / static_cast<double>(before) : 0;
  return text(humanBytes(before), " -> ", humanBytes(after), " (", percent > 0 ? "+" : "", fixed(percent, 1), " %)");
}

}  // namespace

void printClosingLine(VerbContext& context, const InputModel& input, const OutputPlan& plan, const Outcome& outcome, std::string_view measured) {
  std::string line = text(displayName(input.shown), " -> ", displayName(plan.shown()), "  ", sizeChange(input.bytes, outcome.bytes));
  if (outcome.isOriginal) line += "  kept original";
  if (!outcome.isAccepted) line += "  not written";
  else if (plan.isDryRun) line += "  dry run: not written";
  if (!measured.empty()) line += text("  ", measured);
  if (plan.path) context.console.result(line);
  else context.console.note(line);
}

}  // namespace compress
