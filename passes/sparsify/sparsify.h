// sparsify: weights of Conv, Gemm and MatMul become zero, one by one, in blocks of four output channels or N of each M;
// shapes stay. With samples, what stays is fitted to what the layer answered. Expects a model after the lossless passes.
#pragma once
#include <optional>
#include <string>
#include <vector>

#include "lib/pass/pass.h"

namespace compress {

struct SparsifyOptions {
  std::string granularity = "element";
  std::optional<double> sparsity;  ///< share of the weights of the chosen layers, 0.5 unless told; none for patterns
  std::string criterion = "magnitude";  ///< magnitude, wanda or sparsegpt
  std::string scope = "layer";
  bool reconstruct = true;  ///< where there are samples; else biases alone are corrected
  std::vector<std::string> include, exclude;

  void visit(OptionVisitor& visitor);
  double share() const { return sparsity.value_or(0.5); }
  /// Throws Error(usage) for what does not go together.
  void check() const;
};

/// One layer as it is in the result.
struct SparsifiedLayer {
  std::string node, op;
  int64_t weights = 0, zerosBefore = 0, zerosAfter = 0;
};

struct SparsifyReport {
  std::vector<SparsifiedLayer> layers;  ///< in topological order
  int64_t fittedLayers = 0;             ///< weights, or biases alone
};

class Sparsify : public Pass {
 public:
  Sparsify() = default;
  explicit Sparsify(SparsifyOptions options) : options_(std::move(options)) {}

  void options(OptionVisitor& visitor) override { options_.visit(visitor); }
  /// Count of weights that became zero. Layers whose outputs sum fewer than 32 products are left alone unless
  /// --include names them. Throws Error(usage) for a pattern that matches nothing and for a criterion that lacks its
  /// samples, Error(numeric) for NaN or Inf in weights.
  int64_t run(Model& model, PassContext& context) override;
  const SparsifyReport& report() const { return report_; }

 private:
  SparsifyOptions options_;
  SparsifyReport report_;
};

}  // namespace compress
