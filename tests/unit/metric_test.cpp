#include "lib/eval/metric.h"

#include <catch2/catch.hpp>
#include <chrono>
#include <cmath>
#include <thread>

#include "lib/eval/drift.h"
#include "lib/eval/latency.h"
#include "tests/support/errors.h"

using namespace compress;
using namespace compress::test;

namespace {

Tensor floats(Shape shape, const std::vector<float>& values) {
  return Tensor::of<float>(std::move(shape), values);
}

Tensor bytes(Shape shape, const std::vector<uint8_t>& values) {
  return Tensor::of<uint8_t>(std::move(shape), values);
}

Sample labelled(Tensor label) {
  Sample sample;
  sample.label = std::move(label);
  sample.name = "s";
  return sample;
}

double valueOf(std::string_view metric, const Tensor& label, const Tensor& output) {
  const auto made = makeMetric(metric);
  made->add(labelled(label), std::vector<Tensor>{output});
  return made->result().value;
}

}  // namespace

TEST_CASE("top-1 and top-5 count hits, ties go to the lowest index", "[metric]") {
  const auto metric = makeMetric("top1");
  const Tensor scores = floats({1, 4}, {0.5F, 2, 2, 1});
  metric->add(labelled(Tensor::scalar<int64_t>(1)), std::vector<Tensor>{scores});
  metric->add(labelled(Tensor::scalar<int64_t>(2)), std::vector<Tensor>{scores});
  const MetricResult result = metric->result();
  CHECK(result.value == 0.5);
  CHECK(result.samples == std::vector<double>{1, 0});
  CHECK(result.isProportion);
  CHECK(result.low < 0.5);
  CHECK(result.high > 0.5);
  const Tensor seven = floats({1, 7}, {7, 6, 5, 4, 3, 2, 1});
  CHECK(valueOf("top5", Tensor::scalar<int64_t>(4), seven) == 1);
  CHECK(valueOf("top5", Tensor::scalar<int64_t>(5), seven) == 0);
  CHECK(valueOf("top1", Tensor::scalar<int64_t>(0), floats({1, 2}, {std::nanf(""), 0})) == 0);
}

TEST_CASE("top-1 refuses labels that the model cannot give", "[metric]") {
  CHECK(throwsError(ErrorKind::input, "label 3, the model gives 2 scores", [] {
    valueOf("top1", Tensor::scalar<int64_t>(3), floats({1, 2}, {1, 0}));
  }));
  CHECK(throwsError(ErrorKind::input, "needs a class index", [] {
    valueOf("top1", floats({2}, {1, 0}), floats({1, 2}, {1, 0}));
  }));
  CHECK(throwsError(ErrorKind::usage, "needs a label for each sample",
                    [] { makeMetric("top1")->add(Sample{}, std::vector<Tensor>{floats({1}, {1})}); }));
  CHECK(throwsError(ErrorKind::usage, "expected one of top1, top5, mse, cos, psnr, f1, auc, miou, spearman, exact, ter",
                    [] { makeMetric("top2"); }));
}

TEST_CASE("mse, cosine and psnr by hand", "[metric]") {
  CHECK(valueOf("mse", floats({2}, {1, 2}), floats({1, 2}, {2, 4})) == Approx(2.5));
  CHECK(valueOf("cos", floats({2}, {1, 0}), floats({1, 2}, {1, 1})) == Approx(std::sqrt(0.5)));
  // 10 x 10 pixels, off by 0.1 inside and by 1 on the border, which the default leaves out.
  std::vector<float> target(100, 0.5F), output(100, 0.6F);
  for (size_t i = 0; i < 10; ++i) output[i] = 2;
  CHECK(valueOf("psnr", floats({10, 10}, target), floats({1, 1, 10, 10}, output)) == Approx(20).margin(1e-4));
  // Outputs are cut to the peak first: the border then is off by 0.5.
  CHECK(valueOf("psnr:crop=0", floats({10, 10}, target), floats({1, 1, 10, 10}, output)) ==
        Approx(10 * std::log10(1 / (0.9 * 0.01 + 0.1 * 0.25))).margin(1e-4));
  CHECK(throwsError(ErrorKind::input, "too small", [] {
    valueOf("psnr", floats({2, 2}, {1, 1, 1, 1}), floats({1, 1, 2, 2}, {1, 1, 1, 1}));
  }));
  CHECK(throwsError(ErrorKind::usage, "'size' is no setting of psnr", [] { makeMetric("psnr:size=3"); }));
  CHECK(throwsError(ErrorKind::usage, "expected key=number", [] { makeMetric("psnr:crop=x"); }));
  CHECK(throwsError(ErrorKind::usage, "no setting of top1", [] { makeMetric("top1:crop=3"); }));
}

TEST_CASE("a target that is a picture is scaled as its source for distances", "[metric]") {
  Sample sample = labelled(bytes({1, 2}, {255, 0}));
  sample.labelScale = 1.0 / 255;
  const auto mse = makeMetric("mse");
  mse->add(sample, std::vector<Tensor>{floats({1, 1, 2}, {1, 0.5F})});
  CHECK(mse->result().value == Approx(0.125));
}

TEST_CASE("f1 is the mean over the classes that occur, or of one", "[metric]") {
  const auto f1 = makeMetric("f1"), first = makeMetric("f1:class=0");
  // Labels 0 0 1, found 0 1 1; class 2 never occurs.
  for (const auto& [label, scores] :
       std::vector<std::pair<int64_t, std::vector<float>>>{{0, {3, 1, 0}}, {0, {1, 3, 0}}, {1, {1, 3, 0}}}) {
    f1->add(labelled(Tensor::scalar(label)), std::vector<Tensor>{floats({1, 3}, scores)});
    first->add(labelled(Tensor::scalar(label)), std::vector<Tensor>{floats({1, 3}, scores)});
  }
  CHECK(f1->result().value == Approx(2.0 / 3));
  CHECK(first->result().value == Approx(2.0 / 3));
  CHECK(f1->result().count == 3);
  CHECK(f1->result().low <= f1->result().value);
  CHECK(f1->result().high >= f1->result().value);
  // A single score is a chance of class 1.
  CHECK(valueOf("f1", Tensor::scalar<int64_t>(1), floats({1, 1}, {0.5F})) == 1);
  CHECK(valueOf("f1", Tensor::scalar<int64_t>(1), floats({1, 1}, {0.4F})) == 0);
  CHECK(throwsError(ErrorKind::usage, "f1:class=2: the model has 2 classes", [] {
    valueOf("f1:class=2", Tensor::scalar<int64_t>(1), floats({1, 2}, {0, 1}));
  }));
}

TEST_CASE("auc counts pairs in order, ties by half", "[metric]") {
  const auto auc = makeMetric("auc");
  const std::vector<std::pair<int64_t, float>> samples = {{0, 0.1F}, {0, 0.4F}, {1, 0.4F}, {1, 0.8F}};
  for (const auto& [label, score] : samples)
    auc->add(labelled(Tensor::scalar(label)), std::vector<Tensor>{floats({1, 1}, {score})});
  CHECK(auc->result().value == Approx(3.5 / 4));
  CHECK(throwsError(ErrorKind::input, "auc judges two classes, the model gives 3 scores", [] {
    valueOf("auc", Tensor::scalar<int64_t>(1), floats({1, 3}, {0, 1, 2}));
  }));
}

TEST_CASE("miou sums pixels of all samples per class and ignores class 255", "[metric]") {
  // 4 pixels, 2 classes: found 0 0 1 1.
  const Tensor scores = floats({1, 2, 2, 2}, {1, 1, 0, 0, 0, 0, 1, 1});
  CHECK(valueOf("miou", bytes({2, 2}, {0, 1, 1, 255}), scores) == Approx((0.5 + 0.5) / 2));
  CHECK(valueOf("miou:ignore=1", bytes({2, 2}, {0, 1, 1, 0}), scores) == Approx((0.5 + 0) / 2));
  CHECK(valueOf("miou", bytes({2, 2}, {0, 0, 1, 1}), Tensor::ofInts({0, 0, 1, 1})) == 1);
  CHECK(throwsError(ErrorKind::input, "does not fit a target of 3 pixels", [&] {
    valueOf("miou", bytes({3, 1}, {0, 1, 1}), scores);
  }));
  CHECK(throwsError(ErrorKind::input, "needs a map of class indices", [&] {
    valueOf("miou", floats({2, 2}, {0, 1, 1, 0}), scores);
  }));
}

TEST_CASE("spearman ranks the cosines of pairs against their scores", "[metric]") {
  const auto metric = makeMetric("spearman");
  Sample first;
  first.name = "pair (a)";
  const auto pair = [&](float angle, float score) {
    metric->add(first, std::vector<Tensor>{floats({1, 2}, {1, 0})});
    metric->add(labelled(floats({1}, {score})),
                std::vector<Tensor>{floats({1, 2}, {std::cos(angle), std::sin(angle)})});
  };
  pair(0.1F, 5);
  pair(0.5F, 3);
  pair(0.9F, 4);
  pair(1.4F, 1);
  const MetricResult result = metric->result();
  CHECK(result.value == Approx(0.8));
  CHECK(result.count == 4);
  CHECK(throwsError(ErrorKind::usage, "spearman judges pairs", [] {
    valueOf("spearman", floats({1}, {1}), floats({1, 2}, {1, 0}));
  }));
}

TEST_CASE("scores that are not finite hit nothing and disarm no gate", "[metric]") {
  const float bad = std::nanf("");
  CHECK(valueOf("f1", Tensor::scalar<int64_t>(0), floats({1, 2}, {bad, 0})) == 0);
  CHECK(valueOf("miou", bytes({1, 2}, {0, 1}), floats({1, 2, 1, 2}, {bad, 0, 0, 1})) == Approx(0.5));
  const auto auc = makeMetric("auc");
  for (const auto& [label, score] : std::vector<std::pair<int64_t, float>>{{0, 0.5F}, {1, bad}, {1, 0.9F}})
    auc->add(labelled(Tensor::scalar(label)), std::vector<Tensor>{floats({1, 1}, {score})});
  CHECK(std::isnan(auc->result().value));
}

TEST_CASE("sequences are compared up to the end token", "[metric]") {
  const Tensor target = Tensor::ofInts({5, 6, 7, 3, 3}), close = Tensor::ofInts({5, 7, 3, 9});
  CHECK(valueOf("exact:end=3", target, Tensor::ofInts({5, 6, 7, 3, 9, 9})) == 1);
  CHECK(valueOf("exact:end=3", target, close) == 0);
  CHECK(valueOf("exact", target, Tensor::ofInts({5, 6, 7})) == 0);
  CHECK(valueOf("ter:end=3", target, close) == Approx(1.0 / 3));
  CHECK(valueOf("ter:end=3", target, Tensor::ofInts({8, 5, 6, 6, 7, 3})) == Approx(2.0 / 3));
  CHECK_FALSE(makeMetric("ter")->result().higherIsBetter);
  CHECK(throwsError(ErrorKind::usage, "expected a whole end", [] { makeMetric("ter:end=2.5"); }));
  CHECK(throwsError(ErrorKind::input, "expected integers", [&] { valueOf("ter", target, floats({1}, {1})); }));
}

TEST_CASE("drift accumulates differences", "[drift]") {
  Drift drift;
  drift.add(floats({1, 3}, {1, 2, 3}), floats({1, 3}, {1, 2, 5}));
  drift.add(floats({1, 3}, {3, 2, 1}), floats({1, 3}, {1, 2, 3}));
  CHECK(drift.count() == 6);
  CHECK(drift.maxAbs() == 2);
  CHECK(drift.meanAbs() == Approx(1));
  CHECK(drift.argmaxAgreement() == 0.5);
  CHECK(drift.sqnrDb() == Approx(10 * std::log10(28.0 / 12)));
  CHECK(drift.cosine() == Approx((1 + 4 + 15 + 3 + 4 + 3) / std::sqrt(28.0 * 44)));
  REQUIRE(drift.worst().size() == 3);
  CHECK(drift.worst()[0].index == 2);
  Drift same;
  same.add(floats({1, 2}, {1, 2}), floats({1, 2}, {1, 2}));
  CHECK(std::isinf(same.sqnrDb()));
  CHECK(same.cosine() == Approx(1));
  Drift broken;
  broken.add(floats({1, 2}, {1, 2}), floats({1, 2}, {std::nanf(""), 2}));
  CHECK(broken.nonFinite() == 1);
}

TEST_CASE("mismatches are counted within tolerances", "[drift]") {
  CHECK(countMismatches(floats({3}, {1, 100, 0}), floats({3}, {1.0005F, 100.5F, 2e-5F}), 1e-3, 1e-5) == 2);
  CHECK(countMismatches(Tensor::ofInts({1, 2}), Tensor::ofInts({1, 3}), 1, 1) == 1);
  CHECK(throwsError(ErrorKind::negative, "found int64[2], expected float32[2]", [] {
    countMismatches(floats({2}, {1, 2}), Tensor::ofInts({1, 2}), 0, 0);
  }));
}

TEST_CASE("interleaved timing tells a slow run from a fast one", "[latency]") {
  volatile double sink = 0;
  const auto work = [&](int n) {
    return [&sink, n] {
      for (int i = 0; i < n; ++i) sink = sink + std::sqrt(static_cast<double>(i));
    };
  };
  LatencyOptions options;
  options.seconds = 0.1;
  options.minRounds = 3;
  options.warmupSeconds = 0.01;
  bool contended = false;
  const auto results = timeInterleaved({work(40000), work(10000)}, options, &contended);
  REQUIRE(results.size() == 2);
  CHECK(results[0].p50 > results[1].p50);
  CHECK(results[0].median95.low <= results[0].p50);
  const SpeedVerdict verdict = compareSpeed(results[0], results[1], 1);
  CHECK(verdict.speedup > 1.5);
  CHECK(verdict.significant);
  CHECK_FALSE(compareSpeed(results[0], results[0], 1).significant);
}

TEST_CASE("a run that waits for a processor is seen as contended", "[latency]") {
  LatencyOptions options;
  options.seconds = 0.05;
  options.minRounds = 2;
  options.warmupSeconds = 0;
  bool contended = false;
  timeInterleaved({[] { std::this_thread::sleep_for(std::chrono::milliseconds(2)); }}, options, &contended);
  CHECK(contended);
}
