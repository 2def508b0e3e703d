// Slopes of activations, for the reference and for fast kernels.
#pragma once
#include <functional>
#include <string_view>

#include "lib/ir/graph.h"

namespace compress {

/// dy/dx of the activation that attribute `function` of an ActivationGrad node names; the argument is its second input:
/// y where slopeUsesOutput(function), else x.
std::function<double(double)> activationSlope(const Node& node);
bool slopeUsesOutput(std::string_view function);

}  // namespace compress
