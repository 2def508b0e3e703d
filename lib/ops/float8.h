// Floats of 8 and 4 bits, as bits: they are stored only, arithmetic happens in float.
#pragma once
#include <cstdint>

#include "lib/ir/dtype.h"

namespace compress {

/// The value of `bits` in one of the 8-bit float types or float4e2m1.
float decodeSmallFloat(uint8_t bits, DType dtype);
/// Nearest, ties to even. Beyond the largest finite value: that value when `saturate`, else infinity or NaN as the type
/// has it.
uint8_t encodeSmallFloat(float value, DType dtype, bool saturate);

}  // namespace compress
