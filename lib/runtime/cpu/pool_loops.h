// Vector loops of pooling over [H, W, C] images.
#pragma once
#include <cstdint>

namespace compress {

struct PoolShape {
  int64_t channels, height, width;  ///< of the input
  int64_t outHeight, outWidth;
  int64_t kernelHeight, kernelWidth;
  int64_t strideHeight, strideWidth;
  int64_t dilationHeight, dilationWidth;
  int64_t padTop, padLeft, padBottom, padRight;
  bool isMax;
  bool countsPads;  ///< averages divide by the window with its pads, not by the elements that exist
};

/// Output row `row` of one image.
void runPoolRow(const PoolShape& shape, const float* image, float* target, int64_t row);
/// The same in bf16, with f32 sums.
void runPoolRow(const PoolShape& shape, const uint16_t* image, uint16_t* target, int64_t row);

}  // namespace compress
