#include "lib/ir/tensor.h"

#include <algorithm>
#include <cstring>

#include "lib/base/error.h"
#include "lib/base/text.h"

namespace compress {
namespace {

[[noreturn]] void wrongType(DType found, DType wanted) {
  throw Error(ErrorKind::bug, text("tensor of ", nameOf(found), " used as ", nameOf(wanted)));
}

template <typename To, typename From>
void convert(const Tensor& tensor, std::vector<To>& out) {
  const auto from = tensor.as<From>();
  for (size_t i = 0; i < from.size(); ++i) {
    if constexpr (std::is_same_v<From, Half> || std::is_same_v<From, BFloat16>)
      out[i] = static_cast<To>(static_cast<float>(from[i]));
    else
      out[i] = static_cast<To>(from[i]);
  }
}

template <typename To>
std::vector<To> converted(const Tensor& tensor, bool integersOnly) {
  std::vector<To> out(static_cast<size_t>(tensor.elementCount()));
  switch (tensor.dtype()) {
    case DType::i8:
      convert<To, int8_t>(tensor, out);
      return out;
    case DType::u8:
      convert<To, uint8_t>(tensor, out);
      return out;
    case DType::i16:
      convert<To, int16_t>(tensor, out);
      return out;
    case DType::u16:
      convert<To, uint16_t>(tensor, out);
      return out;
    case DType::i32:
      convert<To, int32_t>(tensor, out);
      return out;
    case DType::u32:
      convert<To, uint32_t>(tensor, out);
      return out;
    case DType::i64:
      convert<To, int64_t>(tensor, out);
      return out;
    case DType::u64:
      convert<To, uint64_t>(tensor, out);
      return out;
    case DType::boolean:
      convert<To, bool>(tensor, out);
      return out;
    default:
      break;
  }
  if (!integersOnly) switch (tensor.dtype()) {
      case DType::f32:
        convert<To, float>(tensor, out);
        return out;
      case DType::f64:
        convert<To, double>(tensor, out);
        return out;
      case DType::f16:
        convert<To, Half>(tensor, out);
        return out;
      case DType::bf16:
        convert<To, BFloat16>(tensor, out);
        return out;
      default:
        break;
    }
  throw Error(ErrorKind::input, text("tensor of ", nameOf(tensor.dtype()), " where ",
                                     integersOnly ? "integers are" : "numbers are", " needed"));
}

}  // namespace

Tensor::Tensor(DType dtype, Shape shape, Bytes bytes)
    : dtype_(dtype), shape_(std::move(shape)), bytes_(std::move(bytes)) {
  const auto count = checkedElementCount(shape_.dims());
  if (!count) throw Error(ErrorKind::input, text("shape ", print(shape_), " is negative or too large"));
  const auto expected = static_cast<size_t>(bytesOf(dtype_, *count));
  if (bytes_.size() != expected)
    throw Error(ErrorKind::input, text("tensor of ", nameOf(dtype_), print(shape_), " has ", bytes_.size(),
                                       " bytes, expected ", expected));
}

Tensor::Tensor(Shape shape, std::vector<std::string> strings)
    : dtype_(DType::string),
      shape_(std::move(shape)),
      strings_(std::make_shared<const std::vector<std::string>>(std::move(strings))) {
  if (static_cast<int64_t>(strings_->size()) != elementCount())
    throw Error(ErrorKind::input, text("string tensor ", print(shape_), " has ", strings_->size(), " elements"));
}

Tensor Tensor::listOf(DType kind, std::vector<Tensor> elements) {
  Tensor list;
  list.dtype_ = kind;
  list.shape_ = Shape{static_cast<int64_t>(elements.size())};
  list.elements_ = std::make_shared<const std::vector<Tensor>>(std::move(elements));
  return list;
}

Tensor Tensor::ofInts(const std::vector<int64_t>& values) {
  return of<int64_t>(Shape{static_cast<int64_t>(values.size())}, values);
}

void Tensor::requireType(DType wanted) const {
  if (dtype_ != wanted) wrongType(dtype_, wanted);
}

Tensor Tensor::reshaped(Shape shape) const {
  if (shape.elementCount() != elementCount())
    throw Error(ErrorKind::input, text("cannot reshape ", print(shape_), " to ", print(shape)));
  Tensor result = *this;
  result.shape_ = std::move(shape);
  return result;
}

Buffer::Buffer(DType dtype, Shape shape) : dtype_(dtype), shape_(std::move(shape)) {
  const auto count = checkedElementCount(shape_.dims());
  if (!count) throw Error(ErrorKind::input, text("shape ", print(shape_), " is negative or too large"));
  if (dtype_ == DType::string) strings_.resize(static_cast<size_t>(*count));
  if (dtype_ == DType::sequence || dtype_ == DType::optional) elements_.resize(static_cast<size_t>(*count));
  block_.emplace(static_cast<size_t>(bytesOf(dtype_, *count)));
}

void Buffer::requireType(DType wanted) const {
  if (dtype_ != wanted) wrongType(dtype_, wanted);
}

Tensor Buffer::freeze() && {
  if (dtype_ == DType::string) return {std::move(shape_), std::move(strings_)};
  if (dtype_ == DType::sequence || dtype_ == DType::optional) return Tensor::listOf(dtype_, std::move(elements_));
  Tensor tensor(dtype_, std::move(shape_), Bytes::own(std::move(*block_)));
  block_.reset();
  return tensor;
}

Tensor Buffer::snapshot() const {
  Buffer copy(dtype_, shape_);
  copy.strings_ = strings_;
  copy.elements_ = elements_;
  std::ranges::copy(raw(), copy.raw().begin());
  return std::move(copy).freeze();
}

std::vector<int64_t> toInts(const Tensor& tensor) {
  return converted<int64_t>(tensor, true);
}
std::vector<double> toDoubles(const Tensor& tensor) {
  return converted<double>(tensor, false);
}
std::vector<float> toFloats(const Tensor& tensor) {
  return converted<float>(tensor, false);
}

bool equal(const Tensor& a, const Tensor& b) {
  if (a.dtype() != b.dtype() || a.shape() != b.shape()) return false;
  if (a.dtype() == DType::string) return a.strings() == b.strings();
  if (a.isList()) return std::ranges::equal(a.elements(), b.elements(), equal);
  return a.bytes().sharesWith(b.bytes()) || std::ranges::equal(a.raw(), b.raw());
}

}  // namespace compress
