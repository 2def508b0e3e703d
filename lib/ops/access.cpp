#include "lib/ops/access.h"

#include <algorithm>
#include <cstring>

#include "lib/base/error.h"
#include "lib/base/text.h"
#include "lib/ops/float8.h"

namespace compress {
namespace {

[[noreturn]] void noArithmetic(DType dtype) {
  throw Error(ErrorKind::unsupported, text("arithmetic on tensors of ", nameOf(dtype), " is not supported"));
}

template <typename From, typename Wide>
void widen(const Tensor& tensor, std::vector<Wide>& out) {
  const auto* from = reinterpret_cast<const From*>(tensor.raw().data());
  for (size_t i = 0; i < out.size(); ++i) {
    if constexpr (std::is_same_v<From, Half> || std::is_same_v<From, BFloat16>)
      out[i] = static_cast<Wide>(static_cast<float>(from[i]));
    else
      out[i] = static_cast<Wide>(from[i]);
  }
}

template <typename To, typename Wide>
void narrow(std::span<const Wide> values, Buffer& buffer) {
  auto* to = reinterpret_cast<To*>(buffer.raw().data());
  for (size_t i = 0; i < values.size(); ++i) {
    if constexpr (std::is_same_v<To, Half> || std::is_same_v<To, BFloat16>)
      to[i] = To(static_cast<float>(values[i]));
    else if constexpr (std::is_same_v<To, bool>)
      to[i] = values[i] != Wide{0};
    else
      to[i] = static_cast<To>(values[i]);
  }
}

/// Element `i` of integers of `bits` bits (at most 8) that follow each other without gaps, low bits first.
int64_t unpack(std::span<const std::byte> raw, size_t i, int bits, bool isSignedType) {
  const size_t bit = i * static_cast<size_t>(bits), byte = bit / 8;
  int64_t word = std::to_integer<int64_t>(raw[byte]);
  if (byte + 1 < raw.size()) word |= std::to_integer<int64_t>(raw[byte + 1]) << 8;
  const int64_t mask = (int64_t{1} << bits) - 1;
  const int64_t value = (word >> bit % 8) & mask;
  return isSignedType && value > mask / 2 ? value - mask - 1 : value;
}

void pack(std::span<std::byte> raw, size_t i, int bits, uint64_t value) {
  const size_t bit = i * static_cast<size_t>(bits), byte = bit / 8;
  const unsigned mask = ((1U << static_cast<unsigned>(bits)) - 1U) << bit % 8;
  const unsigned shifted = (static_cast<unsigned>(value) << bit % 8) & mask;
  raw[byte] = (raw[byte] & ~static_cast<std::byte>(mask)) | static_cast<std::byte>(shifted);
  if (mask > 0xFF)
    raw[byte + 1] = (raw[byte + 1] & ~static_cast<std::byte>(mask >> 8)) | static_cast<std::byte>(shifted >> 8);
}

template <typename Wide>
bool widenInteger(const Tensor& tensor, std::vector<Wide>& out) {
  switch (tensor.dtype()) {
    case DType::i8:
      widen<int8_t>(tensor, out);
      return true;
    case DType::u8:
      widen<uint8_t>(tensor, out);
      return true;
    case DType::i16:
      widen<int16_t>(tensor, out);
      return true;
    case DType::u16:
      widen<uint16_t>(tensor, out);
      return true;
    case DType::i32:
      widen<int32_t>(tensor, out);
      return true;
    case DType::u32:
      widen<uint32_t>(tensor, out);
      return true;
    case DType::i64:
      widen<int64_t>(tensor, out);
      return true;
    case DType::u64:
      widen<uint64_t>(tensor, out);
      return true;
    case DType::boolean:
      widen<uint8_t>(tensor, out);
      return true;
    case DType::u4:
    case DType::i4:
    case DType::u2:
    case DType::i2:
      for (size_t i = 0; i < out.size(); ++i)
        out[i] = static_cast<Wide>(unpack(tensor.raw(), i, bitsOf(tensor.dtype()), isSigned(tensor.dtype())));
      return true;
    default:
      return false;
  }
}

template <typename Wide>
bool narrowInteger(std::span<const Wide> values, Buffer& to) {
  switch (to.dtype()) {
    case DType::i8:
      narrow<int8_t>(values, to);
      return true;
    case DType::u8:
      narrow<uint8_t>(values, to);
      return true;
    case DType::i16:
      narrow<int16_t>(values, to);
      return true;
    case DType::u16:
      narrow<uint16_t>(values, to);
      return true;
    case DType::i32:
      narrow<int32_t>(values, to);
      return true;
    case DType::u32:
      narrow<uint32_t>(values, to);
      return true;
    case DType::i64:
      narrow<int64_t>(values, to);
      return true;
    case DType::u64:
      narrow<uint64_t>(values, to);
      return true;
    case DType::boolean:
      narrow<bool>(values, to);
      return true;
    case DType::u4:
    case DType::i4:
    case DType::u2:
    case DType::i2:
      for (size_t i = 0; i < values.size(); ++i)
        pack(to.raw(), i, bitsOf(to.dtype()), static_cast<uint64_t>(static_cast<int64_t>(values[i])));
      return true;
    default:
      return false;
  }
}

template <typename Wide>
std::vector<Wide> loadIntegers(const Tensor& tensor) {
  std::vector<Wide> out(static_cast<size_t>(tensor.elementCount()));
  if (!widenInteger(tensor, out)) noArithmetic(tensor.dtype());
  return out;
}

template <typename Wide>
void storeAny(std::span<const Wide> values, Buffer& to) {
  if (narrowInteger(values, to)) return;
  switch (to.dtype()) {
    case DType::f32:
      narrow<float>(values, to);
      return;
    case DType::f64:
      narrow<double>(values, to);
      return;
    case DType::f16:
      narrow<Half>(values, to);
      return;
    case DType::bf16:
      narrow<BFloat16>(values, to);
      return;
    default:
      break;
  }
  if (!isFloating(to.dtype())) noArithmetic(to.dtype());
  for (size_t i = 0; i < values.size(); ++i)
    pack(to.raw(), i, bitsOf(to.dtype()), encodeSmallFloat(static_cast<float>(values[i]), to.dtype(), true));
}

template <typename Element>
void copyStridedAs(const std::byte* from, std::span<const int64_t> strides, const Shape& shape, std::byte* to) {
  const auto* source = reinterpret_cast<const Element*>(from);
  auto* target = reinterpret_cast<Element*>(to);
  forEachRow(shape, strides, [&](int64_t start, int64_t count, int64_t step) {
    for (int64_t i = 0; i < count; ++i) *target++ = source[start + i * step];
  });
}

struct Wide16 {
  uint64_t low, high;
};

}  // namespace

template <>
std::vector<int64_t> load<int64_t>(const Tensor& tensor) {
  return loadIntegers<int64_t>(tensor);
}
template <>
std::vector<uint64_t> load<uint64_t>(const Tensor& tensor) {
  return loadIntegers<uint64_t>(tensor);
}

template <>
std::vector<double> load<double>(const Tensor& tensor) {
  std::vector<double> out(static_cast<size_t>(tensor.elementCount()));
  if (widenInteger(tensor, out)) return out;
  switch (tensor.dtype()) {
    case DType::f32:
      widen<float>(tensor, out);
      return out;
    case DType::f64:
      widen<double>(tensor, out);
      return out;
    case DType::f16:
      widen<Half>(tensor, out);
      return out;
    case DType::bf16:
      widen<BFloat16>(tensor, out);
      return out;
    default:
      break;
  }
  if (!isFloating(tensor.dtype())) noArithmetic(tensor.dtype());
  for (size_t i = 0; i < out.size(); ++i)
    out[i] =
        decodeSmallFloat(static_cast<uint8_t>(unpack(tensor.raw(), i, bitsOf(tensor.dtype()), false)), tensor.dtype());
  return out;
}

void store(std::span<const double> values, Buffer& to) {
  storeAny(values, to);
}
void store(std::span<const int64_t> values, Buffer& to) {
  storeAny(values, to);
}
void store(std::span<const uint64_t> values, Buffer& to) {
  storeAny(values, to);
}

std::vector<int64_t> stridesOf(const Shape& shape) {
  std::vector<int64_t> strides(shape.rank(), 1);
  for (size_t i = shape.rank(); i-- > 1;) strides[i - 1] = strides[i] * shape[i];
  return strides;
}

Mover::Mover(const Tensor& from, Buffer& to) : from_(from), to_(to), bits_(bitsOf(from.dtype())) {
  if (from.dtype() != to.dtype())
    throw Error(ErrorKind::input, text("elements of ", nameOf(from.dtype()), " cannot become ", nameOf(to.dtype())));
  if (from.dtype() == DType::string) return;
  if (bits_ == 0) noArithmetic(from.dtype());
  source_ = from.raw().data();
  target_ = to.raw().data();
}

void Mover::copy(int64_t source, int64_t target, int64_t count) const {
  if (from_.dtype() == DType::string) {
    std::copy_n(from_.strings().begin() + source, count, to_.strings().begin() + target);
  } else if (bits_ >= 8) {
    const int64_t width = bits_ / 8;
    if (count > 0) std::memcpy(target_ + target * width, source_ + source * width, static_cast<size_t>(count * width));
  } else {
    for (int64_t i = 0; i < count; ++i)
      pack(to_.raw(), static_cast<size_t>(target + i), bits_,
           static_cast<uint64_t>(unpack(from_.raw(), static_cast<size_t>(source + i), bits_, false)));
  }
}

void copyAll(const Tensor& from, Buffer& to) {
  Mover(from, to).copy(0, 0, from.elementCount());
}

void assign(const Tensor& from, Buffer& to) {
  if (to.dtype() != from.dtype() || to.shape() != from.shape()) to = Buffer(from.dtype(), from.shape());
  if (from.isList())
    to.elements() = from.elements();
  else
    copyAll(from, to);
}

void joinAlong(std::span<const Tensor> parts, size_t axis, Buffer& to) {
  const int64_t outer = to.shape().count(0, axis), row = to.shape().count(axis, to.shape().rank());
  int64_t offset = 0;
  for (const Tensor& part : parts) {
    const int64_t length = part.shape().count(axis, part.shape().rank());
    const Mover mover(part, to);
    for (int64_t i = 0; i < outer; ++i) mover.copy(i * length, i * row + offset, length);
    offset += length;
  }
}

void copyStrided(const Tensor& from, int64_t offset, std::span<const int64_t> strides, Buffer& to) {
  copyStridedShaped(from, offset, to.shape(), strides, to);
}

void copyStridedShaped(const Tensor& from, int64_t offset, const Shape& shape, std::span<const int64_t> strides,
                       Buffer& to) {
  const Mover mover(from, to);
  if (to.elementCount() == 0) return;
  const int bytes = bitsOf(from.dtype()) / 8;
  if (bytes == 0) {
    int64_t target = 0;
    forEachRow(shape, strides, [&](int64_t start, int64_t count, int64_t step) {
      for (int64_t i = 0; i < count; ++i) mover.copy(offset + start + i * step, target++);
    });
    return;
  }
  const std::byte* source = from.raw().data() + offset * bytes;
  switch (bytes) {
    case 1:
      copyStridedAs<uint8_t>(source, strides, shape, to.raw().data());
      return;
    case 2:
      copyStridedAs<uint16_t>(source, strides, shape, to.raw().data());
      return;
    case 4:
      copyStridedAs<uint32_t>(source, strides, shape, to.raw().data());
      return;
    case 8:
      copyStridedAs<uint64_t>(source, strides, shape, to.raw().data());
      return;
    default:
      copyStridedAs<Wide16>(source, strides, shape, to.raw().data());
      return;
  }
}

}  // namespace compress
