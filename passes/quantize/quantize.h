// quantize: static int8 by Q/DQ insertion. What is quantized is said by the rule table (rules.h), the ranges by
// calibration, and what stays float is reported with its reason. Expects a model after the lossless passes.
#pragma once
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "lib/eval/encoding.h"
#include "lib/pass/pass.h"
#include "passes/quantize/clipped.h"

namespace compress {

/// The knobs of static int8.
struct QuantizeOptions {
  int64_t level = 2;  ///< 0 minmax per tensor, 1 + per channel, 2 + ranges by downstream error, bias correction
  std::string target = "portable";
  std::string method = "auto";  ///< auto (what the level says), minmax, percentile, mse, entropy
  double percentile = 99.999;
  std::string weights = "int8";
  std::string activations = "uint8";
  bool symmetric = false;  ///< activation ranges symmetric about 0
  bool perChannel = true;  ///< false: one scale per weight (also at level 0)
  std::vector<std::string> include, exclude;
  std::optional<std::string>
      calibTable;  ///< JSON of `compress calibrate`: ranges from there, no data needed below level 2

  void visit(OptionVisitor& visitor);
};

/// One quantized node as it is in the result.
struct LayerReport {
  std::string node, op;
  std::string output;  ///< name of the tensor whose error is given
  double sqnrDb =
      0;  ///< of that tensor on the samples kept for the search, all before it quantized; 0 where not measured
  double scale = 0;  ///< of the output's encoding; 0 where it is float
  int64_t zeroPoint = 0;
  double clippedShare = 0;  ///< share of calibration values outside the range
  std::string rangeMethod;  ///< minmax, percentile, mse, entropy, fixed
};

struct QuantizeReport {
  std::map<std::string, Encoding> encodings;   ///< by tensor name; activations and weights
  std::vector<LayerReport> layers;             ///< in topological order
  int64_t quantizedNodes = 0, floatNodes = 0;  ///< of those that compute
  std::vector<ClippedTensor> clipped;          ///< the five that are cut most
  std::string calibrationDigest;               ///< of the data; empty without
  double sqnrDb = 0;                           ///< of the first output on the search samples; 0 where not measured
};

class Quantize : public Pass {
 public:
  Quantize() = default;
  explicit Quantize(QuantizeOptions options) : options_(std::move(options)) {}

  void options(OptionVisitor& visitor) override { options_.visit(visitor); }
  /// The model as the user knows it, to which --include and --exclude refer; else they refer to the model that run()
  /// gets. Throws Error(usage) with near names for a pattern that matches nothing.
  void setInputModel(const Model& input);
  /// Count of quantized nodes. 0 for an already quantized model and where no rule applies. Fills context.skipped with
  /// what stays float and why. Throws Error(usage) without calibration data or table, Error(numeric) for NaN or Inf in
  /// weights or activations.
  int64_t run(Model& model, PassContext& context) override;
  const QuantizeReport& report() const { return report_; }

 private:
  QuantizeOptions options_;
  std::optional<Model> input_;
  QuantizeReport report_;
};

}  // namespace compress
