// How a tensor is quantized: real = scale * (q - zeroPoint). Target-free; passes lower it to a target.
#pragma once
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "lib/ir/dtype.h"

namespace compress {

struct Encoding {
  DType dtype = DType::u8;
  std::vector<float> scales;        ///< one, or one per channel; each > 0 and finite
  std::vector<int32_t> zeroPoints;  ///< as many as scales
  std::optional<int64_t> axis;      ///< of the channels; nothing: per tensor
  bool operator==(const Encoding&) const = default;
};

struct Range {
  float min = 0, max = 0;
};

/// Per-tensor encoding of an activation: the range is widened to hold 0, the zero point is an integer of the type
/// (docs/quantization.md Q7).
Encoding encodeRange(Range range, DType dtype, bool symmetric);

/// Nearest step to a finite `real`, ties to even, saturating to the type's limits; x / scale in float.
int32_t quantize(float real, float scale, int32_t zeroPoint, DType dtype);

}  // namespace compress
