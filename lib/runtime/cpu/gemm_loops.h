// Vector loops of small matrix products.
#pragma once
#include <cstdint>

namespace compress {

/// Columns per panel of the packed right matrix: panel p holds, for each k, columns [16 p, 16 p + 16), zero-padded.
constexpr int64_t kPanel = 16;
inline int64_t paddedToPanels(int64_t columns) {
  return (columns + kPanel - 1) / kPanel * kPanel;
}
/// Packs right[k, n] = from[k * rowStep + n * columnStep] into panels; `to` is zero-filled.
void packPanels(const float* from, int64_t rowStep, int64_t columnStep, int64_t inner, int64_t columns, float* to);

/// target[m, n] = start[m, n] + sum over k of left[m, k] * right[k, n]. Rows are `...Step` elements apart.
struct SmallGemm {
  const float* left;
  int64_t leftStep;
  const float* panels;  ///< the right matrix
  const float* start;   ///< as wide as whole panels; startStep 0: one row for all; null: zeros, for more than one row
  int64_t startStep;
  float* target;
  int64_t targetStep;
  int64_t rows, inner, columns;
};
/// A row's result depends on the row and on whether it is alone, not on the others. `target` may be `start`.
void runSmallGemm(const SmallGemm& product);

}  // namespace compress
