// Shapes, types, tensors and the two 16-bit floats.
#include <catch2/catch.hpp>

#include <cmath>
#include <cstring>
#include <limits>

#include "lib/base/error.h"
#include "lib/ir/shape.h"
#include "lib/ir/tensor.h"
#include "lib/ir/type.h"

using namespace compress;

namespace {

/// The nearest of all values of a 16-bit float type, ties to the even pattern: by comparing with both neighbours.
template <typename T>
bool isNearest(float value, T rounded) {
  const double found = static_cast<double>(static_cast<float>(rounded));
  if (!std::isfinite(found)) return true;
  const double error = std::fabs(found - static_cast<double>(value));
  for (const int step : {-1, 1}) {
    T other;
    other.bits = static_cast<uint16_t>(rounded.bits + step);
    const double neighbour = static_cast<double>(static_cast<float>(other));
    if (!std::isfinite(neighbour) || (neighbour < 0) != (found < 0)) continue;
    const double distance = std::fabs(neighbour - static_cast<double>(value));
    if (distance < error || (distance == error && rounded.bits % 2 != 0)) return false;
  }
  return true;
}

template <typename T>
void checkExhaustively() {
  for (uint32_t bits = 0; bits < 0x10000; ++bits) {
    T stored;
    stored.bits = static_cast<uint16_t>(bits);
    const float value = static_cast<float>(stored);
    const T back{value};
    if (std::isnan(value) ? !std::isnan(static_cast<float>(back)) : back.bits != stored.bits)
      FAIL("pattern " << bits << " does not come back");
  }
  for (uint32_t bits = 0; bits < 0x7F800000U; bits += 997) {  // 997: a prime, so that every low pattern occurs
    const auto value = std::bit_cast<float>(bits);
    if (!isNearest(value, T{value}) || !isNearest(-value, T{-value}))
      FAIL("float pattern " << bits << " is not rounded to nearest even");
  }
}

}  // namespace

TEST_CASE("float16 and bfloat16 come back unchanged and round to nearest even", "[dtype]") {
  checkExhaustively<Half>();
  checkExhaustively<BFloat16>();
}

TEST_CASE("float16 at its borders", "[dtype]") {
  CHECK(Half(65504.0F).bits == 0x7BFF);
  CHECK(Half(65519.99F).bits == 0x7BFF);
  CHECK(Half(65520.0F).bits == 0x7C00);
  CHECK(Half(-1e30F).bits == 0xFC00);
  CHECK(Half(0x1p-24F).bits == 1);
  CHECK(Half(0x1p-25F).bits == 0);
  CHECK(Half(0x1.8p-25F).bits == 1);
  CHECK(Half(-0.0F).bits == 0x8000);
  CHECK(std::isnan(static_cast<float>(Half(std::numeric_limits<float>::quiet_NaN()))));
  CHECK(BFloat16(std::numeric_limits<float>::infinity()).bits == 0x7F80);
  CHECK(BFloat16(std::numeric_limits<float>::max()).bits == 0x7F80);
}

TEST_CASE("packed types share bytes", "[dtype]") {
  CHECK(bytesOf(DType::i4, 3) == 2);
  CHECK(bytesOf(DType::u2, 5) == 2);
  CHECK(bytesOf(DType::f64, 3) == 24);
  CHECK(nameOf(DType::i2) == "int2");
  CHECK(nameOf(static_cast<DType>(99)) == "unknown");
}

TEST_CASE("checkedElementCount refuses what cannot be", "[shape]") {
  CHECK(checkedElementCount({}) == 1);
  CHECK(checkedElementCount({2, 3}) == 6);
  CHECK(checkedElementCount({0, 5}) == 0);
  CHECK_FALSE(checkedElementCount({-1}));
  CHECK_FALSE(checkedElementCount({int64_t{1} << 48}));
  CHECK(checkedElementCount({(int64_t{1} << 48) - 1}));
  CHECK_FALSE(checkedElementCount({int64_t{1} << 32, int64_t{1} << 32}));
  CHECK_FALSE(checkedElementCount({std::numeric_limits<int64_t>::max(), 2}));
  CHECK_FALSE(checkedElementCount({0, int64_t{1} << 40, int64_t{1} << 40}));
}

TEST_CASE("broadcasting", "[shape]") {
  CHECK(broadcast({2, 1, 3}, {4, 1}) == Shape{2, 4, 3});
  CHECK(broadcast({}, {5}) == Shape{5});
  CHECK(broadcast({0}, {1}) == Shape{0});
  CHECK_FALSE(broadcast({2}, {3}));
}

TEST_CASE("axes count from the end", "[shape]") {
  CHECK(normalizedAxis(-1, 4) == 3);
  CHECK(normalizedAxis(0, 4) == 0);
  CHECK_THROWS_AS(normalizedAxis(4, 4), Error);
  CHECK_THROWS_AS(normalizedAxis(-5, 4), Error);
}

TEST_CASE("types print and compare", "[type]") {
  CHECK(print(Type::tensor(DType::f32, std::vector<Dim>{{-1, "N"}, Dim::of(3), Dim{}})) == "float32[N, 3, ?]");
  CHECK(print(Type::tensor(DType::i64)) == "int64[...]");
  CHECK(Type::tensor(DType::f32, Shape{2}).shape() == Shape{2});
  CHECK_FALSE(Type::tensor(DType::f32, std::vector<Dim>{Dim{}}).shape());
  CHECK_FALSE(Type::tensor(DType::f32) == Type::tensor(DType::f32, Shape{}));
}

TEST_CASE("a tensor must have the bytes of its shape", "[tensor]") {
  CHECK_THROWS_AS(Tensor(DType::f32, Shape{2}, Bytes::own(std::string(7, '\0'))), Error);
  CHECK_NOTHROW(Tensor(DType::i4, Shape{3}, Bytes::own(std::string(2, '\0'))));
  const std::vector<float> values = {1, 2, 3, 4};
  const auto tensor = Tensor::of<float>({2, 2}, values);
  CHECK_THROWS_AS(tensor.as<double>(), Error);
  CHECK_THROWS_AS(tensor.reshaped({3}), Error);
  CHECK(tensor.reshaped({4}).as<float>()[3] == 4);
  CHECK(tensor.reshaped({4}).bytes().sharesWith(tensor.bytes()));
}

TEST_CASE("conversions of tensors", "[tensor]") {
  const std::vector<int8_t> values = {-1, 2};
  const auto tensor = Tensor::of<int8_t>({2}, values);
  CHECK(toInts(tensor) == std::vector<int64_t>{-1, 2});
  CHECK(toDoubles(tensor) == std::vector<double>{-1, 2});
  CHECK_THROWS_AS(toInts(Tensor::scalar(1.0F)), Error);
  CHECK(toFloats(Tensor::scalar(Half(0.5F))) == std::vector<float>{0.5F});
  CHECK(equal(tensor, Tensor::of<int8_t>({2}, values)));
  CHECK_FALSE(equal(tensor, tensor.reshaped({2, 1})));
}

TEST_CASE("a snapshot does not follow its buffer", "[tensor]") {
  Buffer buffer(DType::f32, {2});
  buffer.as<float>()[0] = 1;
  const Tensor before = buffer.snapshot();
  buffer.as<float>()[0] = 2;
  CHECK(before.as<float>()[0] == 1);
  CHECK(std::move(buffer).freeze().as<float>()[0] == 2);
}
