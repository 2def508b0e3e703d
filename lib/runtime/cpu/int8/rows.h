// Spreading a byte kernel over rows and threads. A quantized activation is [N, H, W, C]; its buffer may carry a border
// that holds the zero point, so that a Conv which pads reads real zeros without padding itself.
#pragma once
#include <omp.h>

#include <algorithm>
#include <cstdint>
#include <cstring>

namespace compress::int8 {

/// Rows and bytes added around each image.
struct Border {
  int64_t top = 0, left = 0, bottom = 0, right = 0;
  bool empty() const { return top == 0 && left == 0 && bottom == 0 && right == 0; }
  bool operator==(const Border&) const = default;
};

/// A destination of `images` x `rows` rows of `rowBytes` bytes each, with a border around each image. Without a border
/// the whole is one run of bytes.
struct Grid {
  int64_t images = 1;
  int64_t rows = 1;
  int64_t rowBytes = 0;
  int64_t top = 0, bottom = 0;  ///< rows
  int64_t leftBytes = 0, rightBytes = 0;
  uint8_t fill = 0;  ///< what the border holds

  bool bordered() const { return top + bottom + leftBytes + rightBytes > 0; }
  int64_t pitch() const { return leftBytes + rowBytes + rightBytes; }
  int64_t contentBytes() const { return images * rows * rowBytes; }
  int64_t totalBytes() const { return images * (top + rows + bottom) * pitch(); }
};

/// Threads worth waking for `work` nanoseconds of one-thread time: waking and waiting costs about as much as 3 us of
/// work.
inline int threadsFor(double work) {
  constexpr double kGrainNs = 3000;
  if (work < 2 * kGrainNs || omp_in_parallel()) return 1;
  return std::min(omp_get_max_threads(), static_cast<int>(std::min(1e6, work / kGrainNs)));
}

/// body(begin, end) for parts of [0, count) on up to `threads` threads; parts are multiples of `multiple` but for the
/// last.
template <typename Body>
void splitRange(int64_t count, int64_t multiple, int threads, const Body& body) {
  const int64_t units = (count + multiple - 1) / multiple;
  const int64_t parts = std::min<int64_t>(threads, units);
  if (parts <= 1) {
    if (count > 0) body(int64_t{0}, count);
    return;
  }
#pragma omp parallel for num_threads(static_cast <int>(parts)) schedule(static)
  for (int64_t part = 0; part < parts; ++part)
    body(part * units / parts * multiple, std::min(count, (part + 1) * units / parts * multiple));
}

/// body(offset, to, bytes): fills `bytes` bytes at `to`, the content that starts at byte `offset` of the dense tensor.
/// Writes the border too. `nsPerByte` is the one-thread cost of the body.
template <typename Body>
void forEachRow(const Grid& grid, uint8_t* y, double nsPerByte, const Body& body) {
  const int threads = threadsFor(nsPerByte * static_cast<double>(grid.contentBytes()));
  if (!grid.bordered()) {
    splitRange(grid.contentBytes(), 64, threads,
               [&](int64_t begin, int64_t end) { body(begin, y + begin, end - begin); });
    return;
  }
  const int64_t tall = grid.top + grid.rows + grid.bottom;
  splitRange(grid.images * tall, 1, threads, [&](int64_t begin, int64_t end) {
    for (int64_t line = begin; line < end; ++line) {
      uint8_t* to = y + line * grid.pitch();
      const int64_t row = line % tall - grid.top;
      if (row < 0 || row >= grid.rows) {
        std::memset(to, grid.fill, static_cast<size_t>(grid.pitch()));
        continue;
      }
      std::memset(to, grid.fill, static_cast<size_t>(grid.leftBytes));
      body((line / tall * grid.rows + row) * grid.rowBytes, to + grid.leftBytes, grid.rowBytes);
      std::memset(to + grid.leftBytes + grid.rowBytes, grid.fill, static_cast<size_t>(grid.rightBytes));
    }
  });
}

}  // namespace compress::int8
