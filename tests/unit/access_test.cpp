// Elements of every type as wide numbers and back.
#include "lib/ops/access.h"

#include <catch2/catch.hpp>
#include <cmath>

#include "lib/ops/float8.h"
#include "tests/support/errors.h"

using namespace compress;
using namespace compress::test;

TEST_CASE("every small float survives decoding and encoding", "[ops][access]") {
  const auto dtype =
      GENERATE(DType::f8e4m3fn, DType::f8e4m3fnuz, DType::f8e5m2, DType::f8e5m2fnuz, DType::f4e2m1, DType::f8e8m0);
  CAPTURE(nameOf(dtype));
  for (int bits = 0; bits < (dtype == DType::f4e2m1 ? 16 : 256); ++bits) {
    const float value = decodeSmallFloat(static_cast<uint8_t>(bits), dtype);
    if (std::isnan(value)) continue;
    CAPTURE(bits, value);
    CHECK(encodeSmallFloat(value, dtype, false) == bits);
  }
}

TEST_CASE("small floats round to nearest even and saturate", "[ops][access]") {
  CHECK(decodeSmallFloat(encodeSmallFloat(1.0625F, DType::f8e4m3fn, true), DType::f8e4m3fn) == 1.0F);
  CHECK(decodeSmallFloat(encodeSmallFloat(1.1875F, DType::f8e4m3fn, true), DType::f8e4m3fn) == 1.25F);
  CHECK(decodeSmallFloat(encodeSmallFloat(1e6F, DType::f8e4m3fn, true), DType::f8e4m3fn) == 448.0F);
  CHECK(std::isnan(decodeSmallFloat(encodeSmallFloat(1e6F, DType::f8e4m3fn, false), DType::f8e4m3fn)));
  CHECK(std::isinf(decodeSmallFloat(encodeSmallFloat(1e6F, DType::f8e5m2, false), DType::f8e5m2)));
}

TEST_CASE("packed integers keep sign and order", "[ops][access]") {
  for (const DType dtype : {DType::i4, DType::u4, DType::i2, DType::u2}) {
    CAPTURE(nameOf(dtype));
    const int64_t count = int64_t{1} << bitsOf(dtype);
    std::vector<int64_t> values;
    for (int64_t i = 0; i < count + 1; ++i) values.push_back(i % count - (isSigned(dtype) ? count / 2 : 0));
    Buffer buffer(dtype, Shape{count + 1});
    store(std::span<const int64_t>(values), buffer);
    CHECK(load<int64_t>(std::move(buffer).freeze()) == values);
  }
}

TEST_CASE("strided copies move every width, strings too", "[ops][access]") {
  const Tensor strings(Shape{2, 2}, {"a", "b", "c", "d"});
  Buffer turned(DType::string, Shape{2, 2});
  const int64_t strides[] = {1, 2};
  copyStrided(strings, 0, strides, turned);
  CHECK(turned.strings() == std::vector<std::string>{"a", "c", "b", "d"});
  const std::vector<int16_t> numbers = {1, 2, 3, 4};
  Buffer shorts(DType::i16, Shape{2, 2});
  copyStrided(Tensor::of<int16_t>(Shape{2, 2}, numbers), 0, strides, shorts);
  CHECK(load<int64_t>(std::move(shorts).freeze()) == std::vector<int64_t>{1, 3, 2, 4});
}

TEST_CASE("arithmetic on strings is refused", "[ops][access]") {
  CHECK(throwsError(ErrorKind::unsupported, "string", [] { load<double>(Tensor(Shape{1}, {"a"})); }));
}
