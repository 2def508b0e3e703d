#include "lib/eval/statistics.h"

#include <catch2/catch.hpp>

using namespace compress;

TEST_CASE("percentiles interpolate between ranks", "[statistics]") {
  const std::vector<double> values = {4, 1, 3, 2};
  CHECK(median(values) == Approx(2.5));
  CHECK(percentile(values, 0) == 1);
  CHECK(percentile(values, 1) == 4);
}

TEST_CASE("Wilson's interval agrees with published values", "[statistics]") {
  // Newcombe 1998, table I: 81 of 263 gives 0.2553 to 0.3662; 0 of 20 gives 0 to 0.1611.
  CHECK(wilson(81, 263).low == Approx(0.2553).margin(5e-5));
  CHECK(wilson(81, 263).high == Approx(0.3662).margin(5e-5));
  CHECK(wilson(0, 20).low == Approx(0).margin(1e-12));
  CHECK(wilson(0, 20).high == Approx(0.1611).margin(5e-5));
}

TEST_CASE("Mann-Whitney sees a shift and no shift", "[statistics]") {
  std::vector<double> a, b;
  for (int i = 0; i < 50; ++i) {
    a.push_back(i);
    b.push_back(i + 25);
  }
  CHECK(mannWhitney(a, b) < 1e-6);
  CHECK(mannWhitney(a, a) == Approx(1.0));
}

TEST_CASE("McNemar's exact test", "[statistics]") {
  CHECK(mcnemar(0, 0) == 1);
  CHECK(mcnemar(0, 5) == Approx(2 * 0.03125));
  CHECK(mcnemar(5, 5) == Approx(1.0));
}
