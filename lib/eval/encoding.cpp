#include "lib/eval/encoding.h"

#include <algorithm>
#include <cmath>

#include "lib/base/error.h"
#include "lib/base/text.h"

namespace compress {
namespace {

struct Limits {
  int32_t low, high;
};

Limits limitsOf(DType dtype) {
  switch (dtype) {
    case DType::u8:
      return {0, 255};
    case DType::i8:
      return {-128, 127};
    case DType::u16:
      return {0, 65535};
    case DType::i16:
      return {-32768, 32767};
    case DType::u4:
      return {0, 15};
    case DType::i4:
      return {-8, 7};
    default:
      throw Error(ErrorKind::bug, text("no quantized type: ", nameOf(dtype)));
  }
}

}  // namespace

Encoding encodeRange(Range range, DType dtype, bool symmetric) {
  const auto [low, high] = limitsOf(dtype);
  const double min = std::min(0.0, static_cast<double>(range.min)), max = std::max(0.0, static_cast<double>(range.max));
  Encoding encoding{dtype, {1.0F}, {0}, std::nullopt};
  if (symmetric) {
    const double reach = std::max(-min, max);
    const int32_t middle = low < 0 ? 0 : (high + 1) / 2;
    if (reach > 0) encoding.scales[0] = static_cast<float>(reach / (high - middle));
    encoding.zeroPoints[0] = middle;
  } else if (max > min) {
    encoding.scales[0] = static_cast<float>((max - min) / (high - low));
    const double zero = low - min / static_cast<double>(encoding.scales[0]);
    encoding.zeroPoints[0] =
        static_cast<int32_t>(std::clamp(std::nearbyint(zero), static_cast<double>(low), static_cast<double>(high)));
  }
  if (!(encoding.scales[0] > 0) || !std::isfinite(encoding.scales[0])) encoding.scales[0] = 1.0F;
  return encoding;
}

int32_t quantize(float real, float scale, int32_t zeroPoint, DType dtype) {
  const auto [low, high] = limitsOf(dtype);
  const float step = std::nearbyint(real / scale) + static_cast<float>(zeroPoint);
  return static_cast<int32_t>(std::clamp(step, static_cast<float>(low), static_cast<float>(high)));
}

}  // namespace compress
