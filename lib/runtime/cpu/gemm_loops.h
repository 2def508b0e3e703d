// Vector loops of small matrix products.
#pragma once
#include <cstdint>

namespace compress {

/// Columns per panel of the packed right matrix: panel p holds, for each k, columns [16 p, 16 p + 16), zero-padded.
constexpr int64_t kPanel = 16;

/// target[m, n] = bias[n] + sum over k of left[m, k] * right[k, n]; `panels` is the right matrix packed, `bias` padded
/// to whole panels.
void runSmallGemm(const float* left, const float* panels, const float* bias, float* target, int64_t rows, int64_t inner,
                  int64_t columns);

}  // namespace compress
