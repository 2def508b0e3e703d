// bf16 and f32: plain loops that the compiler turns into vectors.
#pragma once
#include <bit>
#include <cstdint>

namespace compress {

inline void widenBf16(const uint16_t* from, float* to, int64_t count) {
  for (int64_t i = 0; i < count; ++i) to[i] = std::bit_cast<float>(static_cast<uint32_t>(from[i]) << 16);
}

/// Nearest, ties to even; NaN stays NaN.
inline void narrowToBf16(const float* from, uint16_t* to, int64_t count) {
  for (int64_t i = 0; i < count; ++i) {
    const uint32_t bits = std::bit_cast<uint32_t>(from[i]);
    const uint32_t rounded = bits + 0x7FFFU + ((bits >> 16) & 1U);
    const bool isNan = (bits & 0x7FFFFFFFU) > 0x7F800000U;
    to[i] = static_cast<uint16_t>((isNan ? bits | 0x400000U : rounded) >> 16);
  }
}

}  // namespace compress
