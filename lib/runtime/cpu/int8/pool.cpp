#include "lib/runtime/cpu/int8/pool.h"

#include <array>

namespace compress::int8 {
namespace {

template <typename T>
[[gnu::always_inline]] inline void raise(T* y, const T* x, int64_t count) {
  for (int64_t i = 0; i < count; ++i) y[i] = y[i] > x[i] ? y[i] : x[i];
}
COMPRESS_VECTOR_CLONES void raiseU8(uint8_t* y, const uint8_t* x, int64_t count) {
  raise(y, x, count);
}
COMPRESS_VECTOR_CLONES void raiseI8(uint8_t* y, const uint8_t* x, int64_t count) {
  raise(reinterpret_cast<int8_t*>(y), reinterpret_cast<const int8_t*>(x), count);
}

/// The window positions k with 0 <= start + k * dilation < extent: [first, last).
struct Taps {
  int64_t first, last;
};
Taps tapsInside(int64_t start, int64_t size, int64_t dilation, int64_t extent) {
  const int64_t first = start < 0 ? (-start + dilation - 1) / dilation : 0;
  const int64_t last = start >= extent ? 0 : std::min(size, (extent - start + dilation - 1) / dilation);
  return {first, std::max(first, last)};
}

using Raise = void (*)(uint8_t*, const uint8_t*, int64_t);

/// One output row from the line of column maxima.
void raiseAcross(Raise raiseBytes, const ImageShape& shape, const Window& window, const uint8_t* line, uint8_t* y) {
  const auto pixel = static_cast<size_t>(shape.channels);
  for (int64_t w = 0; w < window.outWidth; ++w) {
    const int64_t start = w * window.strideW - window.left;
    const Taps taps = tapsInside(start, window.width, window.dilationW, shape.width);
    uint8_t* to = y + w * shape.channels;
    std::memcpy(to, line + (start + taps.first * window.dilationW) * shape.channels, pixel);
    for (int64_t k = taps.first + 1; k < taps.last; ++k)
      raiseBytes(to, line + (start + k * window.dilationW) * shape.channels, shape.channels);
  }
}

COMPRESS_VECTOR_CLONES void addU8(int32_t* sum, const uint8_t* x, int64_t count) {
  for (int64_t i = 0; i < count; ++i) sum[i] += x[i];
}
COMPRESS_VECTOR_CLONES void addI8(int32_t* sum, const int8_t* x, int64_t count) {
  for (int64_t i = 0; i < count; ++i) sum[i] += x[i];
}
}  // namespace

void MaxPool::run(const uint8_t* x, uint8_t* y, uint8_t* scratch, int threads) const {
  const Raise raiseBytes = dtype_ == DType::u8 ? raiseU8 : raiseI8;
  const int64_t rowBytes = shape_.width * shape_.channels, outRowBytes = window_.outWidth * shape_.channels;
  const double work = 0.04 * static_cast<double>(shape_.images * window_.outHeight) *
                      static_cast<double>(window_.height * rowBytes + window_.width * outRowBytes);
  const int used = std::min(threads, threadsFor(work));
  splitRange(shape_.images * window_.outHeight, 1, used, [&](int64_t begin, int64_t end) {
    uint8_t* line = scratch + (used > 1 ? omp_get_thread_num() : 0) * rowBytes;
    for (int64_t row = begin; row < end; ++row) {
      const uint8_t* image = x + row / window_.outHeight * shape_.height * rowBytes;
      const int64_t start = row % window_.outHeight * window_.strideH - window_.top;
      const Taps taps = tapsInside(start, window_.height, window_.dilationH, shape_.height);
      std::memcpy(line, image + (start + taps.first * window_.dilationH) * rowBytes, static_cast<size_t>(rowBytes));
      for (int64_t k = taps.first + 1; k < taps.last; ++k)
        raiseBytes(line, image + (start + k * window_.dilationH) * rowBytes, rowBytes);
      raiseAcross(raiseBytes, shape_, window_, line, y + row * outRowBytes);
    }
  });
}

void AveragePool::run(const uint8_t* source, uint8_t* result) const {
  constexpr int64_t kBlock = 64;
  const int64_t pixels = shape.images * window.outHeight * window.outWidth;
  const int64_t blocks = (shape.channels + kBlock - 1) / kBlock;
  const double work = 0.06 * static_cast<double>(pixels * shape.channels * window.height * window.width);
  const Steps bounds = stepsWithin(y, low, high);
  splitRange(pixels * blocks, 1, threadsFor(work), [&](int64_t begin, int64_t end) {
    for (int64_t item = begin; item < end; ++item) {
      const int64_t pixel = item / blocks, channel = item % blocks * kBlock;
      const int64_t count = std::min(kBlock, shape.channels - channel);
      const int64_t startH = pixel / window.outWidth % window.outHeight * window.strideH - window.top;
      const int64_t startW = pixel % window.outWidth * window.strideW - window.left;
      const Taps rows = tapsInside(startH, window.height, window.dilationH, shape.height);
      const Taps columns = tapsInside(startW, window.width, window.dilationW, shape.width);
      const uint8_t* image =
          source + pixel / (window.outHeight * window.outWidth) * shape.height * shape.width * shape.channels;
      std::array<int32_t, kBlock> sums{};
      for (int64_t h = rows.first; h < rows.last; ++h)
        for (int64_t w = columns.first; w < columns.last; ++w) {
          const int64_t at = (startH + h * window.dilationH) * shape.width + startW + w * window.dilationW;
          const uint8_t* from = image + at * shape.channels + channel;
          if (x.dtype == DType::u8)
            addU8(sums.data(), from, count);
          else
            addI8(sums.data(), reinterpret_cast<const int8_t*>(from), count);
        }
      const int64_t inside = (rows.last - rows.first) * (columns.last - columns.first);
      int64_t divisor = inside;
      if (countPadding) {
        const Taps tall = tapsInside(startH, window.height, window.dilationH, shape.height + bottom);
        const Taps wide = tapsInside(startW, window.width, window.dilationW, shape.width + right);
        divisor = tall.last * wide.last;
      }
      const auto bias = static_cast<float>(-inside * x.zero);
      const float factor = x.scale / (y.scale * static_cast<float>(divisor));
      requantize(sums.data(), result + pixel * shape.channels + channel, count,
                 {bias, factor, bounds.low, bounds.high, y.zero});
    }
  });
}

}  // namespace compress::int8
