// Pictures: decoding under limits, and resizing as Pillow does it.
#pragma once
#include <filesystem>
#include <string>
#include <string_view>

#include "lib/ir/tensor.h"

namespace compress {

/// Pictures of more pixels than this are refused before anything is allocated.
constexpr int64_t kPixelLimit = 64 << 20;

/// JPEG (its EXIF orientation applied, CMYK converted), PNG (16 bits cut to 8, transparency dropped) or binary PPM and
/// PGM, as u8 [H, W, 3] in RGB order. Throws Error(input) for what is none of these, damaged, cut off, or too large.
Tensor decodePicture(std::string_view bytes);

/// Is the file a picture, as far as its header and its end tell? Throws as decodePicture does, at a small part of its
/// cost.
void checkPicture(const std::filesystem::path& path);

/// Does the name end like a picture's: .jpg, .jpeg, .png, .ppm, .pgm, in any case?
bool hasPictureName(const std::filesystem::path& path);

/// EXIF orientation of a JPEG, 1 to 8; 1 where there is none.
int exifOrientation(std::string_view jpeg);
/// `picture` turned and mirrored so that it stands upright.
Tensor upright(const Tensor& picture, int orientation);

/// `picture`: u8 [H, W, 3]. The shorter side becomes `resize` (0: as it is), then the centre `crop` x `crop` is cut out
/// (0: all of it). Antialiased bilinear or bicubic. Throws Error(input) when the picture is smaller than the crop.
Tensor resizeAndCrop(const Tensor& picture, int64_t resize, int64_t crop, bool bicubic);

}  // namespace compress
