// How far outputs are from a target of the same shape: mean squared error and cosine.
#include "lib/eval/metrics/metrics.h"
#include "lib/eval/metrics/samples.h"
#include "lib/eval/statistics.h"

namespace compress {
namespace {

class MeanSquaredError : public MeanMetric {
 public:
  MeanSquaredError() : MeanMetric({.name = "mse", .unit = "squared error", .higherIsBetter = false}) {}

  void add(const Sample& sample, std::span<const Tensor> outputs) override {
    const Prediction pair = predictionOf(sample, outputs);
    double sum = 0;
    for (size_t i = 0; i < pair.found.size(); ++i)
      sum += (pair.found[i] - pair.expected[i]) * (pair.found[i] - pair.expected[i]);
    push(sum / static_cast<double>(pair.found.size()));
  }
};

class Cosine : public MeanMetric {
 public:
  Cosine() : MeanMetric({.name = "cos"}) {}

  void add(const Sample& sample, std::span<const Tensor> outputs) override {
    const Prediction pair = predictionOf(sample, outputs);
    push(cosine(pair.found, pair.expected));
  }
};

}  // namespace

MetricSpec meanSquaredErrorMetric() {
  return {"mse", "mean squared difference from the target, mean over samples",
          [](MetricSettings&) -> std::unique_ptr<Metric> { return std::make_unique<MeanSquaredError>(); }};
}

MetricSpec cosineMetric() {
  return {"cos", "cosine similarity with the target, mean over samples",
          [](MetricSettings&) -> std::unique_ptr<Metric> { return std::make_unique<Cosine>(); }};
}

}  // namespace compress
