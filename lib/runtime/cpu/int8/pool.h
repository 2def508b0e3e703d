// MaxPool and AveragePool of [N, H, W, C] bytes.
#pragma once
#include <vector>

#include "lib/runtime/cpu/int8/quantize.h"

namespace compress::int8 {

struct Window {
  int64_t height = 1, width = 1;
  int64_t strideH = 1, strideW = 1;
  int64_t dilationH = 1, dilationW = 1;
  int64_t top = 0, left = 0;  ///< padding before; positions outside the image are skipped
  int64_t outHeight = 1, outWidth = 1;
};

/// The greatest of each window: rows first, a line of column maxima at a time. `scratch` has scratchBytes(threads).
class MaxPool {
 public:
  MaxPool(const ImageShape& shape, const Window& window, DType dtype) : shape_(shape), window_(window), dtype_(dtype) {}
  int64_t scratchBytes(int threads) const { return threads * shape_.width * shape_.channels; }
  void run(const uint8_t* x, uint8_t* y, uint8_t* scratch, int threads) const;

 private:
  ImageShape shape_;
  Window window_;
  DType dtype_;
};

/// The mean of each window, requantized; `countPadding` divides by the whole window (within the padded image) instead
/// of the positions inside the image; padding holds real zero.
struct AveragePool {
  ImageShape shape;
  Window window;
  int64_t bottom = 0, right = 0;  ///< padding after, for countPadding
  bool countPadding = false;
  Quantization x, y;
  float low = -3e38F, high = 3e38F;  ///< a Relu or Clip before QuantizeLinear, in real units

  void run(const uint8_t* source, uint8_t* result) const;
};

}  // namespace compress::int8
