// The data of tensors: every field that can hold them, and every way in which they can be wrong.
#include <catch2/catch.hpp>

#include "lib/onnx/read.h"
#include "lib/onnx/write.h"
#include "tests/support/errors.h"
#include "tests/support/onnx_proto.h"

using namespace compress;
using Catch::Matchers::Contains;
using Catch::Matchers::StartsWith;

namespace {

onnx::TensorProto tensorOf(int32_t dtype, std::initializer_list<int64_t> dims) {
  onnx::TensorProto tensor;
  tensor.set_name("w");
  tensor.set_data_type(dtype);
  for (const int64_t dim : dims) tensor.add_dims(dim);
  return tensor;
}

/// A model with `tensor` as an initializer that nothing uses.
onnx::ModelProto modelWith(const onnx::TensorProto& tensor) {
  auto model = test::emptyModel();
  model.mutable_graph()->mutable_output(0)->set_name("x");
  *model.mutable_graph()->add_initializer() = tensor;
  return model;
}

Tensor readTensor(const onnx::TensorProto& tensor) {
  const Model model = parseModel(modelWith(tensor).SerializeAsString()).model;
  return *model.graph.constant(model.graph.findValue("w"));
}

std::string refusal(const onnx::TensorProto& tensor) {
  return test::outcomeOf([&] { return readTensor(tensor); });
}

onnx::TensorProto ints(int32_t dtype, std::initializer_list<int64_t> dims, std::initializer_list<int32_t> values) {
  auto tensor = tensorOf(dtype, dims);
  for (const int32_t value : values) tensor.add_int32_data(value);
  return tensor;
}

}  // namespace

TEST_CASE("typed fields become plain little-endian bytes", "[onnx]") {
  CHECK(toDoubles(readTensor(test::floatTensor("w", {2}, {1.5F, -2}))) == std::vector<double>{1.5, -2});
  CHECK(toInts(readTensor(ints(onnx::TensorProto::INT8, {3}, {-128, 0, 127}))) == std::vector<int64_t>{-128, 0, 127});
  CHECK(toInts(readTensor(ints(onnx::TensorProto::UINT8, {2}, {0, 255}))) == std::vector<int64_t>{0, 255});
  CHECK(toInts(readTensor(ints(onnx::TensorProto::UINT16, {2}, {0, 65535}))) == std::vector<int64_t>{0, 65535});
  CHECK(toInts(readTensor(ints(onnx::TensorProto::BOOL, {2}, {0, 1}))) == std::vector<int64_t>{0, 1});
  CHECK(toDoubles(readTensor(ints(onnx::TensorProto::FLOAT16, {1}, {0x3C00}))) == std::vector<double>{1});
  auto doubles = tensorOf(onnx::TensorProto::DOUBLE, {1});
  doubles.add_double_data(0.25);
  CHECK(toDoubles(readTensor(doubles)) == std::vector<double>{0.25});
  auto longs = tensorOf(onnx::TensorProto::INT64, {1});
  longs.add_int64_data(-5);
  CHECK(toInts(readTensor(longs)) == std::vector<int64_t>{-5});
  auto unsigneds = tensorOf(onnx::TensorProto::UINT32, {1});
  unsigneds.add_uint64_data(4'294'967'295);
  CHECK(toInts(readTensor(unsigneds)) == std::vector<int64_t>{4'294'967'295});
  auto strings = tensorOf(onnx::TensorProto::STRING, {2});
  strings.add_string_data("one");
  strings.add_string_data("two");
  CHECK(readTensor(strings).strings() == std::vector<std::string>{"one", "two"});
}

TEST_CASE("types below 8 bits are packed, low bits first", "[onnx]") {
  const auto bytesOfTensor = [](const Tensor& tensor) {
    std::vector<int> bytes;
    for (const std::byte b : tensor.raw()) bytes.push_back(static_cast<int>(b));
    return bytes;
  };
  constexpr int32_t kInt4 = 22, kUint2 = 25, kFloat6 = 27;
  CHECK(bytesOfTensor(readTensor(ints(kInt4, {3}, {0x21, 0x03}))) == std::vector<int>{0x21, 0x03});
  CHECK(bytesOfTensor(readTensor(ints(kUint2, {4}, {0xE4}))) == std::vector<int>{0xE4});
  CHECK(bytesOfTensor(readTensor(ints(kFloat6, {4}, {1, 2, 3, 4}))) == std::vector<int>{0x81, 0x30, 0x10});
}

TEST_CASE("tensors are written as raw data, whatever they were read from", "[onnx]") {
  onnx::ModelProto written;
  REQUIRE(written.ParseFromString(
      serializeModel(parseModel(modelWith(ints(onnx::TensorProto::INT8, {2}, {-1, 1})).SerializeAsString()).model)));
  CHECK(written.graph().initializer(0).raw_data() == "\xff\x01");
  CHECK(written.graph().initializer(0).int32_data_size() == 0);
}

TEST_CASE("scalars, empty tensors and dimensions of zero are fine", "[onnx]") {
  CHECK(readTensor(test::floatTensor("w", {}, {3})).shape().rank() == 0);
  CHECK(readTensor(test::floatTensor("w", {0, 4}, {})).elementCount() == 0);
  auto raw = tensorOf(onnx::TensorProto::FLOAT, {0});
  raw.set_raw_data("");
  CHECK(readTensor(raw).elementCount() == 0);
}

TEST_CASE("tensor data that do not fit are refused by name", "[onnx][hostile]") {
  CHECK_THAT(refusal(test::floatTensor("w", {3}, {1, 2})),
             StartsWith("3: ") && Contains("'w'") && Contains("2 entries, expected 3"));
  auto raw = tensorOf(onnx::TensorProto::FLOAT, {2});
  raw.set_raw_data(std::string(7, '\0'));
  CHECK_THAT(refusal(raw), StartsWith("3: ") && Contains("7 bytes, expected 8"));
  raw.set_raw_data(std::string(9, '\0'));
  CHECK_THAT(refusal(raw), StartsWith("3: ") && Contains("9 bytes, expected 8"));
  raw.set_raw_data(std::string(8, '\0'));
  raw.add_float_data(1);
  CHECK_THAT(refusal(raw), StartsWith("3: ") && Contains("both float_data and raw_data"));
  auto wrongField = tensorOf(onnx::TensorProto::FLOAT, {1});
  wrongField.add_int32_data(1);
  CHECK_THAT(refusal(wrongField), StartsWith("3: ") && Contains("int32_data, expected float_data"));
}

TEST_CASE("entries out of the range of their type are refused", "[onnx][hostile]") {
  CHECK_THAT(refusal(ints(onnx::TensorProto::INT8, {1}, {128})), StartsWith("3: ") && Contains("int32_data[0] = 128"));
  CHECK_THAT(refusal(ints(onnx::TensorProto::UINT8, {1}, {-1})), StartsWith("3: ") && Contains("outside [0, 255]"));
  CHECK_THAT(refusal(ints(onnx::TensorProto::FLOAT16, {1}, {65536})), StartsWith("3: "));
  CHECK_THAT(refusal(ints(onnx::TensorProto::BOOL, {1}, {2})), StartsWith("3: ") && Contains("outside [0, 1]"));
  auto raw = tensorOf(onnx::TensorProto::BOOL, {2});
  raw.set_raw_data(std::string("\x01\x02"));
  CHECK_THAT(refusal(raw), StartsWith("3: ") && Contains("boolean element 1"));
  auto unsigneds = tensorOf(onnx::TensorProto::UINT32, {1});
  unsigneds.add_uint64_data(uint64_t{1} << 32);
  CHECK_THAT(refusal(unsigneds), StartsWith("3: "));
  unsigneds.set_uint64_data(0, UINT64_MAX);
  CHECK_THAT(refusal(unsigneds), StartsWith("3: "));
}

TEST_CASE("dimensions that are negative, overflow or ask for much are refused without memory", "[onnx][hostile]") {
  CHECK_THAT(refusal(tensorOf(onnx::TensorProto::FLOAT, {-1})), StartsWith("3: ") && Contains("negative"));
  CHECK_THAT(refusal(tensorOf(onnx::TensorProto::FLOAT, {INT64_MAX})), StartsWith("3: "));
  CHECK_THAT(refusal(tensorOf(onnx::TensorProto::FLOAT, {int64_t{1} << 32, int64_t{1} << 32})),
             StartsWith("3: ") && Contains("2^48"));
  CHECK_THAT(refusal(tensorOf(onnx::TensorProto::FLOAT, {0, int64_t{1} << 32, int64_t{1} << 32})), StartsWith("3: "));
  CHECK_THAT(refusal(tensorOf(onnx::TensorProto::FLOAT, {int64_t{1} << 40})),
             StartsWith("3: ") && Contains("0 entries"));
  auto deep = test::floatTensor("w", {}, {1});
  for (int i = 0; i < 65; ++i) deep.add_dims(1);
  CHECK_THAT(refusal(deep), StartsWith("3: ") && Contains("rank 65"));
}

TEST_CASE("element types and forms that nothing can read are refused", "[onnx][hostile]") {
  CHECK_THAT(refusal(tensorOf(0, {1})), StartsWith("3: ") && Contains("no element type"));
  CHECK_THAT(refusal(tensorOf(99, {1})), StartsWith("4: ") && Contains("element type 99"));
  CHECK_THAT(refusal(tensorOf(-7, {1})), StartsWith("4: "));
  auto strings = tensorOf(onnx::TensorProto::STRING, {1});
  strings.set_raw_data("x");
  CHECK_THAT(refusal(strings), StartsWith("3: ") && Contains("strings"));
  auto segment = test::floatTensor("w", {1}, {1});
  segment.mutable_segment()->set_begin(0);
  CHECK_THAT(refusal(segment), StartsWith("3: ") && Contains("segments"));
}
