#include "lib/runtime/cpu/int8/table.h"

#include <immintrin.h>

#include <cmath>

namespace compress::int8 {
namespace {

void lookUpPlain(const uint8_t* table, const uint8_t* x, uint8_t* y, int64_t count) {
  for (int64_t i = 0; i < count; ++i) y[i] = table[x[i]];
}

/// Two permutes of 128 entries each, chosen by the top bit: 64 look-ups in a few cycles.
__attribute__((target("avx512f,avx512bw,avx512vbmi"))) void lookUpVbmi(const uint8_t* table, const uint8_t* x, uint8_t* y,
                                                                       int64_t count) {
  const __m512i t0 = _mm512_loadu_si512(table), t1 = _mm512_loadu_si512(table + 64);
  const __m512i t2 = _mm512_loadu_si512(table + 128), t3 = _mm512_loadu_si512(table + 192);
  for (int64_t i = 0; i < count; i += 64) {
    const __mmask64 live = count - i >= 64 ? ~__mmask64{0} : (__mmask64{1} << (count - i)) - 1;
    const __m512i index = _mm512_maskz_loadu_epi8(live, x + i);
    const __m512i low = _mm512_permutex2var_epi8(t0, index, t1);
    const __m512i high = _mm512_permutex2var_epi8(t2, index, t3);
    _mm512_mask_storeu_epi8(y + i, live, _mm512_mask_blend_epi8(_mm512_movepi8_mask(index), low, high));
  }
}

bool hasVbmi() {
  static const bool has = __builtin_cpu_supports("avx512vbmi") && __builtin_cpu_supports("avx512bw");
  return has;
}

constexpr double kTableNsPerByte = 0.03;

}  // namespace

FloatTable dequantizeTable(const Quantization& x) {
  FloatTable reals;
  for (size_t byte = 0; byte < reals.size(); ++byte) {
    const int32_t q = x.dtype == DType::u8 ? static_cast<int32_t>(byte) : static_cast<int8_t>(byte);
    reals[byte] = static_cast<float>(q - x.zero) * x.scale;
  }
  return reals;
}

ByteTable quantizeTable(const FloatTable& reals, const Quantization& y) {
  ByteTable table;
  const auto low = static_cast<float>(y.lowest() - y.zero), high = static_cast<float>(y.highest() - y.zero);
  for (size_t byte = 0; byte < reals.size(); ++byte)
    table[byte] = static_cast<uint8_t>(roundEven(clampReal(reals[byte] / y.scale, low, high)) + y.zero);
  return table;
}

ByteTable requantizeTable(const Quantization& x, const Quantization& y) { return quantizeTable(dequantizeTable(x), y); }

bool isIdentity(const ByteTable& table) {
  for (size_t byte = 0; byte < table.size(); ++byte)
    if (table[byte] != byte) return false;
  return true;
}

void applyTable(const ByteTable& table, const uint8_t* x, uint8_t* y, int64_t count) {
  if (hasVbmi())
    lookUpVbmi(table.data(), x, y, count);
  else
    lookUpPlain(table.data(), x, y, count);
}

void applyTable(const ByteTable& table, const uint8_t* x, uint8_t* y, const Grid& grid) {
  forEachRow(grid, y, kTableNsPerByte,
             [&](int64_t offset, uint8_t* to, int64_t bytes) { applyTable(table, x + offset, to, bytes); });
}

void applyTable(const FloatTable& table, const uint8_t* x, float* y, int64_t count) {
  constexpr double kNsPerElement = 0.4;
  splitRange(count, 64, threadsFor(kNsPerElement * static_cast<double>(count)), [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) y[i] = table[x[i]];
  });
}

void copyRows(const uint8_t* x, uint8_t* y, const Grid& grid) {
  forEachRow(grid, y, kTableNsPerByte, [&](int64_t offset, uint8_t* to, int64_t bytes) {
    std::memcpy(to, x + offset, static_cast<size_t>(bytes));
  });
}

}  // namespace compress::int8
