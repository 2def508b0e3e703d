// Judgements of a whole set of classified samples: F1 and the area under the ROC curve.
#include <algorithm>

#include "lib/base/error.h"
#include "lib/base/text.h"
#include "lib/eval/metrics/metrics.h"
#include "lib/eval/metrics/samples.h"
#include "lib/eval/statistics.h"

namespace compress {
namespace {

constexpr int64_t kMostClass = 1 << 20;

/// 2 hits / (2 hits + false alarms + misses): of one class, or the mean over the classes that labels name.
class F1 : public Metric {
 public:
  explicit F1(std::optional<int64_t> only) : only_(only) {}

  void add(const Sample& sample, std::span<const Tensor> outputs) override {
    const std::vector<double> scores = toDoubles(firstOutput(outputs));
    const size_t classes = scores.size() == 1 ? 2 : scores.size();
    expected_.push_back(classOf(sample, "f1", classes));
    found_.push_back(foundClass(scores));
    classes_ = std::max(classes_, classes);
    if (only_ && *only_ >= static_cast<int64_t>(classes_))
      throw Error(ErrorKind::usage, text("f1:class=", *only_, ": the model has ", classes_, " classes"));
  }

  MetricResult result() const override {
    std::vector<double> hits;
    for (size_t i = 0; i < found_.size(); ++i) hits.push_back(found_[i] == expected_[i]);
    return judgeSet({.name = "f1"}, std::move(hits), [this](std::span<const size_t> drawn) { return over(drawn); });
  }

 private:
  double over(std::span<const size_t> drawn) const {
    std::vector<double> both(classes_), either(classes_), wanted(classes_);
    for (const size_t i : drawn) {
      const auto expected = static_cast<size_t>(expected_[i]);
      both[expected] += found_[i] == expected_[i];
      if (found_[i] >= 0) either[static_cast<size_t>(found_[i])] += 1;
      either[expected] += 1;
      wanted[expected] += 1;
    }
    double sum = 0, count = 0;
    for (size_t c = 0; c < classes_; ++c) {
      if (only_ ? static_cast<size_t>(*only_) != c : wanted[c] == 0) continue;
      sum += either[c] == 0 ? 0 : 2 * both[c] / either[c];
      count += 1;
    }
    return sum / count;
  }

  std::optional<int64_t> only_;
  size_t classes_ = 0;
  std::vector<int64_t> found_, expected_;
};

/// The chance that a sample of class 1 scores above one of class 0; ties count one half.
class AreaUnderCurve : public Metric {
 public:
  void add(const Sample& sample, std::span<const Tensor> outputs) override {
    const std::vector<double> scores = toDoubles(firstOutput(outputs));
    if (scores.empty() || scores.size() > 2)
      throw Error(
          ErrorKind::input,
          text(displayName(sample.name), ": auc judges two classes, the model gives ", scores.size(), " scores"),
          "top1 and f1 judge more classes");
    positive_.push_back(classOf(sample, "auc", 2) == 1);
    scores_.push_back(scores.size() == 1 ? scores[0] : scores[1] - scores[0]);
  }

  MetricResult result() const override {
    return judgeSet({.name = "auc"}, scores_, [this](std::span<const size_t> drawn) { return over(drawn); });
  }

 private:
  double over(std::span<const size_t> drawn) const {
    std::vector<double> scores;
    for (const size_t i : drawn) scores.push_back(scores_[i]);
    const std::vector<double> ranked = ranks(scores);
    double positives = 0, rankSum = 0;
    for (size_t i = 0; i < drawn.size(); ++i)
      if (positive_[drawn[i]]) {
        positives += 1;
        rankSum += ranked[i];
      }
    const double negatives = static_cast<double>(drawn.size()) - positives;
    return (rankSum - positives * (positives + 1) / 2) / (positives * negatives);
  }

  std::vector<bool> positive_;
  std::vector<double> scores_;
};

}  // namespace

MetricSpec f1Metric() {
  return {"f1", "F1 score, mean over classes, or of one class (f1:class=N)",
          [](MetricSettings& settings) -> std::unique_ptr<Metric> {
            return std::make_unique<F1>(settings.whole("class", kMostClass));
          }};
}

MetricSpec aucMetric() {
  return {"auc", "area under the ROC curve of a model of two classes",
          [](MetricSettings&) -> std::unique_ptr<Metric> { return std::make_unique<AreaUnderCurve>(); }};
}

}  // namespace compress
