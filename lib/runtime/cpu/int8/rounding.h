// The arithmetic that all quantized kernels share: rounding and saturation.
#pragma once
#include <algorithm>
#include <bit>
#include <cstdint>

#include "lib/runtime/plan/int8/quantization.h"

/// The function is compiled for AVX-512, AVX2 and the baseline; the loader picks one. Loops in it are plain C++.
#define COMPRESS_VECTOR_CLONES __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))

namespace compress::int8 {

/// Nearest integer, ties to even, of `real` within +-2^22, plus `zero`.
inline int32_t roundEven(float real, int32_t zero = 0) {
  constexpr float kMagic = 12582912.0F;  // 1.5 * 2^23: its last mantissa bit is worth 1
  return std::bit_cast<int32_t>(real + kMagic) - (std::bit_cast<int32_t>(kMagic) - zero);
}

/// NaN becomes `low`.
inline float clampReal(float value, float low, float high) {
  const float above = value > low ? value : low;
  return above < high ? above : high;
}

/// The integer that a byte of u8 or i8 stores.
inline int32_t integerOf(uint8_t byte, DType dtype) {
  return dtype == DType::u8 ? int32_t{byte} : static_cast<int8_t>(byte);
}

/// Bounds of a step before its zero point is added.
struct Steps {
  float low, high;
};
/// Where `y` saturates, and real numbers are bounded by `low` and `high`.
inline Steps stepsWithin(const Quantization& y, float low, float high) {
  const auto lowest = static_cast<float>(y.lowest() - y.zero), highest = static_cast<float>(y.highest() - y.zero);
  return {std::clamp(low / y.scale, lowest, highest), std::clamp(high / y.scale, lowest, highest)};
}

/// From integer sums to steps: (sum + bias) * factor, rounded, plus `zero`; `low` and `high` bound what is rounded.
struct Requantization {
  float bias, factor, low, high;
  int32_t zero;
};
void requantize(const int32_t* sums, uint8_t* y, int64_t count, const Requantization& to);

}  // namespace compress::int8
