// Pictures: decoding under limits, and resizing as Pillow does it.
#pragma once
#include <filesystem>

#include "lib/ir/tensor.h"

namespace compress {

/// `picture`: u8 [H, W, 3]. The shorter side becomes `resize` (0: as it is), then the centre `crop` x `crop` is cut out (0: all of it).
/// Antialiased bilinear or bicubic. Throws Error(input) when the picture is smaller than the crop.
Tensor resizeAndCrop(const Tensor& picture, int64_t resize, int64_t crop, bool bicubic);

}  // namespace compress
