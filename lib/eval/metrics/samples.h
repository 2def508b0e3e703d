// What metrics share: the label, the output and the class of a sample; the mean of one number per sample; a statistic
// of all samples.
#pragma once
#include <functional>
#include <span>
#include <vector>

#include "lib/eval/metric.h"

namespace compress {

/// Throws Error(usage) where the sample has no label.
const Tensor& labelOf(const Sample& sample);
/// Throws Error(input) where the model has no output.
const Tensor& firstOutput(std::span<const Tensor> outputs);
/// The label as a class index in [0, classes). Throws Error(input) for any other label.
int64_t classOf(const Sample& sample, std::string_view metric, size_t classes);
/// The highest score's class, the lowest index among equals; of a single score whether it is at least one half; -1, no
/// class, where a score is not finite.
int64_t foundClass(std::span<const double> scores);

/// Prediction and target of one sample as numbers, of equal count; targets that are pictures are scaled as the source.
struct Prediction {
  std::vector<double> found, expected;
};
/// Throws Error(input) where the counts differ.
Prediction predictionOf(const Sample& sample, std::span<const Tensor> outputs);

/// Mean of one number per sample, with its interval.
class MeanMetric : public Metric {
 public:
  /// `blank`: name, unit, direction.
  explicit MeanMetric(MetricResult blank) : blank_(std::move(blank)) {}
  MetricResult result() const override;

 protected:
  void push(double value) { samples_.push_back(value); }

 private:
  MetricResult blank_;
  std::vector<double> samples_;
};

/// A statistic of the whole set, with its bootstrap interval. `statistic` gets indices of samples, repeated where drawn
/// more than once; `samples` are what two models are compared by.
MetricResult judgeSet(MetricResult blank, std::vector<double> samples,
                      const std::function<double(std::span<const size_t>)>& statistic);

}  // namespace compress
