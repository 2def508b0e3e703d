// Gradient rules by operator, and the private operators that they use: one pair of functions per family, in the files
// beside this one. The catalog sets OpSpec::gradient from them.
#pragma once
#include <string_view>
#include <vector>

#include "lib/ops/gradient.h"

namespace compress {

struct GradientRule {
  std::string_view op;  ///< of the default domain
  Gradient gradient;
};

std::vector<GradientRule> activationGradients();
std::vector<GradientRule> arithmeticGradients();
std::vector<GradientRule> convolutionGradients();
std::vector<GradientRule> gatherGradients();
std::vector<GradientRule> movementGradients();
std::vector<GradientRule> normalizationGradients();
std::vector<GradientRule> poolGradients();
std::vector<GradientRule> productGradients();
std::vector<GradientRule> quantizeGradients();
std::vector<GradientRule> reductionGradients();
std::vector<GradientRule> resizeGradients();
std::vector<GradientRule> softmaxGradients();

std::vector<OpSpec> activationGradientOps();
std::vector<OpSpec> convolutionGradientOps();
std::vector<OpSpec> gatherGradientOps();
std::vector<OpSpec> movementGradientOps();
std::vector<OpSpec> normalizationGradientOps();
std::vector<OpSpec> poolGradientOps();
std::vector<OpSpec> resizeGradientOps();
std::vector<OpSpec> softmaxGradientOps();

}  // namespace compress
