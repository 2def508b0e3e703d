#include "tests/support/value_proto.h"

#include <fstream>
#include <iterator>
#include <stdexcept>
#include <string_view>

#include "lib/onnx/read.h"

namespace compress::test {
namespace {

/// Where SequenceProto and OptionalProto keep elements of each kind.
constexpr uint32_t kSequenceTensors = 3, kSequenceSequences = 5, kSequenceOptionals = 7;
constexpr uint32_t kOptionalTensor = 3, kOptionalSequence = 5;

uint64_t takeVarint(std::string_view& bytes) {
  uint64_t value = 0;
  for (unsigned shift = 0; !bytes.empty(); shift += 7) {
    const auto byte = static_cast<uint8_t>(bytes.front());
    bytes.remove_prefix(1);
    value |= static_cast<uint64_t>(byte & 0x7FU) << shift;
    if (byte < 0x80) return value;
  }
  throw std::runtime_error("a message ends inside a number");
}

/// Calls visit(field, content) for each field that holds a message or text.
template <typename Visit>
void forEachMessage(std::string_view bytes, const Visit& visit) {
  while (!bytes.empty()) {
    const uint64_t tag = takeVarint(bytes), number = takeVarint(bytes);
    if (tag % 8 == 0) continue;
    if (tag % 8 != 2 || number > bytes.size()) throw std::runtime_error("an unexpected kind of field");
    visit(static_cast<uint32_t>(tag / 8), bytes.substr(0, number));
    bytes.remove_prefix(number);
  }
}

Tensor parsed(std::string_view bytes, const Type& declared);

Type elementOf(const Type& declared) {
  return declared.element ? *declared.element : Type::tensor(DType::undefined);
}

Tensor parsedList(std::string_view bytes, const Type& declared) {
  const bool isSequence = declared.kind == Type::Kind::sequence;
  std::vector<Tensor> elements;
  forEachMessage(bytes, [&](uint32_t field, std::string_view content) {
    const bool isElement = isSequence
                               ? field == kSequenceTensors || field == kSequenceSequences || field == kSequenceOptionals
                               : field == kOptionalTensor || field == kOptionalSequence;
    if (isElement) elements.push_back(parsed(content, elementOf(declared)));
  });
  return Tensor::listOf(isSequence ? DType::sequence : DType::optional, std::move(elements));
}

Tensor parsed(std::string_view bytes, const Type& declared) {
  if (declared.kind == Type::Kind::sequence || declared.kind == Type::Kind::optional)
    return parsedList(bytes, declared);
  const Tensor tensor = parseTensorProto(std::string(bytes));
  if (declared.dtype == DType::bf16 && tensor.dtype() == DType::u16)  // tests made before numpy could say bfloat16
    return {DType::bf16, tensor.shape(), tensor.bytes()};
  return tensor;
}

}  // namespace

Tensor readValueProto(const std::filesystem::path& path, const Type& declared) {
  std::ifstream in(path, std::ios::binary);
  const std::string bytes{std::istreambuf_iterator<char>(in), {}};
  return parsed(bytes, declared);
}

}  // namespace compress::test
