// Gates: every limit met, missed, misspelt, or without the data to judge it.
#include "lib/eval/gates.h"

#include <catch2/catch.hpp>
#include <cmath>

#include "tests/support/errors.h"

using namespace compress;
using namespace compress::test;

namespace {

Measurement withMetric(double value, int64_t bytes = 0, bool higherIsBetter = true) {
  Measurement measurement;
  measurement.fileBytes = bytes;
  MetricResult metric;
  metric.name = "top1";
  metric.value = value;
  metric.higherIsBetter = higherIsBetter;
  measurement.metrics.push_back(metric);
  return measurement;
}

bool dropMet(const std::string& limit, double before, double after, bool higherIsBetter = true) {
  GateOptions options;
  options.maxDrop = limit;
  return judgeGates(options, withMetric(before, 0, higherIsBetter), withMetric(after, 0, higherIsBetter), nullptr)
      .at(0)
      .passed;
}

SpeedMeasurement speedOf(double speedup, double low, double high, double noise = 0) {
  SpeedMeasurement speed;
  speed.verdict.speedup = speedup;
  speed.verdict.speedup95 = {low, high};
  speed.noise = noise;
  speed.after.ms = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10};
  return speed;
}

bool speedupMet(double limit, const SpeedMeasurement& speed) {
  GateOptions options;
  options.minSpeedup = limit;
  return judgeGates(options, {}, {}, &speed).at(0).passed;
}

}  // namespace

TEST_CASE("max-drop: relative, in points, in the metric's own unit", "[gates]") {
  CHECK(dropMet("1%", 0.80, 0.7921));
  CHECK_FALSE(dropMet("1%", 0.80, 0.7919));
  CHECK(dropMet("0.5pt", 0.80, 0.7951));
  CHECK_FALSE(dropMet("0.5pt", 0.80, 0.7949));
  CHECK(dropMet("0.5", 25.0, 24.6));
  CHECK_FALSE(dropMet("0.5", 25.0, 24.4));
  CHECK(dropMet("0", 0.8, 0.9));
  CHECK_FALSE(dropMet("0.1", 1.0, 1.2, false));
  CHECK(dropMet("0.1", 1.2, 1.0, false));
  CHECK_FALSE(dropMet("1%", 0.8, std::nan("")));
}

TEST_CASE("min-metric, max-size, latency and levels", "[gates]") {
  GateOptions options;
  options.minMetric = {"top1>=0.74"};
  options.maxSize = "120 kB";
  CHECK(allMet(judgeGates(options, withMetric(0.8), withMetric(0.75, 119'000), nullptr)));
  CHECK_FALSE(allMet(judgeGates(options, withMetric(0.8), withMetric(0.75, 121'000), nullptr)));
  CHECK_FALSE(allMet(judgeGates(options, withMetric(0.8), withMetric(0.73, 119'000), nullptr)));
  CHECK_FALSE(allMet(judgeGates(options, withMetric(0.8), withMetric(std::nan(""), 119'000), nullptr)));
  options.isWarning = true;
  const auto warned = judgeGates(options, withMetric(0.8), withMetric(0.7, 200'000), nullptr);
  CHECK(allMet(warned));
  CHECK_FALSE(warned.at(0).passed);
  CHECK(warned.at(1).why.find("200000 bytes") != std::string::npos);
  GateOptions latency;
  latency.maxLatencyP95 = "9.6ms";
  const SpeedMeasurement speed = speedOf(1, 1, 1);
  CHECK(judgeGates(latency, {}, {}, &speed).at(0).passed);
  latency.maxLatencyP95 = "0.009s";
  CHECK_FALSE(judgeGates(latency, {}, {}, &speed).at(0).passed);
}

TEST_CASE("speed gates are judged on the near edge, and not at all in noise", "[gates]") {
  CHECK(speedupMet(1.2, speedOf(1.4, 1.25, 1.5)));
  CHECK_FALSE(speedupMet(1.2, speedOf(1.4, 1.15, 1.6)));
  CHECK_FALSE(speedupMet(1.2, speedOf(1.1, 1.05, 1.15)));
  GateOptions options;
  options.minSpeedup = 1.2;
  const SpeedMeasurement noisy = speedOf(1.25, 1.22, 1.3, 0.2);
  const GateResult result = judgeGates(options, {}, {}, &noisy).at(0);
  CHECK_FALSE(result.passed);
  CHECK(result.why.find("not judged") != std::string::npos);
  CHECK_FALSE(judgeGates(options, {}, {}, nullptr).at(0).passed);
}

TEST_CASE("gates that cannot be understood or judged are usage errors", "[gates]") {
  const auto refused = [](GateOptions options, std::string_view part, bool hasMetric = true, bool hasSpeed = true) {
    return throwsError(ErrorKind::usage, part, [&] { checkGates(options, hasMetric, hasSpeed); });
  };
  for (const char* bad : {"nan", "inf", "-1%", "1 percent", "", "x"}) {
    GateOptions options;
    options.maxDrop = bad;
    CHECK(refused(options, "--max-drop"));
  }
  GateOptions options;
  options.maxDrop = "1%";
  CHECK_NOTHROW(checkGates(options, true, false));
  CHECK(refused(options, "there are no evaluation data", false));
  options = {};
  options.minMetric = {"top1=0.7"};
  CHECK(refused(options, "NAME>=NUMBER"));
  options.minMetric = {"topp>=0.7"};
  CHECK(refused(options, "expected one of top1"));
  options = {};
  options.maxSize = "4 furlongs";
  CHECK(refused(options, "unit 'furlongs' is none of B, kB"));
  options = {};
  options.minSpeedup = std::nan("");
  CHECK(refused(options, "--min-speedup"));
  options.minSpeedup = 1.5;
  CHECK(refused(options, "speed is not measured", true, false));
  CHECK(parseSize("1MiB", "x") == 1048576);
  CHECK(parseSize("2.5 MB", "x") == 2500000);
  CHECK(parseMilliseconds("250us", "x") == Approx(0.25));
}
