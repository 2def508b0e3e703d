// On what inputs two models are compared, and how many of them at once, so that the memory that it takes stays within a
// budget: open dimensions get small sizes, and where the declared ones are too large, smaller ones that the model takes.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "lib/eval/dataset.h"
#include "lib/ir/model.h"

namespace compress {

struct VerificationLimits {
  int threads = 1;
  int64_t samples = 4;
  int64_t bytes = 0;  ///< that running the two models may take, beside their constants
};

struct VerificationPlan {
  std::vector<InputSpec> inputs;  ///< with every dimension known, where the model declares ranks
  int threads = 1;
  int64_t samples = 1;
  int64_t bytes = 0;       ///< needed for what was declared, one sample at a time
  bool isSmaller = false;  ///< inputs are smaller than declared: compare atShapes() of both models
  bool isFitting = true;   ///< false: not even smaller inputs stay within the limit
};

/// `model` decides; the other one has the same inputs. By shape inference alone: nothing is run.
VerificationPlan planVerification(const Model& model, const VerificationLimits& limits);
/// The same for samples that there are: their shapes are what they are.
VerificationPlan planVerification(const Model& model, const Sample& sample, const VerificationLimits& limits);

/// A copy whose inputs are declared as `inputs`, and whose other values are declared by element type only.
Model atShapes(const Model& model, const std::vector<InputSpec>& inputs);

/// "x: float32[4096, 3], y: float32[1]".
std::string print(const std::vector<InputSpec>& inputs);

}  // namespace compress
