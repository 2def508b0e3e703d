#include "lib/runtime/cpu/int8/dynamic.h"

#include <algorithm>
#include <cmath>

namespace compress::int8 {
namespace {

struct Range {
  float low = 0, high = 0;
};

COMPRESS_VECTOR_CLONES void widen(Range& range, const float* x, int64_t count) {
  float low = range.low, high = range.high;
  for (int64_t i = 0; i < count; ++i) {
    low = x[i] < low ? x[i] : low;
    high = x[i] > high ? x[i] : high;
  }
  range = {low, high};
}

/// Wraps, as 32-bit sums do.
inline int32_t lessZero(int32_t sum, int32_t zero, int32_t weightSum) {
  return static_cast<int32_t>(static_cast<uint32_t>(sum) -
                              static_cast<uint32_t>(zero) * static_cast<uint32_t>(weightSum));
}

/// What all rows share.
struct Terms {
  const int32_t* weightSums;
  const float *scales, *bias;
  int32_t zero;
};

COMPRESS_VECTOR_CLONES void toSums(int32_t* sums, const Terms& terms, int64_t channels) {
  const Terms t = terms;
  for (int64_t c = 0; c < channels; ++c) sums[c] = lessZero(sums[c], t.zero, t.weightSums[c]);
}

template <bool kPerChannel>
[[gnu::always_inline]] inline void scaleLoop(int32_t* sums, const Terms& terms, int64_t channels) {
  const Terms t = terms;
  const float common = t.scales[0];
  for (int64_t c = 0; c < channels; ++c) {
    const float real = static_cast<float>(lessZero(sums[c], t.zero, t.weightSums[c]));
    sums[c] = std::bit_cast<int32_t>(real * (kPerChannel ? t.scales[c] : common) + t.bias[c]);
  }
}
COMPRESS_VECTOR_CLONES void toReals(int32_t* sums, const Terms& terms, int64_t channels) {
  scaleLoop<false>(sums, terms, channels);
}
COMPRESS_VECTOR_CLONES void toRealsPerChannel(int32_t* sums, const Terms& terms, int64_t channels) {
  scaleLoop<true>(sums, terms, channels);
}

}  // namespace

Quantization rangeQuantization(const float* x, int64_t count) {
  constexpr double kNsPerElement = 0.1;
  Range all;
  splitRange(count, 64, threadsFor(kNsPerElement * static_cast<double>(count)), [&](int64_t begin, int64_t end) {
    Range part;
    widen(part, x + begin, end - begin);
#pragma omp critical(compress_int8_range)
    all = {std::min(all.low, part.low), std::max(all.high, part.high)};
  });
  const float scale = all.high == all.low ? 1.0F : (all.high - all.low) / 255.0F;
  return {scale, static_cast<int32_t>(std::clamp(std::nearbyint(-all.low / scale), 0.0F, 255.0F)), DType::u8};
}

void SumScaling::run(std::byte* sums, int64_t rows, int32_t zero, const float* scales) const {
  constexpr double kNsPerElement = 0.15;
  const auto channels = static_cast<int64_t>(weightSums.size());
  const Terms terms{weightSums.data(), scales, bias.data(), zero};
  const auto finish = scaleCount == 0 ? toSums : scaleCount == 1 ? toReals : toRealsPerChannel;
  splitRange(rows, 1, threadsFor(kNsPerElement * static_cast<double>(rows * channels)),
             [&](int64_t begin, int64_t end) {
               for (int64_t row = begin; row < end; ++row)
                 finish(reinterpret_cast<int32_t*>(sums) + row * channels, terms, channels);
             });
}

}  // namespace compress::int8
