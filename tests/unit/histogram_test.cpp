#include "lib/eval/histogram.h"

#include <catch2/catch.hpp>
#include <cmath>
#include <limits>

#include "lib/base/random.h"

using compress::Histogram;
using compress::Random;

namespace {

std::vector<float> normals(size_t count, double deviation, uint64_t index) {
  Random random(7, "histogram", index);
  std::vector<float> values(count);
  for (float& value : values) value = static_cast<float>(random.normal() * deviation);
  return values;
}

}  // namespace

TEST_CASE("a histogram does not depend on the order or the split of its data", "[histogram]") {
  std::vector<float> all;
  std::vector<std::vector<float>> parts;
  for (const double deviation : {1e-30, 1e-3, 1.0, 300.0}) parts.push_back(normals(20'000, deviation, parts.size()));
  parts.push_back({-1e-40F, 1e-40F, 0.0F, -0.0F, -2048.0F, 2048.0F});
  for (const auto& part : parts) all.insert(all.end(), part.begin(), part.end());
  Histogram whole, merged, reversed;
  whole.add(all);
  std::ranges::reverse(all);
  reversed.add(all);
  for (const auto& part : parts) {
    Histogram one;
    one.add(part);
    merged.merge(one);
  }
  CHECK(whole == merged);
  CHECK(whole == reversed);
  CHECK(whole.count() == all.size());
  CHECK(Histogram::restore(whole.state()) == whole);
}

TEST_CASE("a value lies in the bin that names its interval", "[histogram]") {
  for (const float value : {0.0F, 1.0F, -1.0F, 3.14159F, -2.71828F, 1e-30F, -1e30F, 2048.0F, -2048.0F}) {
    Histogram histogram;
    histogram.add(std::vector<float>{value});
    int found = -1;
    for (int i = 0; i < Histogram::kBins; ++i)
      if (histogram.bin(i) != 0) found = i;
    CAPTURE(value, histogram.width(), found);
    CHECK((found - Histogram::kBins / 2) * histogram.width() <= value);
    CHECK((found + 1 - Histogram::kBins / 2) * histogram.width() > value);
    CHECK(histogram.min() == value);
    CHECK(histogram.max() == value);
  }
}

TEST_CASE("what is not finite is counted apart", "[histogram]") {
  Histogram histogram;
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  histogram.add(std::vector<float>{1, std::numeric_limits<float>::quiet_NaN(), -kInfinity, kInfinity, -3});
  CHECK(histogram.count() == 2);
  CHECK(histogram.nonFinite() == 3);
  CHECK(histogram.min() == -3);
  CHECK(histogram.max() == 1);
}

TEST_CASE("the sign of a zero does not show in a histogram's ends", "[histogram]") {
  Histogram minusFirst, plusFirst;
  minusFirst.add(std::vector<float>{-0.0F, 0.0F});
  plusFirst.add(std::vector<float>{0.0F, -0.0F});
  CHECK_FALSE(std::signbit(minusFirst.min()));
  CHECK_FALSE(std::signbit(plusFirst.max()));
}
