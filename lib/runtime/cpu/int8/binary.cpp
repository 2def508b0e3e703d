#include "lib/runtime/cpu/int8/binary.h"

#include <algorithm>

namespace compress::int8 {
namespace {

/// y = round(clamp((a - za) * ka + (b - zb) * kb)) + zy or round(clamp((a - za) * (b - zb) * ka)) + zy, where `low` and
/// `high` bound the step before zy. Zero points are subtracted as integers: folded into one f32 offset, they would move
/// what lies near a tie.
struct Factors {
  float ka, kb, low, high;
  int32_t za, zb, zy;
};

template <typename T>
[[gnu::always_inline]] inline void sum(const T* a, const T* b, uint8_t* y, int64_t count, const Factors& factors) {
  const Factors f = factors;
  for (int64_t i = 0; i < count; ++i) {
    const float value = static_cast<float>(a[i] - f.za) * f.ka + static_cast<float>(b[i] - f.zb) * f.kb;
    y[i] = static_cast<uint8_t>(roundEven(clampReal(value, f.low, f.high), f.zy));
  }
}

template <typename T>
[[gnu::always_inline]] inline void product(const T* a, const T* b, uint8_t* y, int64_t count, const Factors& factors) {
  const Factors f = factors;
  for (int64_t i = 0; i < count; ++i) {
    const float value = static_cast<float>((a[i] - f.za) * (b[i] - f.zb)) * f.ka;
    y[i] = static_cast<uint8_t>(roundEven(clampReal(value, f.low, f.high), f.zy));
  }
}

COMPRESS_VECTOR_CLONES void sumU8(const uint8_t* a, const uint8_t* b, uint8_t* y, int64_t count, const Factors& f) {
  sum(a, b, y, count, f);
}
COMPRESS_VECTOR_CLONES void sumI8(const int8_t* a, const int8_t* b, uint8_t* y, int64_t count, const Factors& f) {
  sum(a, b, y, count, f);
}
COMPRESS_VECTOR_CLONES void productU8(const uint8_t* a, const uint8_t* b, uint8_t* y, int64_t count, const Factors& f) {
  product(a, b, y, count, f);
}
COMPRESS_VECTOR_CLONES void productI8(const int8_t* a, const int8_t* b, uint8_t* y, int64_t count, const Factors& f) {
  product(a, b, y, count, f);
}

/// In f32, operation by operation, as other runtimes do: results near ties then agree with theirs.
Factors factorsOf(const Binary& binary) {
  const Quantization &a = binary.a, &b = binary.b, &y = binary.y;
  Factors f{};
  f.za = a.zero;
  f.zb = b.zero;
  f.zy = y.zero;
  f.ka = binary.op == BinaryOp::mul ? a.scale * b.scale / y.scale : a.scale / y.scale;
  f.kb = (binary.op == BinaryOp::sub ? -b.scale : b.scale) / y.scale;
  const Steps bounds = stepsWithin(y, binary.low, binary.high);
  f.low = bounds.low;
  f.high = bounds.high;
  return f;
}

void runSpan(const Binary& binary, const uint8_t* a, const uint8_t* b, uint8_t* y, int64_t count, const Factors& f) {
  const bool isProduct = binary.op == BinaryOp::mul;
  if (binary.a.dtype == DType::u8)
    (isProduct ? productU8 : sumU8)(a, b, y, count, f);
  else
    (isProduct ? productI8 : sumI8)(reinterpret_cast<const int8_t*>(a), reinterpret_cast<const int8_t*>(b), y, count,
                                    f);
}

}  // namespace

void Binary::run(const uint8_t* pa, const uint8_t* pb, uint8_t* py, const Grid& grid) const {
  constexpr double kNsPerByte = 0.15;
  const Factors f = factorsOf(*this);
  forEachRow(grid, py, kNsPerByte, [&](int64_t offset, uint8_t* to, int64_t bytes) {
    runSpan(*this, pa + offset, pb + offset, to, bytes, f);
  });
}

}  // namespace compress::int8
