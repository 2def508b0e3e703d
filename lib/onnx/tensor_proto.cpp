#include "lib/onnx/tensor_proto.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <limits>
#include <memory>

#include "lib/onnx/external_data.h"

namespace compress {
namespace {

using onnx::TensorProto;

static_assert(std::endian::native == std::endian::little, "payloads are kept in the file's byte order");

constexpr int kMaxRank = 64;

[[noreturn]] void refuse(const std::string& message, const std::string& hint = {}) {
  throw Error(ErrorKind::input, message, hint);
}

struct Description {
  DType dtype;
  Shape shape;
  int64_t count;
};

Description describe(const TensorProto& proto) {
  const auto dtype = static_cast<DType>(proto.data_type());
  if (dtype == DType::undefined) refuse("has no element type");
  if (dtype != DType::string && bitsOf(dtype) == 0)
    throw Error(ErrorKind::unsupported, text("element type ", proto.data_type(), " is not known"),
                "a newer version may read it");
  if (proto.dims_size() > kMaxRank) refuse(text("has rank ", proto.dims_size(), ", at most ", kMaxRank, " is allowed"));
  Shape shape(std::vector<int64_t>(proto.dims().begin(), proto.dims().end()));
  const auto count = checkedElementCount(shape.dims());
  if (!count) refuse(text("dimensions ", print(shape), " are negative or hold 2^48 elements or more"));
  if (proto.has_segment()) refuse("is stored in segments, which no reader supports");
  return {dtype, std::move(shape), *count};
}

/// One of the eight fields that can hold a tensor's elements.
struct DataField {
  std::string_view name;
  int64_t entries;
};

/// The one that is used; no name when none is.
DataField usedField(const TensorProto& proto) {
  const DataField fields[] = {{"float_data", proto.float_data_size()},
                              {"int32_data", proto.int32_data_size()},
                              {"string_data", proto.string_data_size()},
                              {"int64_data", proto.int64_data_size()},
                              {"double_data", proto.double_data_size()},
                              {"uint64_data", proto.uint64_data_size()},
                              {"raw_data", static_cast<int64_t>(proto.raw_data().size())}};
  DataField used{};
  for (const DataField& field : fields) {
    if (field.entries == 0) continue;
    if (!used.name.empty()) refuse(text("has data in both ", used.name, " and ", field.name, ", expected one"));
    used = field;
  }
  return used;
}

/// The typed field in which elements of `dtype` belong.
std::string_view typedField(DType dtype) {
  switch (dtype) {
    case DType::f32:
    case DType::c64:
      return "float_data";
    case DType::f64:
    case DType::c128:
      return "double_data";
    case DType::i64:
      return "int64_data";
    case DType::u64:
    case DType::u32:
      return "uint64_data";
    case DType::string:
      return "string_data";
    default:
      return "int32_data";
  }
}

/// Entries that `count` elements take in the typed field.
int64_t typedEntries(DType dtype, int64_t count) {
  if (dtype == DType::c64 || dtype == DType::c128) return 2 * count;
  if (bitsOf(dtype) == 4) return (count + 1) / 2;
  if (bitsOf(dtype) == 2) return (count + 3) / 4;
  return count;
}

template <typename Stored, typename Field>
Bytes converted(const Field& field, int64_t low, int64_t high, std::string_view fieldName) {
  AlignedBytes block(static_cast<size_t>(field.size()) * sizeof(Stored));
  auto* to = reinterpret_cast<Stored*>(block.data());
  for (int i = 0; i < field.size(); ++i) {
    if (static_cast<int64_t>(field[i]) < low || static_cast<int64_t>(field[i]) > high)
      refuse(text(fieldName, "[", i, "] = ", field[i], " is outside [", low, ", ", high, "]"));
    to[i] = static_cast<Stored>(field[i]);
  }
  return Bytes::own(std::move(block));
}

template <typename Field>
Bytes copied(const Field& field) {
  AlignedBytes block(static_cast<size_t>(field.size()) * sizeof(*field.data()));
  if (!field.empty()) std::memcpy(block.data(), field.data(), block.size());
  return Bytes::own(std::move(block));
}

/// 6-bit elements arrive one per entry and are packed low bits first.
Bytes packedSixBits(const TensorProto& proto) {
  const auto& field = proto.int32_data();
  AlignedBytes block(static_cast<size_t>(bytesOf(DType::f6e2m3, field.size())));
  for (int i = 0; i < field.size(); ++i) {
    if (field[i] < 0 || field[i] > 63) refuse(text("int32_data[", i, "] = ", field[i], " is outside [0, 63]"));
    const size_t bit = static_cast<size_t>(i) * 6;
    const unsigned shifted = static_cast<unsigned>(field[i]) << (bit % 8);
    block.data()[bit / 8] |= static_cast<std::byte>(shifted);
    if (shifted > 0xFF) block.data()[bit / 8 + 1] |= static_cast<std::byte>(shifted >> 8);
  }
  return Bytes::own(std::move(block));
}

Bytes fromInt32Data(DType dtype, const TensorProto& proto) {
  const auto& field = proto.int32_data();
  switch (dtype) {
    case DType::i32:
      return copied(field);
    case DType::i16:
      return converted<int16_t>(field, -32768, 32767, "int32_data");
    case DType::i8:
      return converted<int8_t>(field, -128, 127, "int32_data");
    case DType::u16:
    case DType::f16:
    case DType::bf16:
      return converted<uint16_t>(field, 0, 65535, "int32_data");
    case DType::boolean:
      return converted<uint8_t>(field, 0, 1, "int32_data");
    case DType::f6e2m3:
    case DType::f6e3m2:
      return packedSixBits(proto);
    case DType::i4:
    case DType::i2:
      return converted<uint8_t>(field, -128, 255, "int32_data");
    default:
      return converted<uint8_t>(field, 0, 255, "int32_data");
  }
}

Bytes fromTypedField(DType dtype, const TensorProto& proto) {
  switch (dtype) {
    case DType::f32:
    case DType::c64:
      return copied(proto.float_data());
    case DType::f64:
    case DType::c128:
      return copied(proto.double_data());
    case DType::i64:
      return copied(proto.int64_data());
    case DType::u64:
      return copied(proto.uint64_data());
    case DType::u32:
      return converted<uint32_t>(proto.uint64_data(), 0, std::numeric_limits<uint32_t>::max(), "uint64_data");
    default:
      return fromInt32Data(dtype, proto);
  }
}

Bytes takeRaw(const Description& about, TensorProto& proto) {
  if (about.dtype == DType::string) refuse("is of strings, which raw_data cannot hold");
  const auto expected = bytesOf(about.dtype, about.count);
  if (static_cast<int64_t>(proto.raw_data().size()) != expected)
    refuse(text("raw_data has ", proto.raw_data().size(), " bytes, expected ", expected, " for ", nameOf(about.dtype),
                print(about.shape)));
  const std::unique_ptr<std::string> raw(proto.release_raw_data());
  return Bytes::own(std::move(*raw));
}

bool isExternal(const TensorProto& proto) {
  return proto.data_location() == TensorProto::EXTERNAL;
}

void clearModelled(TensorProto& proto) {
  proto.clear_name();
  proto.clear_dims();
  proto.clear_data_type();
  proto.clear_float_data();
  proto.clear_int32_data();
  proto.clear_string_data();
  proto.clear_int64_data();
  proto.clear_double_data();
  proto.clear_uint64_data();
  proto.clear_raw_data();
  if (isExternal(proto)) {
    proto.clear_external_data();
    proto.clear_data_location();
  }
}

Tensor takeStrings(const Description& about, TensorProto& proto) {
  std::vector<std::string> strings;
  strings.reserve(static_cast<size_t>(proto.string_data_size()));
  for (std::string& s : *proto.mutable_string_data()) strings.push_back(std::move(s));
  return {about.shape, std::move(strings)};
}

Tensor takeExternal(const Description& about, const TensorProto& proto, std::string_view alsoUsed,
                    ExternalData* external) {
  if (!alsoUsed.empty()) refuse(text("has data both in another file and in ", alsoUsed, ", expected one"));
  if (about.dtype == DType::string) refuse("is of strings, which external data cannot hold");
  if (external == nullptr)
    refuse("has its data in another file, which is not allowed here",
           "only a model that is read from a file of its own may have external data");
  return {about.dtype, about.shape, external->find(proto, about.dtype, bytesOf(about.dtype, about.count))};
}

Tensor takeData(const Description& about, TensorProto& proto, ExternalData* external) {
  const DataField used = usedField(proto);
  if (isExternal(proto)) return takeExternal(about, proto, used.name, external);
  if (used.name == "raw_data") {
    Bytes bytes = takeRaw(about, proto);
    if (about.dtype == DType::boolean) requireBooleans(bytes.view());
    return {about.dtype, about.shape, std::move(bytes)};
  }
  const std::string_view wanted = typedField(about.dtype);
  if (!used.name.empty() && used.name != wanted)
    refuse(text("of ", nameOf(about.dtype), " has its data in ", used.name, ", expected ", wanted, " or raw_data"));
  const int64_t expected = typedEntries(about.dtype, about.count);
  if (used.entries != expected)
    refuse(text(wanted, " has ", used.entries, " entries, expected ", expected, " for ", nameOf(about.dtype),
                print(about.shape)));
  if (about.dtype == DType::string) return takeStrings(about, proto);
  return {about.dtype, about.shape, fromTypedField(about.dtype, proto)};
}

}  // namespace

Tensor takeTensor(TensorProto& proto, ExternalData* external) {
  const auto place = [name = proto.name()] {
    return name.empty() ? std::string("tensor") : text("tensor ", inQuotes(name));
  };
  return within(place, [&] {
    const Description about = describe(proto);
    Tensor tensor = takeData(about, proto, external);
    clearModelled(proto);
    return tensor;
  });
}

TensorProto headOf(const Tensor& tensor, TensorProto rest) {
  rest.set_data_type(static_cast<int32_t>(tensor.dtype()));
  for (const int64_t dim : tensor.shape().dims()) rest.add_dims(dim);
  return rest;
}

TensorProto protoOf(const Tensor& tensor, TensorProto rest) {
  rest = headOf(tensor, std::move(rest));
  if (tensor.dtype() == DType::string) {
    for (const std::string& s : tensor.strings()) rest.add_string_data(s);
  } else {
    const bool wasResident = tensor.bytes().isResident();
    const auto raw = tensor.raw();
    rest.set_raw_data(raw.data(), raw.size());
    if (!wasResident) tensor.bytes().drop();
  }
  return rest;
}

}  // namespace compress
