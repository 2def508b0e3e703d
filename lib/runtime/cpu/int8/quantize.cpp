#include "lib/runtime/cpu/int8/quantize.h"

#include <algorithm>
#include <array>

#include "lib/base/error.h"
#include "lib/base/text.h"

namespace compress::int8 {
namespace {

struct Limits {
  float scale, reciprocal, low, high;
  int32_t zero;
};

Limits limitsOf(const Quantization& q) {
  return {q.scale, 1 / q.scale, static_cast<float>(q.lowest() - q.zero), static_cast<float>(q.highest() - q.zero),
          q.zero};
}

[[gnu::always_inline]] inline int32_t stepByDivision(float x, const Limits& to) {
  return roundEven(clampReal(x / to.scale, to.low, to.high), to.zero);
}

/// The same number: one correction by fused multiply-adds makes the product with the reciprocal the correctly rounded
/// quotient (Markstein 1990). Beyond the range only the sign matters, hence the first clamp.
[[gnu::always_inline]] inline int32_t stepByProduct(float x, const Limits& to) {
  const float close = clampReal(x * to.reciprocal, -1024, 1024);
  const float quotient = __builtin_fmaf(__builtin_fmaf(-close, to.scale, x), to.reciprocal, close);
  return roundEven(clampReal(quotient, to.low, to.high), to.zero);
}

template <bool kFused>
[[gnu::always_inline]] inline void quantizeLoop(const float* x, uint8_t* y, int64_t count, const Limits& to) {
  const Limits local = to;
  for (int64_t i = 0; i < count; ++i)
    y[i] = static_cast<uint8_t>(kFused ? stepByProduct(x[i], local) : stepByDivision(x[i], local));
}

void spanPlain(const float* x, uint8_t* y, int64_t count, const Limits& to) {
  quantizeLoop<false>(x, y, count, to);
}
__attribute__((target("arch=x86-64-v3"))) void spanAvx2(const float* x, uint8_t* y, int64_t count, const Limits& to) {
  quantizeLoop<true>(x, y, count, to);
}
__attribute__((target("arch=x86-64-v4"))) void spanAvx512(const float* x, uint8_t* y, int64_t count, const Limits& to) {
  quantizeLoop<true>(x, y, count, to);
}

void quantizeSpan(const float* x, uint8_t* y, int64_t count, const Limits& to) {
  using Span = void (*)(const float*, uint8_t*, int64_t, const Limits&);
  static const Span best = __builtin_cpu_supports("x86-64-v4")   ? spanAvx512
                           : __builtin_cpu_supports("x86-64-v3") ? spanAvx2
                                                                 : spanPlain;
  best(x, y, count, to);
}

COMPRESS_VECTOR_CLONES void dequantizeU8(const uint8_t* x, int64_t stride, float* y, int64_t count, float scale,
                                         int32_t zero) {
  if (stride == 1)
    for (int64_t i = 0; i < count; ++i) y[i] = static_cast<float>(int32_t{x[i]} - zero) * scale;
  else
    for (int64_t i = 0; i < count; ++i) y[i] = static_cast<float>(int32_t{x[i * stride]} - zero) * scale;
}
COMPRESS_VECTOR_CLONES void dequantizeI8(const int8_t* x, int64_t stride, float* y, int64_t count, float scale,
                                         int32_t zero) {
  for (int64_t i = 0; i < count; ++i) y[i] = static_cast<float>(int32_t{x[i * stride]} - zero) * scale;
}

void dequantizeSpan(const Quantization& from, const uint8_t* x, int64_t stride, float* y, int64_t count) {
  if (from.dtype == DType::u8)
    dequantizeU8(x, stride, y, count, from.scale, from.zero);
  else
    dequantizeI8(reinterpret_cast<const int8_t*>(x), stride, y, count, from.scale, from.zero);
}

/// Four channels of `count` pixels, each `stride` bytes apart.
struct Quad {
  const uint8_t *a, *b, *c, *d;
};

template <int64_t kStride>
[[gnu::always_inline]] inline void joinStrided(const Quad& from, int64_t stride, uint32_t* pixels, int64_t count) {
  const int64_t step = kStride > 0 ? kStride : stride;
  for (int64_t i = 0; i < count; ++i)
    pixels[i] = from.a[i * step] | static_cast<uint32_t>(from.b[i * step]) << 8 |
                static_cast<uint32_t>(from.c[i * step]) << 16 | static_cast<uint32_t>(from.d[i * step]) << 24;
}

COMPRESS_VECTOR_CLONES void join(const Quad& from, int64_t stride, uint32_t* pixels, int64_t count) {
  if (stride == 1)
    joinStrided<1>(from, 1, pixels, count);
  else if (stride == 2)
    joinStrided<2>(from, 2, pixels, count);
  else
    joinStrided<0>(from, stride, pixels, count);
}

/// The first `channels` bytes of each word to pixels of `pitch` bytes. Where the next pixel follows at once, whole
/// words are written: what is too much is overwritten, but for the last pixel. (One channel would write beyond the
/// pixel after next.)
void storePixels(const uint32_t* pixels, int64_t channels, uint8_t* y, int64_t pitch, int64_t count) {
  const int64_t whole = channels == 4 ? count : channels > 1 && pitch == channels ? count - 1 : 0;
  for (int64_t i = 0; i < whole; ++i) std::memcpy(y + i * pitch, pixels + i, 4);
  for (int64_t i = whole; i < count; ++i) std::memcpy(y + i * pitch, pixels + i, static_cast<size_t>(channels));
}

constexpr int64_t kBufferBytes = 16384;
constexpr int64_t kTilePixels = 256;

}  // namespace

void quantize(const Quantization& to, const float* x, uint8_t* y, int64_t count) {
  constexpr double kNsPerElement = 0.25;
  const Limits limits = limitsOf(to);
  splitRange(count, 64, threadsFor(kNsPerElement * static_cast<double>(count)),
             [&](int64_t begin, int64_t end) { quantizeSpan(x + begin, y + begin, end - begin, limits); });
}

void dequantize(const Quantization& from, const uint8_t* x, float* y, int64_t count) {
  constexpr double kNsPerElement = 0.3;
  splitRange(count, 64, threadsFor(kNsPerElement * static_cast<double>(count)),
             [&](int64_t begin, int64_t end) { dequantizeSpan(from, x + begin, 1, y + begin, end - begin); });
}

ChannelSource plainSource(const ImageShape& shape) {
  const int64_t pixels = shape.height * shape.width;
  ChannelSource source{shape.channels * pixels, shape.width, 1, {}};
  for (int64_t c = 0; c < shape.channels; ++c) source.offsets.push_back(c * pixels);
  return source;
}

ChannelsLastQuantizer::ChannelsLastQuantizer(const Quantization& to, const ImageShape& shape,
                                             const ChannelSource& source, const Border& border)
    : to_(to), shape_(shape), image_(source.image), row_(source.row), column_(source.column), border_(border) {
  for (const int64_t offset : source.offsets) {
    const auto line = std::ranges::find_if(
        lines_, [&](const Line& known) { return offset >= known.offset && offset - known.offset < column_; });
    channels_.push_back({static_cast<size_t>(line - lines_.begin()), line == lines_.end() ? 0 : offset - line->offset});
    if (line == lines_.end())
      lines_.push_back({offset, 0});
    else
      line->last = std::max(line->last, channels_.back().phase);
  }
  tile_ = std::clamp<int64_t>(kBufferBytes / (static_cast<int64_t>(lines_.size()) * column_), 1, kTilePixels);
  if (static_cast<int64_t>(lines_.size()) * column_ > kBufferBytes)
    throw Error(ErrorKind::unsupported, text("quantizing ", lines_.size(), " channels ", column_, " apart"));
}

void ChannelsLastQuantizer::runRow(const float* x, uint8_t* y) const {
  const Limits to = limitsOf(to_);
  if (channels_.size() == 1 && column_ == 1) return quantizeSpan(x + lines_[0].offset, y, shape_.width, to);
  std::array<uint8_t, kBufferBytes> buffer;
  std::array<uint32_t, kTilePixels> pixels;
  const int64_t pitch = tile_ * column_;
  for (int64_t begin = 0; begin < shape_.width; begin += tile_) {
    const int64_t count = std::min(tile_, shape_.width - begin);
    for (size_t i = 0; i < lines_.size(); ++i)
      quantizeSpan(x + lines_[i].offset + begin * column_, buffer.data() + static_cast<int64_t>(i) * pitch,
                   (count - 1) * column_ + lines_[i].last + 1, to);
    const auto at = [&](size_t channel) {
      const Channel& c = channels_[std::min(channel, channels_.size() - 1)];
      return buffer.data() + static_cast<int64_t>(c.line) * pitch + c.phase;
    };
    for (size_t first = 0; first < channels_.size(); first += 4) {
      join({at(first), at(first + 1), at(first + 2), at(first + 3)}, column_, pixels.data(), count);
      storePixels(pixels.data(), std::min<int64_t>(4, static_cast<int64_t>(channels_.size() - first)),
                  y + begin * shape_.channels + static_cast<int64_t>(first), shape_.channels, count);
    }
  }
}

void ChannelsLastQuantizer::run(const float* x, uint8_t* y) const {
  constexpr double kNsPerByte = 0.4;
  const Grid grid = gridOf(shape_, border_, static_cast<uint8_t>(to_.zero));
  const int64_t tall = grid.top + shape_.height + grid.bottom, pitch = grid.pitch();
  const int threads = threadsFor(kNsPerByte * static_cast<double>(grid.contentBytes()));
  splitRange(shape_.images * tall, 1, threads, [&](int64_t begin, int64_t end) {
    for (int64_t line = begin; line < end; ++line) {
      uint8_t* into = y + line * pitch;
      const int64_t image = line / tall, row = line % tall - grid.top;
      if (row < 0 || row >= shape_.height) {
        std::memset(into, grid.fill, static_cast<size_t>(pitch));
        continue;
      }
      runRow(x + image * image_ + row * row_, into + grid.leftBytes);
      std::memset(into, grid.fill, static_cast<size_t>(grid.leftBytes));
      std::memset(into + grid.leftBytes + grid.rowBytes, grid.fill, static_cast<size_t>(grid.rightBytes));
    }
  });
}

void dequantizeToChannelsFirst(const Quantization& from, const ImageShape& shape, const uint8_t* x, float* y) {
  constexpr double kNsPerElement = 0.8;
  const int64_t pixels = shape.height * shape.width, rows = shape.images * shape.channels;
  splitRange(rows, 1, threadsFor(kNsPerElement * static_cast<double>(shape.elementCount())),
             [&](int64_t begin, int64_t end) {
               for (int64_t row = begin; row < end; ++row) {
                 const uint8_t* source = x + row / shape.channels * pixels * shape.channels + row % shape.channels;
                 dequantizeSpan(from, source, shape.channels, y + row * pixels, pixels);
               }
             });
}

Grid gridOf(const ImageShape& shape, const Border& border, uint8_t fill) {
  Grid grid;
  grid.images = shape.images;
  grid.rows = shape.height;
  grid.rowBytes = shape.width * shape.channels;
  grid.top = border.top;
  grid.bottom = border.bottom;
  grid.leftBytes = border.left * shape.channels;
  grid.rightBytes = border.right * shape.channels;
  grid.fill = fill;
  return grid;
}

}  // namespace compress::int8
