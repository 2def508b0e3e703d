// The grid on which gradients are tested against finite differences: what `compress ops --grad` prints and what the
// tests run is this one list.
#pragma once
#include <span>
#include <string_view>

namespace compress {

/// Where the inputs of a case lie: away from the kinks of its operator.
enum class InputDomain {
  real,      ///< standard normal
  apart,     ///< at least 0.05 from 0 and from every half
  positive,  ///< from 0.5 to 2
  inner,     ///< from -0.9 to 0.9
};

struct GradientCase {
  std::string_view op;
  std::string_view property;  ///< one or two words
  InputDomain domain;
  std::string_view model;  ///< statements as tests write models, parted by "; "; every float64 input is differentiated
};

/// Sorted by operator.
std::span<const GradientCase> gradientGrid();

}  // namespace compress
