#include "lib/eval/statistics.h"

#include <catch2/catch.hpp>
#include <cmath>

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

TEST_CASE("ranks share the mean among equals, and Spearman's correlation follows them", "[statistics]") {
  CHECK(ranks(std::vector<double>{30, 10, 20, 20}) == std::vector<double>{4, 1, 2.5, 2.5});
  CHECK(spearman(std::vector<double>{1, 2, 3}, std::vector<double>{10, 20, 900}) == Approx(1));
  CHECK(spearman(std::vector<double>{1, 2, 3}, std::vector<double>{3, 2, 1}) == Approx(-1));
  CHECK(std::isnan(spearman(std::vector<double>{1, 1}, std::vector<double>{1, 2})));
  CHECK(std::isnan(ranks(std::vector<double>{3, std::nan(""), 1})[0]));
}

TEST_CASE("the bootstrap of a mean agrees with the normal interval and is the same for a seed", "[statistics]") {
  std::vector<double> values;
  for (int i = 0; i < 400; ++i) values.push_back(i % 20);
  const auto mean = [&](std::span<const size_t> drawn) {
    double sum = 0;
    for (const size_t i : drawn) sum += values[i];
    return sum / static_cast<double>(drawn.size());
  };
  const Interval found = bootstrap(values.size(), 1, mean), again = bootstrap(values.size(), 1, mean);
  const Interval normal = meanInterval(values);
  CHECK(found.low == Approx(normal.low).margin(0.1));
  CHECK(found.high == Approx(normal.high).margin(0.1));
  CHECK(found.low == again.low);
  CHECK(std::isnan(bootstrap(0, 1, mean).low));
}
