// The one line that ends a run: names, size, accuracy, speed.
#include <cmath>

#include "lib/base/text.h"
#include "lib/eval/report.h"

namespace compress {
namespace {

std::string withSign(double value, int decimals) {
  const std::string digits = fixed(value, decimals);
  return value >= 0 ? "+" + digits : digits;
}

std::string sizePart(const Closing& closing) {
  if (closing.bytesBefore <= 0 || closing.bytesAfter <= 0) return "size -";
  const double change = 100.0 * (static_cast<double>(closing.bytesAfter) / static_cast<double>(closing.bytesBefore) - 1);
  return text(humanBytes(closing.bytesBefore), " -> ", humanBytes(closing.bytesAfter), " (", withSign(change, 1), " %)");
}

std::string metricPart(const Closing& closing) {
  const auto& after = closing.metricAfter;
  if (!after) return "accuracy -";
  const double factor = after->isProportion ? 100 : 1;
  const int decimals = after->isProportion ? 2 : 4;
  const std::string unit = after->isProportion ? "pt" : after->unit;
  if (!closing.metricBefore) return text(after->name, " ", fixed(after->value * factor, decimals));
  const double delta = (after->value - closing.metricBefore->value) * factor;
  return text(after->name, " ", fixed(closing.metricBefore->value * factor, decimals), " -> ", fixed(after->value * factor, decimals), " (",
              withSign(delta, decimals), unit.empty() ? "" : " ", unit, ")");
}

std::string probability(double p) {
  for (const double limit : {0.001, 0.01, 0.05})
    if (p < limit) return text("p<", limit);
  return text("p=", fixed(p, 2));
}

std::string speedPart(const Closing& closing) {
  if (!closing.speed) return "p50 -";
  const SpeedVerdict& verdict = closing.speed->verdict;
  const double largest = std::max(closing.speed->before.p50, closing.speed->after.p50);
  const int decimals = largest < 0.1 ? 4 : largest < 1 ? 3 : 2;
  const std::string times = text("p50 ", fixed(closing.speed->before.p50, decimals), " -> ", fixed(closing.speed->after.p50, decimals), " ms");
  if (verdict.contended) return text(times, " (~, processor shared with other work)");
  if (!verdict.significant) return text(times, " (~)");
  return text(times, " (", fixed(verdict.speedup, 2), "x, ", probability(verdict.pValue), ")");
}

}  // namespace

std::string closingLine(const Closing& closing) {
  std::string line = text(displayName(closing.input), " -> ", displayName(closing.output), "  ", sizePart(closing), "  ", metricPart(closing), "  ", speedPart(closing));
  if (!closing.note.empty()) line += text("  ", displayName(closing.note));
  return line;
}

}  // namespace compress
