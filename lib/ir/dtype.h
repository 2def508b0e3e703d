// Element types of tensors. The numbers are ONNX's TensorProto.DataType, also for types newer than the packaged schema.
#pragma once
#include <bit>
#include <cmath>
#include <cstdint>
#include <string>
#include <string_view>

namespace compress {

enum class DType : int32_t {
  undefined = 0,
  f32 = 1,
  u8 = 2,
  i8 = 3,
  u16 = 4,
  i16 = 5,
  i32 = 6,
  i64 = 7,
  string = 8,
  boolean = 9,
  f16 = 10,
  f64 = 11,
  u32 = 12,
  u64 = 13,
  c64 = 14,
  c128 = 15,
  bf16 = 16,
  f8e4m3fn = 17,
  f8e4m3fnuz = 18,
  f8e5m2 = 19,
  f8e5m2fnuz = 20,
  u4 = 21,
  i4 = 22,
  f4e2m1 = 23,
  f8e8m0 = 24,
  u2 = 25,
  i2 = 26,
  f6e2m3 = 27,
  f6e3m2 = 28,
  // What a value holds that is no tensor; no file has these.
  sequence = 1 << 20,
  optional = sequence + 1,
};

/// "float32", "int8", ...: numpy's names where numpy has one.
std::string_view nameOf(DType dtype);
/// Bits of one element; 0 for string, undefined and unknown types.
int bitsOf(DType dtype);
/// Bytes that `count` packed elements take: types below 8 bits share bytes.
int64_t bytesOf(DType dtype, int64_t count);
bool isFloating(DType dtype);
/// Signed and unsigned integers, without boolean.
bool isInteger(DType dtype);
bool isSigned(DType dtype);

/// IEEE binary16, stored; arithmetic happens in float.
struct Half {
  uint16_t bits = 0;
  Half() = default;
  /// To nearest, ties to even.
  explicit Half(float value);
  explicit operator float() const;
};

/// bfloat16, stored; arithmetic happens in float.
struct BFloat16 {
  uint16_t bits = 0;
  BFloat16() = default;
  /// To nearest, ties to even; NaN stays NaN.
  explicit BFloat16(float value);
  explicit operator float() const { return std::bit_cast<float>(static_cast<uint32_t>(bits) << 16); }
};

/// The DType that a C++ type stores.
template <typename T>
constexpr DType dtypeOf();
template <>
constexpr DType dtypeOf<float>() {
  return DType::f32;
}
template <>
constexpr DType dtypeOf<double>() {
  return DType::f64;
}
template <>
constexpr DType dtypeOf<Half>() {
  return DType::f16;
}
template <>
constexpr DType dtypeOf<BFloat16>() {
  return DType::bf16;
}
template <>
constexpr DType dtypeOf<int8_t>() {
  return DType::i8;
}
template <>
constexpr DType dtypeOf<uint8_t>() {
  return DType::u8;
}
template <>
constexpr DType dtypeOf<int16_t>() {
  return DType::i16;
}
template <>
constexpr DType dtypeOf<uint16_t>() {
  return DType::u16;
}
template <>
constexpr DType dtypeOf<int32_t>() {
  return DType::i32;
}
template <>
constexpr DType dtypeOf<uint32_t>() {
  return DType::u32;
}
template <>
constexpr DType dtypeOf<int64_t>() {
  return DType::i64;
}
template <>
constexpr DType dtypeOf<uint64_t>() {
  return DType::u64;
}
template <>
constexpr DType dtypeOf<bool>() {
  return DType::boolean;
}

}  // namespace compress
