#include "lib/runtime/cpu/int8/quantize.h"

#include <array>

#include "lib/runtime/cpu/int8/table.h"

namespace compress::int8 {
namespace {

struct Limits {
  float scale, low, high;
  int32_t zero;
};

Limits limitsOf(const Quantization& q) {
  return {q.scale, static_cast<float>(q.lowest() - q.zero), static_cast<float>(q.highest() - q.zero), q.zero};
}

[[gnu::always_inline]] inline int32_t step(float x, const Limits& to) {
  return roundEven(clampReal(x / to.scale, to.low, to.high)) + to.zero;
}

COMPRESS_VECTOR_CLONES void quantizeSpan(const float* x, uint8_t* y, int64_t count, const Limits& to) {
  const Limits local = to;
  for (int64_t i = 0; i < count; ++i) y[i] = static_cast<uint8_t>(step(x[i], local));
}

COMPRESS_VECTOR_CLONES void quantizeStrided(const float* x, int64_t stride, uint8_t* y, int64_t count, const Limits& to) {
  const Limits local = to;
  for (int64_t i = 0; i < count; ++i) y[i] = static_cast<uint8_t>(step(x[i * stride], local));
}

/// Interleaves `channels` rows of `kTile` bytes each into pixels of `pitch` bytes.
constexpr int64_t kTile = 256;
using Tile = std::array<std::array<uint8_t, kTile>, 4>;

COMPRESS_VECTOR_CLONES void joinFour(const Tile& tile, uint32_t* pixels) {
  for (size_t i = 0; i < kTile; ++i)
    pixels[i] = tile[0][i] | static_cast<uint32_t>(tile[1][i]) << 8 | static_cast<uint32_t>(tile[2][i]) << 16 |
                static_cast<uint32_t>(tile[3][i]) << 24;
}

void interleave(const Tile& tile, int64_t channels, uint8_t* y, int64_t pitch, int64_t count) {
  std::array<uint32_t, kTile> pixels;
  joinFour(tile, pixels.data());
  const auto wide = static_cast<size_t>(channels);
  // Full words overlap the next pixel, which is written after them; the last pixel must not.
  const int64_t whole = pitch == channels ? count - 1 : 0;
  for (int64_t i = 0; i < whole; ++i) std::memcpy(y + i * pitch, &pixels[static_cast<size_t>(i)], 4);
  if (channels == 4)
    for (int64_t i = whole; i < count; ++i) std::memcpy(y + i * pitch, &pixels[static_cast<size_t>(i)], 4);
  else
    for (int64_t i = whole; i < count; ++i) std::memcpy(y + i * pitch, &pixels[static_cast<size_t>(i)], wide);
}

/// `count` pixels of one row, all channels.
void quantizeRow(const Limits& to, const ImageShape& shape, const ChannelSource& source, const float* x, uint8_t* y) {
  if (shape.channels == 1) {
    const float* row = x + source.channelOffset[0];
    if (source.columnStride == 1)
      quantizeSpan(row, y, shape.width, to);
    else
      quantizeStrided(row, source.columnStride, y, shape.width, to);
    return;
  }
  Tile tile{};
  for (int64_t first = 0; first < shape.channels; first += 4) {
    const int64_t channels = std::min<int64_t>(4, shape.channels - first);
    for (int64_t begin = 0; begin < shape.width; begin += kTile) {
      const int64_t count = std::min(kTile, shape.width - begin);
      for (int64_t c = 0; c < channels; ++c) {
        const float* from = x + source.channelOffset[first + c] + begin * source.columnStride;
        uint8_t* into = tile[static_cast<size_t>(c)].data();
        if (source.columnStride == 1)
          quantizeSpan(from, into, count, to);
        else
          quantizeStrided(from, source.columnStride, into, count, to);
      }
      interleave(tile, channels, y + begin * shape.channels + first, shape.channels, count);
    }
  }
}

}  // namespace

void quantize(const Quantization& to, const float* x, uint8_t* y, int64_t count) {
  constexpr double kNsPerElement = 0.35;
  const Limits limits = limitsOf(to);
  splitRange(count, 64, threadsFor(kNsPerElement * static_cast<double>(count)),
             [&](int64_t begin, int64_t end) { quantizeSpan(x + begin, y + begin, end - begin, limits); });
}

void dequantize(const Quantization& from, const uint8_t* x, float* y, int64_t count) {
  applyTable(dequantizeTable(from), x, y, count);
}

void quantizeToChannelsLast(const Quantization& to, const ImageShape& shape, const ChannelSource& source, const float* x,
                            uint8_t* y, const Border& border) {
  constexpr double kNsPerByte = 0.6;
  const Limits limits = limitsOf(to);
  Grid grid = gridOf(shape, border, static_cast<uint8_t>(to.zero));
  const int64_t rowBytes = grid.rowBytes;
  const int threads = threadsFor(kNsPerByte * static_cast<double>(grid.contentBytes()));
  const int64_t tall = grid.top + shape.height + grid.bottom, pitch = grid.pitch();
  splitRange(shape.images * tall, 1, threads, [&](int64_t begin, int64_t end) {
    for (int64_t line = begin; line < end; ++line) {
      uint8_t* into = y + line * pitch;
      const int64_t image = line / tall, row = line % tall - grid.top;
      if (row < 0 || row >= shape.height) {
        std::memset(into, grid.fill, static_cast<size_t>(pitch));
        continue;
      }
      quantizeRow(limits, shape, source, x + image * source.imageStride + row * source.rowStride, into + grid.leftBytes);
      std::memset(into, grid.fill, static_cast<size_t>(grid.leftBytes));
      std::memset(into + grid.leftBytes + rowBytes, grid.fill, static_cast<size_t>(grid.rightBytes));
    }
  });
}

void dequantizeToChannelsFirst(const Quantization& from, const ImageShape& shape, const uint8_t* x, float* y) {
  constexpr double kNsPerElement = 0.8;
  const FloatTable table = dequantizeTable(from);
  const int64_t pixels = shape.height * shape.width, rows = shape.images * shape.channels;
  splitRange(rows, 1, threadsFor(kNsPerElement * static_cast<double>(shape.elementCount())), [&](int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; ++row) {
      const uint8_t* source = x + row / shape.channels * pixels * shape.channels + row % shape.channels;
      float* into = y + row * pixels;
      for (int64_t i = 0; i < pixels; ++i) into[i] = table[source[i * shape.channels]];
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
