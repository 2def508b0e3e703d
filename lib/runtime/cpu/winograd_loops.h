// Vector loops of convolutions 3x3 by Winograd's minimal filtering, on channels-last images.
#pragma once
#include <cstdint>

#include "lib/runtime/cpu/gemm_loops.h"

namespace compress {

/// One convolution 3x3 of stride 1. An output is cut into tiles of `tile` x `tile` (4 or 2); a tile comes from
/// (tile + 2)^2 products of channels by channels, one per point, where a direct convolution does 9 tile^2.
struct Winograd {
  int tile;
  int64_t samples, channels, height, width;  ///< of the input [N, H, W, C]
  int64_t outputs, outHeight, outWidth;      ///< of the output [N, OH, OW, M]
  int64_t padTop, padLeft;                   ///< zeros before the image; after it as many as the output needs
  float lower, upper;                        ///< bounds of the results, applied last
  const float* weights;                      ///< of packWinograd()
  const float* bias;                         ///< padded to whole panels
  const float* zeros;                        ///< `channels` zeros

  int64_t points() const { return (tile + 2) * (tile + 2); }
  int64_t tilesDown() const { return (outHeight + tile - 1) / tile; }
  int64_t tilesAcross() const { return (outWidth + tile - 1) / tile; }
  int64_t tiles() const { return samples * tilesDown() * tilesAcross(); }
};

/// Tiles that are worked on together, and the floats of scratch memory that they need.
int64_t winogradBlock(const Winograd& conv);
int64_t winogradScratch(const Winograd& conv);

/// Floats of the transformed weights.
int64_t winogradWeights(const Winograd& conv);
/// Transforms `weights` [M, C, 3, 3] into panels per point; `to` is zero-filled.
void packWinograd(const Winograd& conv, const float* weights, float* to);

/// Tiles [first, last) of the output. `added`, null or as large as `target` and possibly `target` itself, is added
/// before the bounds. The bytes of a tile do not depend on the range it is in.
void runWinograd(const Winograd& conv, const float* source, const float* added, float* target, float* scratch,
                 int64_t first, int64_t last);

}  // namespace compress
