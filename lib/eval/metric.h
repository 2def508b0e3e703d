// Task metrics: one sample at a time, in the order of the data.
#pragma once
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "lib/eval/dataset.h"

namespace compress {

/// A metric over a data set. `samples` holds one number per sample (1 or 0 for a hit), so that two models can be
/// compared pairwise.
struct MetricResult {
  std::string name;
  double value = 0;
  std::string unit;  ///< "" for fractions in [0, 1], "dB", ...
  bool higherIsBetter = true;
  bool isProportion = false;  ///< a share of hits: Wilson intervals and McNemar's test apply
  int64_t count = 0;
  double low = 0, high = 0;  ///< 95 % confidence interval
  std::vector<double> samples;
};

class Metric {
 public:
  virtual ~Metric() = default;
  /// `outputs`: the model's outputs for one sample (axis 0 has size 1). Argmax ties take the lowest index.
  virtual void add(const Sample& sample, std::span<const Tensor> outputs) = 0;
  virtual MetricResult result() const = 0;
};

struct MetricSpec {
  std::string_view name;  ///< top1, top5, mse, cos, psnr
  std::string_view help;
  std::unique_ptr<Metric> (*make)();
};

std::span<const MetricSpec> allMetrics();
/// Throws Error(usage) with the choices for an unknown name.
std::unique_ptr<Metric> makeMetric(std::string_view name);

}  // namespace compress
