#include "lib/runtime/cpu/int8/rounding.h"

namespace compress::int8 {

COMPRESS_VECTOR_CLONES void requantize(const int32_t* sums, uint8_t* y, int64_t count, const Requantization& to) {
  const Requantization r = to;
  for (int64_t i = 0; i < count; ++i) {
    const float real = (static_cast<float>(sums[i]) + r.bias) * r.factor;
    y[i] = static_cast<uint8_t>(roundEven(clampReal(real, r.low, r.high), r.zero));
  }
}

}  // namespace compress::int8
