#include "lib/runtime/cpu/int8/binary.h"

#include <algorithm>

namespace compress::int8 {
namespace {

/// y = round(clamp(a*ka + b*kb + k)) or round(clamp((a - za) * (b - zb) * ka + k)), all in units of y's step, zero
/// point included.
struct Factors {
  float ka, kb, k, za, zb, low, high;
};

template <typename T>
[[gnu::always_inline]] inline void sum(const T* a, const T* b, uint8_t* y, int64_t count, const Factors& f) {
  for (int64_t i = 0; i < count; ++i) {
    const float value = toFloat(a[i]) * f.ka + (toFloat(b[i]) * f.kb + f.k);
    y[i] = static_cast<uint8_t>(roundEven(clampReal(value, f.low, f.high)));
  }
}

template <typename T>
[[gnu::always_inline]] inline void product(const T* a, const T* b, uint8_t* y, int64_t count, const Factors& f) {
  for (int64_t i = 0; i < count; ++i) {
    const float value = (toFloat(a[i]) - f.za) * (toFloat(b[i]) - f.zb) * f.ka + f.k;
    y[i] = static_cast<uint8_t>(roundEven(clampReal(value, f.low, f.high)));
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

Factors factorsOf(const Binary& binary) {
  const Quantization &a = binary.a, &b = binary.b, &y = binary.y;
  const double sign = binary.op == BinaryOp::sub ? -1 : 1;
  const bool isProduct = binary.op == BinaryOp::mul;
  const double ka = isProduct ? double{a.scale} * b.scale / y.scale : double{a.scale} / y.scale;
  const double kb = sign * b.scale / y.scale;
  Factors f{};
  f.ka = static_cast<float>(ka);
  f.kb = static_cast<float>(kb);
  f.za = static_cast<float>(a.zero);
  f.zb = static_cast<float>(b.zero);
  f.k = static_cast<float>(isProduct ? y.zero : y.zero - ka * a.zero - kb * b.zero);
  const double low = double{binary.low} / y.scale + y.zero, high = double{binary.high} / y.scale + y.zero;
  f.low = static_cast<float>(std::clamp<double>(low, y.lowest(), y.highest()));
  f.high = static_cast<float>(std::clamp<double>(high, y.lowest(), y.highest()));
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
