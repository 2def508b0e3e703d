// Calibration tables: the same for any thread count, merged exactly, stored and read back; ranges out of histograms.
#include "lib/eval/calibration.h"

#include <catch2/catch.hpp>
#include <cmath>
#include <limits>

#include "lib/base/parallel.h"
#include "lib/base/random.h"
#include "lib/eval/run_over.h"
#include "tests/support/build.h"
#include "tests/support/errors.h"

using namespace compress;
using namespace compress::test;

namespace {

const char* const kModel = "input x: float32[1, 16]\nr = Relu(x)\ny = Exp(r)\noutput y\n";

/// Some samples of another data set.
class Part : public Dataset {
 public:
  Part(const Dataset& whole, int64_t first, int64_t count) : whole_(whole), first_(first), count_(count) {}
  int64_t size() const override { return count_; }
  bool hasLabels() const override { return false; }
  std::string_view kind() const override { return whole_.kind(); }
  Sample read(int64_t index) const override { return whole_.read(first_ + index); }
  const Preprocess& preprocess() const override { return whole_.preprocess(); }

 private:
  const Dataset& whole_;
  int64_t first_, count_;
};

CalibrationTable tableOf(const Model& model, const Dataset& data, int threads) {
  const auto backend = makeReferenceBackend();
  return calibrate(model, *backend, data, observableValues(model), {.threads = threads});
}

Histogram histogramOf(const std::vector<float>& values) {
  Histogram histogram;
  histogram.add(values);
  return histogram;
}

}  // namespace

TEST_CASE("a calibration table does not depend on threads or on how its data were split", "[calibration]") {
  const Model model = buildModel(kModel);
  const auto data = randomDataset(inputSpecs(model), 12, 3);
  const std::string whole = toJson(tableOf(model, *data, 1));
  for (const int threads : {2, 4}) {
    setThreadCount(threads);
    CHECK(toJson(tableOf(model, *data, threads)) == whole);
  }
  setThreadCount(1);
  CalibrationTable merged = tableOf(model, Part(*data, 7, 5), 1);
  merged.merge(tableOf(model, Part(*data, 0, 7), 1));
  CHECK(toJson(merged) == whole);
  CHECK(merged.samples == 12);
}

TEST_CASE("a calibration table reads back as it was written", "[calibration]") {
  const Model model = buildModel(kModel);
  const CalibrationTable table = tableOf(model, *randomDataset(inputSpecs(model), 3, 3), 1);
  CHECK(table.values.size() == 3);
  const std::string json = toJson(table);
  CHECK(toJson(parseCalibrationTable(json)) == json);
  for (const char* broken : {"", "[]", "{}", R"({"schema": "other"})"}) {
    CAPTURE(broken);
    CHECK(throwsError(ErrorKind::input, "not a calibration table", [&] { parseCalibrationTable(broken); }));
  }
}

TEST_CASE("tables of different models are not merged", "[calibration]") {
  const auto one = buildModel(kModel), other = buildModel("input x: float32[1, 16]\ny = Relu(x)\noutput y\n");
  CalibrationTable table = tableOf(one, *randomDataset(inputSpecs(one), 2, 3), 1);
  CHECK(throwsError(ErrorKind::usage, "different models",
                    [&] { table.merge(tableOf(other, *randomDataset(inputSpecs(other), 2, 3), 1)); }));
}

TEST_CASE("values that are not finite end a calibration by name", "[calibration]") {
  const Model negative =
      buildModel("input x: float32[1, 4]\nn = Neg(x)\nm = Exp(n)\nk = Neg(m)\ny = Log(k)\noutput y\n");
  CHECK(throwsError(ErrorKind::numeric, "value 'y' holds NaN or Inf",
                    [&] { tableOf(negative, *randomDataset(inputSpecs(negative), 1, 3), 1); }));
}

TEST_CASE("ranges hold 0 and cut what their method says", "[calibration]") {
  Random random(5, "ranges");
  std::vector<float> values(100'000);
  for (float& value : values) value = static_cast<float>(random.normal());
  values.push_back(100);
  const Histogram histogram = histogramOf(values);
  CHECK(minmaxRange(histogram).max == 100);
  const Range percentile = percentileRange(histogram, 99);
  CHECK(std::abs(percentile.max - 2.576F) < 0.1F);
  CHECK(std::abs(percentile.min + 2.576F) < 0.1F);
  CHECK(mseRange(histogram, 256, false).max < 95);
  CHECK(entropyRange(histogram, 256).max < 100);
  CHECK(shareOutside(histogram, minmaxRange(histogram)) == 0);
  CHECK(shareOutside(histogram, percentile) == Approx(0.01).margin(0.002));
  for (const auto& [low, high] : {std::pair{2.0F, 3.0F}, {-3.0F, -2.0F}}) {
    const Range range = minmaxRange(histogramOf({low, high}));
    CHECK(range.min <= 0);
    CHECK(range.max >= 0);
  }
}
