// Task metrics: one sample at a time, in the order of the data. One file each in lib/eval/metrics, one line each in
// metric.cpp.
#pragma once
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "lib/eval/dataset.h"

namespace compress {

/// A metric over a data set. `samples` holds one number per sample (for shares 1 or 0, a hit or not), so that two
/// models can be compared pairwise.
struct MetricResult {
  std::string name;
  double value = 0;
  std::string unit = {};  ///< "" for fractions in [0, 1], "dB", ...
  bool higherIsBetter = true;
  bool isProportion = false;  ///< a share of hits: Wilson intervals and McNemar's test apply
  int64_t count = 0;
  double low = 0, high = 0;  ///< 95 % confidence interval
  std::vector<double> samples = {};
};

class Metric {
 public:
  virtual ~Metric() = default;
  /// `outputs`: the model's outputs for one sample (axis 0 has size 1). Argmax ties take the lowest index.
  virtual void add(const Sample& sample, std::span<const Tensor> outputs) = 0;
  virtual MetricResult result() const = 0;
};

/// What a metric's name may carry after a colon, as in psnr:crop=4,peak=1: finite numbers from 0 on.
class MetricSettings {
 public:
  /// Throws Error(usage) for a list that is not key=number,...
  explicit MetricSettings(std::string_view name);

  std::string_view metric() const { return metric_; }
  std::optional<double> number(std::string_view key);
  /// Throws Error(usage) for a fraction, or for what is above `most`.
  std::optional<int64_t> whole(std::string_view key, int64_t most);
  /// Throws Error(usage) naming a key that no one has asked for.
  void requireAllTaken() const;
  /// Error(usage) about the value of a setting.
  [[noreturn]] void refuse(std::string_view expected) const;

 private:
  std::string whole_, metric_;
  std::map<std::string, double, std::less<>> values_;
};

struct MetricSpec {
  std::string_view name;
  std::string_view help;
  std::unique_ptr<Metric> (*make)(MetricSettings& settings);
};

std::span<const MetricSpec> allMetrics();
/// "top1, top5, ..."
std::string metricNames();
/// Throws Error(usage) with the choices for an unknown name.
std::unique_ptr<Metric> makeMetric(std::string_view name);

}  // namespace compress
