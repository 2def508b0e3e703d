#include "lib/runtime/cpu/int8/table.h"

#include <immintrin.h>

#include <cmath>

namespace compress::int8 {
namespace {

/// Rows of bytes, each `x + row * xPitch` to `y + row * yPitch`.
struct Rows {
  int64_t xPitch, yPitch, count, bytes;
};

void lookUpPlain(const uint8_t* table, const uint8_t* x, uint8_t* y, const Rows& rows) {
  for (int64_t row = 0; row < rows.count; ++row, x += rows.xPitch, y += rows.yPitch)
    for (int64_t i = 0; i < rows.bytes; ++i) y[i] = table[x[i]];
}

/// Two permutes of 128 entries each, chosen by the top bit: 64 look-ups in a few cycles.
__attribute__((target("avx512f,avx512bw,avx512vbmi"))) void lookUpVbmi(const uint8_t* table, const uint8_t* x,
                                                                       uint8_t* y, const Rows& rows) {
  const __m512i t0 = _mm512_loadu_si512(table), t1 = _mm512_loadu_si512(table + 64);
  const __m512i t2 = _mm512_loadu_si512(table + 128), t3 = _mm512_loadu_si512(table + 192);
  for (int64_t row = 0; row < rows.count; ++row, x += rows.xPitch, y += rows.yPitch)
    for (int64_t i = 0; i < rows.bytes; i += 64) {
      const __mmask64 live = rows.bytes - i >= 64 ? ~__mmask64{0} : (__mmask64{1} << (rows.bytes - i)) - 1;
      const __m512i index = _mm512_maskz_loadu_epi8(live, x + i);
      const __m512i low = _mm512_permutex2var_epi8(t0, index, t1);
      const __m512i high = _mm512_permutex2var_epi8(t2, index, t3);
      _mm512_mask_storeu_epi8(y + i, live, _mm512_mask_blend_epi8(_mm512_movepi8_mask(index), low, high));
    }
}

template <size_t kBytes>
void copyFixed(const uint8_t* x, uint8_t* y, const Rows& rows) {
  for (int64_t row = 0; row < rows.count; ++row) std::memcpy(y + row * rows.yPitch, x + row * rows.xPitch, kBytes);
}

bool hasVbmi() {
  static const bool has = __builtin_cpu_supports("avx512vbmi") && __builtin_cpu_supports("avx512bw");
  return has;
}

/// More than the look-up itself: bytes that another thread wrote come from its cache.
constexpr double kTableNsPerByte = 0.1;

}  // namespace

FloatTable dequantizeTable(const Quantization& x) {
  FloatTable reals;
  for (size_t byte = 0; byte < reals.size(); ++byte) {
    reals[byte] = static_cast<float>(integerOf(static_cast<uint8_t>(byte), x.dtype) - x.zero) * x.scale;
  }
  return reals;
}

ByteTable quantizeTable(const FloatTable& reals, const Quantization& y) {
  ByteTable table;
  const auto low = static_cast<float>(y.lowest() - y.zero), high = static_cast<float>(y.highest() - y.zero);
  for (size_t byte = 0; byte < reals.size(); ++byte)
    table[byte] = static_cast<uint8_t>(roundEven(clampReal(reals[byte] / y.scale, low, high), y.zero));
  return table;
}

ByteTable requantizeTable(const Quantization& x, const Quantization& y) {
  return quantizeTable(dequantizeTable(x), y);
}

bool isIdentity(const ByteTable& table) {
  for (size_t byte = 0; byte < table.size(); ++byte)
    if (table[byte] != byte) return false;
  return true;
}

void applyTable(const ByteTable& table, const uint8_t* x, int64_t xPitch, uint8_t* y, int64_t yPitch, int64_t rows,
                int64_t bytes) {
  (hasVbmi() ? lookUpVbmi : lookUpPlain)(table.data(), x, y, {xPitch, yPitch, rows, bytes});
}

void applyTable(const ByteTable& table, const uint8_t* x, uint8_t* y, int64_t count) {
  applyTable(table, x, 0, y, 0, 1, count);
}

void copyRows(const uint8_t* x, int64_t xPitch, uint8_t* y, int64_t yPitch, int64_t rows, int64_t bytes) {
  const Rows all{xPitch, yPitch, rows, bytes};
  switch (bytes) {
    case 16:
      return copyFixed<16>(x, y, all);
    case 32:
      return copyFixed<32>(x, y, all);
    case 64:
      return copyFixed<64>(x, y, all);
    case 128:
      return copyFixed<128>(x, y, all);
    default:
      break;
  }
  for (int64_t row = 0; row < rows; ++row) std::memcpy(y + row * yPitch, x + row * xPitch, static_cast<size_t>(bytes));
}

void applyTable(const ByteTable& table, const uint8_t* x, uint8_t* y, const Grid& grid) {
  forEachRow(grid, y, kTableNsPerByte,
             [&](int64_t offset, uint8_t* to, int64_t bytes) { applyTable(table, x + offset, to, bytes); });
}

void copyRows(const uint8_t* x, uint8_t* y, const Grid& grid) {
  forEachRow(grid, y, kTableNsPerByte, [&](int64_t offset, uint8_t* to, int64_t bytes) {
    std::memcpy(to, x + offset, static_cast<size_t>(bytes));
  });
}

}  // namespace compress::int8
