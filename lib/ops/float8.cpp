#include "lib/ops/float8.h"

#include <cmath>
#include <limits>

#include "lib/base/error.h"
#include "lib/base/text.h"

namespace compress {
namespace {

/// Layout of a type: sign (where it has one), exponent, mantissa.
struct Format {
  int exponentBits, mantissaBits, bias;
  enum class Special { none, ieee, nanIsAllOnes, nanIsMinusZero, exponentOnly } special;
  uint8_t largest;  ///< bits of the largest finite value
};

Format formatOf(DType dtype) {
  switch (dtype) {
    case DType::f8e4m3fn:
      return {4, 3, 7, Format::Special::nanIsAllOnes, 0x7E};
    case DType::f8e4m3fnuz:
      return {4, 3, 8, Format::Special::nanIsMinusZero, 0x7F};
    case DType::f8e5m2:
      return {5, 2, 15, Format::Special::ieee, 0x7B};
    case DType::f8e5m2fnuz:
      return {5, 2, 16, Format::Special::nanIsMinusZero, 0x7F};
    case DType::f4e2m1:
      return {2, 1, 1, Format::Special::none, 0x7};
    case DType::f6e2m3:
      return {2, 3, 1, Format::Special::none, 0x1F};
    case DType::f6e3m2:
      return {3, 2, 3, Format::Special::none, 0x1F};
    case DType::f8e8m0:
      return {8, 0, 127, Format::Special::exponentOnly, 0xFE};
    default:
      throw Error(ErrorKind::bug, text(nameOf(dtype), " is no small float"));
  }
}

float decodeMagnitude(int bits, const Format& format) {
  const int exponent = bits >> format.mantissaBits;
  const int mantissa = bits & ((1 << format.mantissaBits) - 1);
  if (exponent == 0) return std::ldexp(static_cast<float>(mantissa), 1 - format.bias - format.mantissaBits);
  return std::ldexp(static_cast<float>(mantissa | (1 << format.mantissaBits)),
                    exponent - format.bias - format.mantissaBits);
}

bool isNan(int magnitude, bool isNegative, const Format& format) {
  switch (format.special) {
    case Format::Special::nanIsAllOnes:
      return magnitude == 0x7F;
    case Format::Special::nanIsMinusZero:
      return isNegative && magnitude == 0;
    case Format::Special::ieee:
      return magnitude > 0x7C;
    default:
      return false;
  }
}

uint8_t nanOf(const Format& format) {
  switch (format.special) {
    case Format::Special::nanIsMinusZero:
      return 0x80;
    case Format::Special::exponentOnly:
      return 0xFF;
    case Format::Special::ieee:
      return 0x7E;
    default:
      return 0x7F;
  }
}

/// The nearest of the finite magnitudes, ties to even bits; `over` when it lies beyond half a step above the largest.
int nearestMagnitude(float magnitude, const Format& format, bool& over) {
  int low = 0, high = format.largest;
  if (const float largest = decodeMagnitude(high, format); magnitude > largest) {
    over = magnitude >= largest + (largest - decodeMagnitude(high - 1, format)) / 2;
    return high;
  }
  while (high - low > 1) {
    const int middle = (low + high) / 2;
    (decodeMagnitude(middle, format) <= magnitude ? low : high) = middle;
  }
  const float toLow = magnitude - decodeMagnitude(low, format), toHigh = decodeMagnitude(high, format) - magnitude;
  if (toLow == toHigh) return low % 2 == 0 ? low : high;
  return toLow < toHigh ? low : high;
}

uint8_t encodeExponentOnly(float value, bool saturate) {
  if (std::isnan(value) || value < 0) return 0xFF;
  if (value == 0) return saturate ? 0 : 0xFF;
  if (std::isinf(value)) return saturate ? 0xFE : 0xFF;
  int exponent = 0;
  const float fraction = std::frexp(value, &exponent);  // value = fraction * 2^exponent, fraction in [0.5, 1)
  const int power = exponent - 1 + (fraction > 0.5F ? 1 : 0);
  if (!saturate && (power < -127 || power > 127)) return 0xFF;
  return static_cast<uint8_t>(power < -127 ? 0 : power > 127 ? 0xFE : power + 127);
}

}  // namespace

float decodeSmallFloat(uint8_t bits, DType dtype) {
  const Format format = formatOf(dtype);
  if (format.special == Format::Special::exponentOnly)
    return bits == 0xFF ? std::numeric_limits<float>::quiet_NaN() : std::ldexp(1.0F, bits - format.bias);
  const int signBit = 1 << (format.exponentBits + format.mantissaBits);
  const int magnitude = bits & (signBit - 1);
  const bool isNegative = (bits & signBit) != 0;
  if (isNan(magnitude, isNegative, format)) return std::numeric_limits<float>::quiet_NaN();
  if (format.special == Format::Special::ieee && magnitude == 0x7C)
    return isNegative ? -std::numeric_limits<float>::infinity() : std::numeric_limits<float>::infinity();
  const float value = decodeMagnitude(magnitude, format);
  return isNegative ? -value : value;
}

uint8_t encodeSmallFloat(float value, DType dtype, bool saturate) {
  const Format format = formatOf(dtype);
  if (format.special == Format::Special::exponentOnly) return encodeExponentOnly(value, saturate);
  const auto sign = static_cast<uint8_t>(std::signbit(value) ? 1 << (format.exponentBits + format.mantissaBits) : 0);
  if (std::isnan(value))  // a type without NaN has its -0 for it
    return format.special == Format::Special::none ? static_cast<uint8_t>(format.largest + 1)
                                                   : static_cast<uint8_t>(nanOf(format) | sign);
  bool over = false;
  const int magnitude = nearestMagnitude(std::abs(value), format, over);
  if (format.special == Format::Special::nanIsMinusZero && magnitude == 0) return 0;
  if (over && !saturate && format.special != Format::Special::none)
    return format.special == Format::Special::ieee ? static_cast<uint8_t>(sign | 0x7C)
                                                   : static_cast<uint8_t>(nanOf(format) | sign);
  return static_cast<uint8_t>(sign | magnitude);
}

}  // namespace compress
