#include "lib/eval/gates.h"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "lib/base/error.h"
#include "lib/base/text.h"
#include "lib/eval/statistics.h"

namespace compress {
namespace {

/// A number and the unit behind it, blanks between them allowed.
struct Quantity {
  double value = 0;
  std::string unit;
};

Quantity parseQuantity(std::string_view given, std::string_view option) {
  Quantity quantity;
  const auto [end, failed] = std::from_chars(given.data(), given.data() + given.size(), quantity.value);
  if (failed != std::errc() || !std::isfinite(quantity.value) || quantity.value < 0)
    throw Error(ErrorKind::usage,
                text("--", option, " '", displayName(given), "': expected a finite number, 0 or above"));
  std::string_view rest = given.substr(static_cast<size_t>(end - given.data()));
  while (rest.starts_with(' ')) rest.remove_prefix(1);
  quantity.unit = rest;
  return quantity;
}

struct Unit {
  std::string_view name;
  double factor;
};

double scaled(std::string_view given, std::string_view option, std::initializer_list<Unit> units) {
  const Quantity quantity = parseQuantity(given, option);
  std::vector<std::string> names;
  for (const Unit& unit : units) {
    if (unit.name == quantity.unit) return quantity.value * unit.factor;
    if (!unit.name.empty()) names.emplace_back(unit.name);
  }
  throw Error(ErrorKind::usage, text("--", option, " '", displayName(given), "': unit '", displayName(quantity.unit),
                                     "' is none of ", join(names, ", ")));
}

struct MetricFloor {
  std::string metric;
  double limit = 0;
};

MetricFloor parseFloor(std::string_view given) {
  const size_t sign = given.find(">=");
  if (sign == std::string_view::npos || sign == 0)
    throw Error(ErrorKind::usage,
                text("--min-metric '", displayName(given), "': expected NAME>=NUMBER, as in top1>=0.74"));
  std::string name(given.substr(0, sign));
  while (name.ends_with(' ')) name.pop_back();
  std::string_view number = given.substr(sign + 2);
  while (number.starts_with(' ')) number.remove_prefix(1);
  const Quantity quantity = parseQuantity(number, "min-metric");
  if (!quantity.unit.empty())
    throw Error(ErrorKind::usage, text("--min-metric '", displayName(given), "': text behind the number"));
  return {name, quantity.value};
}

/// Largest loss allowed in the metric's own unit, given the value before.
double allowedDrop(std::string_view given, const MetricResult& before) {
  const Quantity quantity = parseQuantity(given, "max-drop");
  if (quantity.unit == "%") return quantity.value / 100 * std::abs(before.value);
  if (quantity.unit == "pt") return quantity.value / 100;
  return quantity.value;
}

class Judge {
 public:
  explicit Judge(const GateOptions& options) : level_(options.isWarning ? "warn" : "error") {}

  void add(std::string_view name, std::string limit, std::string value, bool passed, std::string why) {
    results_.push_back({std::string(name), level_, std::move(limit), std::move(value), passed,
                        passed ? std::string() : std::move(why)});
  }
  std::vector<GateResult> take() { return std::move(results_); }

 private:
  std::string level_;
  std::vector<GateResult> results_;
};

const MetricResult* findMetric(const Measurement& measurement, std::string_view name) {
  const auto found = std::ranges::find(measurement.metrics, name, &MetricResult::name);
  return found == measurement.metrics.end() ? nullptr : &*found;
}

void judgeDrop(const GateOptions& options, const Measurement& before, const Measurement& after, Judge& judge) {
  if (!options.maxDrop) return;
  if (before.metrics.empty() || after.metrics.empty())
    return judge.add("max-drop", *options.maxDrop, "-", false, "no metric was measured");
  const MetricResult &a = before.metrics[0], &b = after.metrics[0];
  const double drop = a.higherIsBetter ? a.value - b.value : b.value - a.value,
               allowed = allowedDrop(*options.maxDrop, a);
  judge.add("max-drop", *options.maxDrop, text(a.name, " ", a.value, " -> ", b.value), drop <= allowed + 1e-12,
            text(a.name, " lost ", drop, ", allowed ", allowed));
}

void judgeFloors(const GateOptions& options, const Measurement& after, Judge& judge) {
  for (const std::string& given : options.minMetric) {
    const MetricFloor floor = parseFloor(given);
    const MetricResult* metric = findMetric(after, floor.metric);
    if (metric == nullptr)
      judge.add("min-metric", given, "-", false, text(floor.metric, " was not measured; add it to --metric"));
    else
      judge.add("min-metric", given, text(metric->value), metric->value >= floor.limit,
                text(floor.metric, " is ", metric->value));
  }
}

void judgeSpeedup(double limit, const SpeedMeasurement* speed, Judge& judge) {
  if (speed == nullptr) return judge.add("min-speedup", text(limit), "-", false, "speed was not measured");
  const Interval interval = speed->verdict.speedup95;
  const std::string value =
      text(fixed(speed->verdict.speedup, 3), " (", fixed(interval.low, 3), " to ", fixed(interval.high, 3), ")");
  if (speed->noise > std::abs(speed->verdict.speedup - limit) && speed->noise > 0.05)
    return judge.add("min-speedup", text(limit), value, false,
                     text("not judged: the model against itself differs by ", fixed(speed->noise * 100, 1),
                          " %, more than the distance to the limit"));
  judge.add(
      "min-speedup", text(limit), value, interval.low >= limit,
      interval.high >= limit ? "not judged: the limit lies inside the confidence interval" : "slower than the limit");
}

void judgeTail(const std::string& given, const SpeedMeasurement* speed, Judge& judge) {
  if (speed == nullptr) return judge.add("max-latency-p95", given, "-", false, "speed was not measured");
  const double limit = parseMilliseconds(given, "max-latency-p95"), value = percentile(speed->after.ms, 0.95);
  judge.add("max-latency-p95", given, text(fixed(value, 3), " ms"), value <= limit, "slower than the limit");
}

}  // namespace

int64_t parseSize(std::string_view size, std::string_view option) {
  const double bytes = scaled(
      size, option,
      {{"", 1}, {"B", 1}, {"kB", 1e3}, {"MB", 1e6}, {"GB", 1e9}, {"KiB", 1024}, {"MiB", 1048576}, {"GiB", 1073741824}});
  if (bytes > 9e15) throw Error(ErrorKind::usage, text("--", option, " '", displayName(size), "': too large"));
  return static_cast<int64_t>(std::llround(bytes));
}

double parseMilliseconds(std::string_view duration, std::string_view option) {
  return scaled(duration, option, {{"ms", 1}, {"us", 1e-3}, {"s", 1e3}});
}

void checkGates(const GateOptions& options, bool hasMetric, bool hasSpeed) {
  if (options.maxDrop) {
    const Quantity quantity = parseQuantity(*options.maxDrop, "max-drop");
    if (!quantity.unit.empty() && quantity.unit != "%" && quantity.unit != "pt")
      throw Error(ErrorKind::usage, text("--max-drop '", displayName(*options.maxDrop),
                                         "': expected a number with %, pt or nothing behind it"));
  }
  for (const std::string& given : options.minMetric)
    if (const MetricFloor floor = parseFloor(given); floor.metric != kCommandMetric) makeMetric(floor.metric);
  if (options.maxSize) parseSize(*options.maxSize, "max-size");
  if (options.minSpeedup && !(std::isfinite(*options.minSpeedup) && *options.minSpeedup > 0))
    throw Error(ErrorKind::usage, text("--min-speedup ", *options.minSpeedup, ": expected a finite number above 0"));
  if (options.maxLatencyP95) parseMilliseconds(*options.maxLatencyP95, "max-latency-p95");
  if (!hasMetric && (options.maxDrop || !options.minMetric.empty()))
    throw Error(
        ErrorKind::usage,
        text(options.maxDrop ? "--max-drop" : "--min-metric", " cannot be judged: there are no evaluation data"),
        "give --data PATH");
  if (!hasSpeed && (options.minSpeedup || options.maxLatencyP95))
    throw Error(
        ErrorKind::usage,
        text(options.minSpeedup ? "--min-speedup" : "--max-latency-p95", " cannot be judged: speed is not measured"),
        "leave out --no-bench");
}

std::vector<GateResult> judgeGates(const GateOptions& options, const Measurement& before, const Measurement& after,
                                   const SpeedMeasurement* speed) {
  Judge judge(options);
  judgeDrop(options, before, after, judge);
  judgeFloors(options, after, judge);
  if (options.maxSize) {
    const int64_t limit = parseSize(*options.maxSize, "max-size");
    judge.add("max-size", *options.maxSize, humanBytes(after.fileBytes),
              after.fileBytes > 0 && after.fileBytes <= limit,
              text("the file has ", after.fileBytes, " bytes, allowed are ", limit));
  }
  if (options.minSpeedup) judgeSpeedup(*options.minSpeedup, speed, judge);
  if (options.maxLatencyP95) judgeTail(*options.maxLatencyP95, speed, judge);
  return judge.take();
}

bool allMet(const std::vector<GateResult>& results) {
  return std::ranges::all_of(results, [](const GateResult& gate) { return gate.passed || gate.level != "error"; });
}

}  // namespace compress
