#include "lib/ir/dtype.h"

#include <array>

namespace compress {
namespace {

struct Row {
  std::string_view name;
  int bits;
};

constexpr std::array<Row, 29> kTypes = {
    {{"undefined", 0},      {"float32", 32},  {"uint8", 8},        {"int8", 8},           {"uint16", 16},
     {"int16", 16},         {"int32", 32},    {"int64", 64},       {"string", 0},         {"bool", 8},
     {"float16", 16},       {"float64", 64},  {"uint32", 32},      {"uint64", 64},        {"complex64", 64},
     {"complex128", 128},   {"bfloat16", 16}, {"float8e4m3fn", 8}, {"float8e4m3fnuz", 8}, {"float8e5m2", 8},
     {"float8e5m2fnuz", 8}, {"uint4", 4},     {"int4", 4},         {"float4e2m1", 4},     {"float8e8m0", 8},
     {"uint2", 2},          {"int2", 2},      {"float6e2m3", 6},   {"float6e3m2", 6}}};

Row rowOf(DType dtype) {
  if (dtype == DType::sequence) return {"sequence", 0};
  if (dtype == DType::optional) return {"optional", 0};
  const auto index = static_cast<size_t>(dtype);
  return index < kTypes.size() ? kTypes[index] : Row{"unknown", 0};
}

}  // namespace

std::string_view nameOf(DType dtype) {
  return rowOf(dtype).name;
}
int bitsOf(DType dtype) {
  return rowOf(dtype).bits;
}
int64_t bytesOf(DType dtype, int64_t count) {
  const int bits = bitsOf(dtype);
  return bits >= 8 ? count * (bits / 8) : (count * bits + 7) / 8;
}

bool isFloating(DType dtype) {
  switch (dtype) {
    case DType::f32:
    case DType::f64:
    case DType::f16:
    case DType::bf16:
    case DType::f8e4m3fn:
    case DType::f8e4m3fnuz:
    case DType::f8e5m2:
    case DType::f8e5m2fnuz:
    case DType::f4e2m1:
    case DType::f8e8m0:
    case DType::f6e2m3:
    case DType::f6e3m2:
      return true;
    default:
      return false;
  }
}

bool isInteger(DType dtype) {
  switch (dtype) {
    case DType::u8:
    case DType::i8:
    case DType::u16:
    case DType::i16:
    case DType::u32:
    case DType::i32:
    case DType::u64:
    case DType::i64:
    case DType::u4:
    case DType::i4:
    case DType::u2:
    case DType::i2:
      return true;
    default:
      return false;
  }
}

bool isSigned(DType dtype) {
  switch (dtype) {
    case DType::i8:
    case DType::i16:
    case DType::i32:
    case DType::i64:
    case DType::i4:
    case DType::i2:
      return true;
    default:
      return isFloating(dtype);
  }
}

Half::Half(float value) {
  const auto x = std::bit_cast<uint32_t>(value);
  const uint32_t sign = (x >> 16) & 0x8000U;
  const uint32_t magnitude = x & 0x7FFFFFFFU;
  if (magnitude >= 0x7F800000U) {  // infinity and NaN
    bits =
        static_cast<uint16_t>(sign | 0x7C00U | (magnitude > 0x7F800000U ? 0x200U | ((magnitude >> 13) & 0x3FFU) : 0U));
  } else if (magnitude >= 0x477FF000U) {  // rounds to infinity
    bits = static_cast<uint16_t>(sign | 0x7C00U);
  } else if (magnitude < 0x38800000U) {  // subnormal: let the float adder round to nearest even
    const float shifted = std::bit_cast<float>(magnitude) + 0.5F;
    bits = static_cast<uint16_t>(sign | (std::bit_cast<uint32_t>(shifted) - 0x3F000000U));
  } else {
    const uint32_t odd = (magnitude >> 13) & 1U;
    bits = static_cast<uint16_t>(sign | ((magnitude - 0x38000000U + 0xFFFU + odd) >> 13));
  }
}

Half::operator float() const {
  const uint32_t sign = static_cast<uint32_t>(bits & 0x8000U) << 16;
  const uint32_t exponent = (bits >> 10) & 0x1FU;
  const uint32_t mantissa = bits & 0x3FFU;
  if (exponent == 0x1F) return std::bit_cast<float>(sign | 0x7F800000U | (mantissa << 13));
  if (exponent == 0)
    return std::bit_cast<float>(sign | std::bit_cast<uint32_t>(static_cast<float>(mantissa) * 0x1p-24F));
  return std::bit_cast<float>(sign | ((exponent + 112U) << 23) | (mantissa << 13));
}

BFloat16::BFloat16(float value) {
  const auto x = std::bit_cast<uint32_t>(value);
  if ((x & 0x7FFFFFFFU) > 0x7F800000U)
    bits = static_cast<uint16_t>((x >> 16) | 0x40U);
  else
    bits = static_cast<uint16_t>((x + 0x7FFFU + ((x >> 16) & 1U)) >> 16);
}

}  // namespace compress
