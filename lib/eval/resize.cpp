// Separable, antialiased resampling: the filter is as wide as the shrinking factor, weights sum to 1, bytes between the
// two passes are rounded. Two passes, rows first, each in 22-bit fixed point: the results of Pillow 9 to 11, bit for
// bit.
#include <algorithm>
#include <cmath>
#include <vector>

#include "lib/base/error.h"
#include "lib/base/text.h"
#include "lib/eval/picture.h"

namespace compress {
namespace {

constexpr int kFractionBits = 22;

double triangle(double x) {
  return std::max(0.0, 1 - std::abs(x));
}

/// Keys' cubic with a = -0.5.
double cubic(double x) {
  x = std::abs(x);
  if (x < 1) return (1.5 * x - 2.5) * x * x + 1;
  if (x < 2) return ((-0.5 * x + 2.5) * x - 4) * x + 2;
  return 0;
}

/// The inputs that one output reads, and with what weight.
struct Taps {
  int64_t first = 0;
  std::vector<int32_t> weights;
};

std::vector<Taps> makeTaps(int64_t from, int64_t to, bool bicubic) {
  const double scale = static_cast<double>(from) / static_cast<double>(to), stretch = std::max(scale, 1.0);
  const double support = (bicubic ? 2.0 : 1.0) * stretch;
  std::vector<Taps> all(static_cast<size_t>(to));
  for (int64_t i = 0; i < to; ++i) {
    const double centre = (static_cast<double>(i) + 0.5) * scale;
    const int64_t first = std::max<int64_t>(static_cast<int64_t>(centre - support + 0.5), 0);
    const int64_t last = std::min<int64_t>(static_cast<int64_t>(centre + support + 0.5), from);
    std::vector<double> weights;
    double sum = 0;
    for (int64_t x = first; x < last; ++x) {
      const double at = (static_cast<double>(x) - centre + 0.5) / stretch;
      weights.push_back(bicubic ? cubic(at) : triangle(at));
      sum += weights.back();
    }
    Taps& taps = all[static_cast<size_t>(i)];
    taps.first = first;
    for (const double weight : weights)
      taps.weights.push_back(
          static_cast<int32_t>(std::round((sum != 0 ? weight / sum : weight) * (1 << kFractionBits))));
  }
  return all;
}

uint8_t rounded(int32_t sum) {
  return static_cast<uint8_t>(std::clamp(sum >> kFractionBits, 0, 255));
}

/// One pass along an axis of extent `from.size()/...`: `outer` lines of [extent, inner].
Tensor resample(const Tensor& picture, size_t axis, int64_t extent, bool bicubic) {
  const Shape& shape = picture.shape();
  if (shape[axis] == extent) return picture;
  std::vector<int64_t> dims = shape.dims();
  dims[axis] = extent;
  Buffer out(DType::u8, Shape(dims));
  const int64_t outer = shape.count(0, axis), inner = shape.count(axis + 1, shape.rank());
  const uint8_t* const from = picture.as<uint8_t>().data();
  uint8_t* to = out.as<uint8_t>().data();
  const std::vector<Taps> taps = makeTaps(shape[axis], extent, bicubic);
  std::vector<int32_t> sums(static_cast<size_t>(inner));
  for (int64_t line = 0; line < outer; ++line)
    for (const Taps& tap : taps) {
      std::ranges::fill(sums, 1 << (kFractionBits - 1));
      const uint8_t* source = from + (line * shape[axis] + tap.first) * inner;
      for (const int32_t weight : tap.weights) {
        for (size_t i = 0; i < sums.size(); ++i) sums[i] += weight * source[i];
        source += inner;
      }
      to = std::ranges::transform(sums, to, rounded).out;
    }
  return std::move(out).freeze();
}

Tensor cropCentre(const Tensor& picture, int64_t crop) {
  const int64_t height = picture.shape()[0], width = picture.shape()[1], channels = picture.shape()[2];
  if (height < crop || width < crop)
    throw Error(ErrorKind::input,
                text("picture of ", width, " x ", height, " is smaller than the crop of ", crop, " x ", crop),
                "set --resize");
  const auto margin = [&](int64_t extent) {
    return static_cast<int64_t>(std::nearbyint(static_cast<double>(extent - crop) / 2));
  };
  const int64_t top = margin(height), left = margin(width);
  Buffer out(DType::u8, Shape{crop, crop, channels});
  uint8_t* to = out.as<uint8_t>().data();
  for (int64_t y = 0; y < crop; ++y)
    to = std::copy_n(picture.as<uint8_t>().data() + ((top + y) * width + left) * channels, crop * channels, to);
  return std::move(out).freeze();
}

}  // namespace

Tensor resizeAndCrop(const Tensor& picture, int64_t resize, int64_t crop, bool bicubic) {
  Tensor result = picture;
  if (resize > 0) {
    const int64_t height = picture.shape()[0], width = picture.shape()[1], shorter = std::min(height, width);
    if (shorter == 0) throw Error(ErrorKind::input, "picture without pixels");
    result = resample(resample(result, 1, width * resize / shorter, bicubic), 0, height * resize / shorter, bicubic);
  }
  return crop > 0 && (result.shape()[0] != crop || result.shape()[1] != crop) ? cropCentre(result, crop) : result;
}

}  // namespace compress
