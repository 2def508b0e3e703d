// The two things that a JPEG's markers say and its decoder does not tell: orientation (EXIF 2.3, tag 0x0112) and
// Adobe's inverted inks.
#include <optional>

#include "lib/eval/jpeg_markers.h"
#include "lib/eval/picture.h"

namespace compress {
namespace {

/// Numbers out of a TIFF block in either byte order; nothing outside the block.
class TiffReader {
 public:
  explicit TiffReader(std::string_view block) : block_(block), isBig_(block.starts_with("MM")) {}

  std::optional<uint32_t> at(size_t offset, size_t size) const {
    if (offset > block_.size() || size > block_.size() - offset) return std::nullopt;
    uint32_t value = 0;
    for (size_t i = 0; i < size; ++i) {
      const size_t from = isBig_ ? i : size - 1 - i;
      value = value << 8 | static_cast<uint8_t>(block_[offset + from]);
    }
    return value;
  }

 private:
  std::string_view block_;
  bool isBig_;
};

}  // namespace

std::optional<std::string_view> findSegment(std::string_view jpeg, uint8_t marker, std::string_view prefix) {
  for (size_t at = 2; at + 4 <= jpeg.size() && static_cast<uint8_t>(jpeg[at]) == 0xFF;) {
    const auto found = static_cast<uint8_t>(jpeg[at + 1]);
    if (found == 0xDA || found == 0xD9) break;
    const size_t length =
        static_cast<size_t>(static_cast<uint8_t>(jpeg[at + 2])) << 8 | static_cast<uint8_t>(jpeg[at + 3]);
    if (length < 2 || at + 2 + length > jpeg.size()) break;
    const std::string_view content = jpeg.substr(at + 4, length - 2);
    if (found == marker && content.starts_with(prefix)) return content.substr(prefix.size());
    at += 2 + length;
  }
  return std::nullopt;
}

int exifOrientation(std::string_view jpeg) {
  const auto block = findSegment(jpeg, 0xE1, std::string_view("Exif\0\0", 6));
  if (!block || !(block->starts_with("II") || block->starts_with("MM"))) return 1;
  const TiffReader reader(*block);
  const auto directory = reader.at(4, 4);
  const auto count = directory ? reader.at(*directory, 2) : std::nullopt;
  for (size_t i = 0; count && i < *count; ++i) {
    const size_t entry = size_t{*directory} + 2 + 12 * i;
    const auto tag = reader.at(entry, 2), value = reader.at(entry + 8, 2);
    if (!tag || !value) return 1;
    if (*tag == 0x0112) return *value >= 1 && *value <= 8 ? static_cast<int>(*value) : 1;
  }
  return 1;
}

Tensor upright(const Tensor& picture, int orientation) {
  if (orientation <= 1 || orientation > 8) return picture;
  const int64_t height = picture.shape()[0], width = picture.shape()[1];
  const bool swapsAxes = orientation >= 5;
  const bool mirrorsX = orientation == 2 || orientation == 3 || orientation == 6 || orientation == 7;
  const bool mirrorsY = orientation == 3 || orientation == 4 || orientation == 7 || orientation == 8;
  const int64_t outHeight = swapsAxes ? width : height, outWidth = swapsAxes ? height : width;
  Buffer turned(DType::u8, Shape{outHeight, outWidth, 3});
  const uint8_t* const from = picture.as<uint8_t>().data();
  uint8_t* to = turned.as<uint8_t>().data();
  for (int64_t y = 0; y < outHeight; ++y)
    for (int64_t x = 0; x < outWidth; ++x, to += 3) {
      const int64_t flippedX = mirrorsX ? outWidth - 1 - x : x, flippedY = mirrorsY ? outHeight - 1 - y : y;
      const uint8_t* const pixel = from + (swapsAxes ? flippedX * width + flippedY : flippedY * width + flippedX) * 3;
      to[0] = pixel[0];
      to[1] = pixel[1];
      to[2] = pixel[2];
    }
  return std::move(turned).freeze();
}

}  // namespace compress
