// Vector loops between bf16 and f32.
#pragma once
#include <cstdint>

namespace compress {

void widenBf16(const uint16_t* from, float* to, int64_t count);
/// Nearest, ties to even; NaN stays NaN.
void narrowToBf16(const float* from, uint16_t* to, int64_t count);

}  // namespace compress
