// Accuracy and speed as the line that ends a run puts them.
#include <algorithm>

#include "lib/base/text.h"
#include "lib/eval/report.h"

namespace compress {
namespace {

std::string withSign(double value, int decimals) {
  const std::string digits = fixed(value, decimals);
  return value >= 0 ? "+" + digits : digits;
}

std::string metricPart(const MetricResult* before, const MetricResult* after) {
  if (after == nullptr) return "accuracy -";
  const double factor = after->isProportion ? 100 : 1;
  const int decimals = after->isProportion ? 2 : 4;
  const std::string unit = after->isProportion ? "pt" : after->unit;
  if (before == nullptr) return text(after->name, " ", fixed(after->value * factor, decimals));
  const double delta = (after->value - before->value) * factor;
  return text(after->name, " ", fixed(before->value * factor, decimals), " -> ", fixed(after->value * factor, decimals),
              " (", withSign(delta, decimals), unit.empty() ? "" : " ", unit, ")");
}

std::string probability(double p) {
  for (const double limit : {0.001, 0.01, 0.05})
    if (p < limit) return text("p<", limit);
  return text("p=", fixed(p, 2));
}

std::string speedPart(const SpeedMeasurement* speed) {
  if (speed == nullptr) return "p50 -";
  const SpeedVerdict& verdict = speed->verdict;
  const double largest = std::max(speed->before.p50, speed->after.p50);
  const int decimals = largest < 0.1 ? 4 : largest < 1 ? 3 : 2;
  const std::string times =
      text("p50 ", fixed(speed->before.p50, decimals), " -> ", fixed(speed->after.p50, decimals), " ms");
  if (verdict.contended) return text(times, " (~, processor shared with other work)");
  if (!verdict.significant) return text(times, " (~)");
  return text(times, " (", fixed(verdict.speedup, 2), "x, ", probability(verdict.pValue), ")");
}

}  // namespace

std::string closingMeasures(const MetricResult* before, const MetricResult* after, const SpeedMeasurement* speed) {
  return text(metricPart(before, after), "  ", speedPart(speed));
}

}  // namespace compress
