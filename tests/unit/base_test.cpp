// Text, bytes, errors, threads and random numbers.
#include <catch2/catch.hpp>

#include <cmath>
#include <cstring>

#include "lib/base/bytes.h"
#include "lib/base/error.h"
#include "lib/base/parallel.h"
#include "lib/base/random.h"
#include "lib/base/text.h"

using namespace compress;

TEST_CASE("text writes numbers that read back", "[text]") {
  CHECK(text("a", 1, ' ', true, 0.1F, ' ', -2.5) == "a1 true0.1 -2.5");
  CHECK(text(uint8_t{200}, " ", int8_t{-3}) == "200 -3");
  CHECK(fixed(12.345, 1) == "12.3");
  CHECK(fixed(NAN, 1) == "nan");
  CHECK(fixed(-INFINITY, 1) == "-inf");
  CHECK(join(std::vector<std::string>{"a", "b"}, ", ") == "a, b");
}

TEST_CASE("sizes for people", "[text]") {
  CHECK(humanBytes(999) == "999 B");
  CHECK(humanBytes(310'200) == "310.2 kB");
  CHECK(humanBytes(2'700'000) == "2.7 MB");
  CHECK(humanBytes(3'210'000'000) == "3.21 GB");
}

TEST_CASE("glob patterns", "[text]") {
  CHECK(globMatches("/layer1/*", "/layer1/conv/weight"));
  CHECK(globMatches("conv?", "conv1"));
  CHECK(globMatches("*[ab]", "xb"));
  CHECK_FALSE(globMatches("conv", "conv1"));
  CHECK(globMatches("a\\b", "a\\b"));
}

TEST_CASE("near names", "[text]") {
  const std::vector<std::string> names = {"conv2", "dense", "conv10", "conv1"};
  CHECK(nearest("conv11", names, 2) == std::vector<std::string>{"conv1", "conv10"});
}

TEST_CASE("names are shown without control characters", "[text]") {
  CHECK(displayName("a\x1B[31mb\n") == "a\\x1B[31mb\\x0A");
  CHECK(displayName("\xE2\x80\xAE") == "\\xE2\\x80\\xAE");
  CHECK(displayName("\xC3\xA9") == "\xC3\xA9");
  CHECK(displayName("\xFF") == "\\xFF");
  CHECK(displayName("\xC3") == "\\xC3");
  CHECK(displayName(std::string(300, 'x')) == std::string(200, 'x') + "...");
}

TEST_CASE("bytes are shared, sliced, read late and dropped", "[bytes]") {
  int reads = 0;
  const Bytes bytes = Bytes::lazy(8, [&] {
    ++reads;
    AlignedBytes block(8);
    std::memcpy(block.data(), "abcdefgh", 8);
    return block;
  });
  CHECK(reads == 0);
  const Bytes part = bytes.slice(2, 3);
  CHECK(std::memcmp(part.view().data(), "cde", 3) == 0);
  CHECK(bytes.view().size() == 8);
  CHECK(reads == 1);
  bytes.drop();
  CHECK(std::memcmp(part.view().data(), "cde", 3) == 0);
  CHECK(reads == 2);
  CHECK(Bytes(bytes).sharesWith(bytes));
  CHECK_FALSE(part.sharesWith(bytes));
  CHECK(Bytes().view().empty());
}

TEST_CASE("owned strings are aligned for numbers", "[bytes]") {
  for (const size_t size : {0UL, 1UL, 15UL, 16UL, 100UL}) {
    const Bytes bytes = Bytes::own(std::string(size, 'x'));
    CHECK(bytes.size() == size);
    CHECK(reinterpret_cast<uintptr_t>(bytes.view().data()) % 8 == 0);
  }
}

TEST_CASE("within adds the place on the way up", "[error]") {
  const auto fail = [] {
    within([] { return "model.onnx"; }, [] { throw Error(ErrorKind::input, "wrong", "mend it"); });
  };
  try {
    fail();
    FAIL("no error");
  } catch (const Error& error) {
    CHECK(error.message() == "model.onnx: wrong");
    CHECK(error.hint() == "mend it");
    CHECK(error.kind() == ErrorKind::input);
  }
  CHECK(within([] { return "place"; }, [] { return 3; }) == 3);
}

TEST_CASE("parallelFor visits each index once and passes an exception on", "[parallel]") {
  std::vector<int> visits(1000, 0);
  parallelFor(1000, [&](int64_t i) { ++visits[static_cast<size_t>(i)]; });
  CHECK(visits == std::vector<int>(1000, 1));
  CHECK_THROWS_AS(parallelFor(10,
                              [](int64_t i) {
                                if (i == 7) throw Error(ErrorKind::bug, "seven");
                              }),
                  Error);
  CHECK(availableProcessors() >= 1);
}

TEST_CASE("random streams repeat by key and differ between keys", "[random]") {
  Random a(1, "weights"), b(1, "weights"), c(1, "data"), d(2, "weights"), e(1, "weights", 1);
  const uint32_t first = a.bits();
  CHECK(first == b.bits());
  CHECK(first != c.bits());
  CHECK(first != d.bits());
  CHECK(first != e.bits());
}

TEST_CASE("random numbers have the moments of their distribution", "[random]") {
  Random random(0, "moments");
  double sum = 0, squares = 0, uniforms = 0;
  constexpr int kCount = 100'000;
  int64_t largest = 0;
  for (int i = 0; i < kCount; ++i) {
    const double x = random.normal(), u = random.uniform();
    sum += x;
    squares += x * x;
    uniforms += u;
    if (u < 0 || u >= 1) FAIL("outside [0, 1)");
    largest = std::max(largest, random.below(7));
  }
  CHECK(sum / kCount == Approx(0).margin(0.016));  // 5 standard errors
  CHECK(squares / kCount == Approx(1).margin(0.023));
  CHECK(uniforms / kCount == Approx(0.5).margin(0.005));
  CHECK(largest == 6);
}
