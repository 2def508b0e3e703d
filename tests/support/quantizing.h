// Running the quantize pass in tests.
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "passes/quantize/quantize.h"

namespace compress::test {

struct Quantized {
  Model model;  ///< verified
  int64_t count = 0;
  std::vector<Skipped> skipped;
  std::vector<Warning> warnings;
  QuantizeReport report;

  /// Why the node was left alone; "none" where it was not.
  std::string reasonFor(std::string_view node) const;
};

/// With `data`, or eight random samples, for calibration.
Quantized quantizeModel(const Model& input, QuantizeOptions options = {}, int threads = 1,
                        const Dataset* data = nullptr);

/// Samples held in memory.
class GivenSamples : public Dataset {
 public:
  explicit GivenSamples(std::vector<std::vector<Tensor>> samples) : samples_(std::move(samples)) {}
  int64_t size() const override { return static_cast<int64_t>(samples_.size()); }
  bool hasLabels() const override { return false; }
  std::string_view kind() const override { return "tensors"; }
  Sample read(int64_t index) const override;
  const Preprocess& preprocess() const override { return preprocess_; }

 private:
  std::vector<std::vector<Tensor>> samples_;
  Preprocess preprocess_;
};

QuantizeOptions atLevel(int64_t level);
int countOf(const Graph& graph, std::string_view op);

/// Signal over error of the first output in decibels, by the references on four random samples.
double sqnrOf(const Model& expected, const Model& found);

}  // namespace compress::test
