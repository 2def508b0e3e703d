// Facts, runs over data sets, drift, metrics and verdicts on small models by the reference backend.
#include "lib/eval/validator.h"

#include <catch2/catch.hpp>
#include <cmath>

#include "lib/eval/run_over.h"
#include "tests/support/build.h"
#include "tests/support/errors.h"

using namespace compress;
using namespace compress::test;

namespace {

const std::string kModel =
    "input x: float32[N, 3]\n"
    "const w: float32[3] = 1, -1, 0\n"
    "h = Mul(x, w)\n"
    "y = Relu(h)\n"
    "output y\n";

std::string scaledBy(std::string_view weights) {
  std::string changed = kModel;
  return changed.replace(changed.find("1, -1, 0"), 8, weights);
}

/// Samples of three random numbers; the label is the index of the larger of the first and minus the second, as the
/// model has it.
class Labelled : public Dataset {
 public:
  explicit Labelled(int64_t count)
      : random_(randomDataset({{"x", Type::tensor(DType::f32, std::vector<Dim>{Dim{}, Dim::of(3)})}}, count, 7)) {}
  int64_t size() const override { return random_->size(); }
  bool hasLabels() const override { return true; }
  const Preprocess& preprocess() const override { return random_->preprocess(); }
  std::string_view kind() const override { return "test"; }
  Sample read(int64_t index) const override {
    Sample sample = random_->read(index);
    sample.label = Tensor::scalar<int64_t>(index % 2);
    return sample;
  }

 private:
  std::unique_ptr<Dataset> random_;
};

}  // namespace

TEST_CASE("facts: parameters, zeros, operators, multiply-accumulates", "[validator]") {
  const ModelFacts facts =
      describe(buildModel("opset 17\n"
                          "input x: float32[N, 4, 8, 8]\n"
                          "const w: float32[6, 2, 3, 3] = fill(0)\n"
                          "const b: float32[6] = 1, 2, 3, 0, 5, 6\n"
                          "const unused: float32[5] = fill(1)\n"
                          "y = Conv[group=2, pads=[1, 1, 1, 1]](x, w, b)\n"
                          "z = Relu(y)\n"
                          "output z\n"));
  CHECK(facts.parameters == 6 * 2 * 9 + 6);
  CHECK(facts.zeros == 6 * 2 * 9 + 1);
  CHECK(facts.ops == std::map<std::string, int64_t>{{"Conv", 1}, {"Relu", 1}});
  CHECK(facts.dtypeBytes == std::map<std::string, int64_t>{{"float32", (6 * 2 * 9 + 6) * 4}});
  CHECK(facts.opset == 17);
  REQUIRE(facts.macs);
  CHECK(*facts.macs == 6 * 8 * 8 * 2 * 9);
}

TEST_CASE("runOver hands results over in the order of the samples for any thread count", "[validator]") {
  const Model model = buildModel(kModel);
  const auto backend = makeReferenceBackend();
  const auto data = randomDataset(inputSpecs(model), 37, 3);
  std::vector<std::vector<float>> first;
  for (const int threads : {1, 2, 4}) {
    std::vector<std::vector<float>> seen;
    const Model* models[] = {&model};
    runOver(models, *backend, *data, threads,
            [&](int64_t index, const Sample& sample, std::span<const std::vector<Tensor>> outputs) {
              CHECK(index == static_cast<int64_t>(seen.size()));
              CHECK(equal(sample.inputs.at(0), data->read(index).inputs.at(0)));
              seen.push_back(toFloats(outputs[0].at(0)));
            });
    if (threads == 1) first = seen;
    CHECK(seen.size() == 37);
    CHECK(seen == first);
  }
}

TEST_CASE("a lossless change is held to its bound, a lossy one to finite and varying outputs", "[validator]") {
  const Model model = buildModel(kModel);
  const auto backend = makeReferenceBackend();
  const auto data = randomDataset(inputSpecs(model), 9, 3);
  Validator validator(model, *backend, data.get(), nullptr, {});
  const auto judged = [&](std::string_view weights, bool lossless) {
    return validator.judge(validator.measureDrift(buildModel(scaledBy(weights))), lossless);
  };
  CHECK(judged("1, -1, 0", true).accepted);
  CHECK(judged("1.00001, -1, 0", true).accepted);
  const Verdict far = judged("1.01, -1, 0", true);
  CHECK_FALSE(far.accepted);
  CHECK(far.reason.find("output 'y': largest error") != std::string::npos);
  CHECK(judged("1.01, -1, 0", false).accepted);
  CHECK(judged("0, 0, 0", false).reason.find("became constant") != std::string::npos);
  CHECK(judged("inf, -1, 0", false).reason.find("NaN or infinite") != std::string::npos);
  Validator constant(buildModel(scaledBy("0, 0, 0")), *backend, data.get(), nullptr, {});
  CHECK(constant.judge(constant.measureDrift(buildModel(scaledBy("0, 0, 0"))), false).accepted);
}

TEST_CASE("measurements are the same for any thread count", "[validator]") {
  const Model model = buildModel(kModel), changed = buildModel(scaledBy("1.1, -0.9, 0.1"));
  const auto backend = makeReferenceBackend();
  const Labelled data(41);
  std::vector<Measurement> measured;
  for (const int threads : {1, 3}) {
    ValidatorOptions options;
    options.threads = threads;
    Validator validator(model, *backend, &data, &data, options);
    measured.push_back(validator.measure(changed, 123));
    CHECK(validator.measure(changed).drift.at(0).drift.maxAbs() ==
          measured.back().drift.at(0).drift.maxAbs());  // from the cache
  }
  const auto others = randomDataset(inputSpecs(model), 5, 99);
  Validator apart(model, *backend, others.get(), &data, {});
  apart.measure(changed);
  CHECK(apart.sharedSamples() == 0);
  Validator same(model, *backend, &data, &data, {});
  same.measure(changed);
  CHECK(same.sharedSamples() == 41);
  ValidatorOptions few;
  few.driftLimit = 7;
  Validator limited(model, *backend, &data, &data, few);
  CHECK(limited.measure(changed).driftSamples == 7);
  CHECK(limited.sharedSamples() == 41);
  CHECK(measured[0].fileBytes == 123);
  CHECK(measured[0].driftSamples == 41);
  CHECK(measured[0].drift.at(0).drift.meanAbs() == measured[1].drift.at(0).drift.meanAbs());
  CHECK(measured[0].metrics.at(0).samples == measured[1].metrics.at(0).samples);
  CHECK(measured[0].metrics.at(0).count == 41);
  CHECK_FALSE(measured[0].warnings.empty());  // 41 samples are too few
}

TEST_CASE("errors on the way carry the sample, models of other outputs are refused", "[validator]") {
  const Model model = buildModel(kModel);
  const auto backend = makeReferenceBackend();
  const auto data = randomDataset({{"x", Type::tensor(DType::f32, std::vector<Dim>{Dim{}, Dim::of(4)})}}, 2, 3);
  Validator validator(model, *backend, data.get(), nullptr, {});
  CHECK(throwsError(ErrorKind::input, "random[0]", [&] { validator.measureDrift(model); }));
  const auto good = randomDataset(inputSpecs(model), 2, 3);
  Validator other(model, *backend, good.get(), nullptr, {});
  CHECK(throwsError(ErrorKind::negative, "outputs", [&] { other.measureDrift(buildModel(kModel + "output h\n")); }));
  ValidatorOptions options;
  options.metrics = {"top9"};
  CHECK(throwsError(ErrorKind::usage, "top9", [&] { Validator(model, *backend, nullptr, good.get(), options); }));
}
