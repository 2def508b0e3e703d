// Random operators: the same numbers for the same seed, others for another, and the distribution that they promise.
#include <catch2/catch.hpp>
#include <cmath>
#include <map>

#include "lib/base/text.h"
#include "lib/ops/evaluate.h"
#include "lib/ops/upgrade.h"
#include "tests/support/build.h"

using namespace compress;
using namespace compress::test;

namespace {

std::vector<double> draw(const std::string& statements, std::vector<Tensor> inputs = {}) {
  return toDoubles(evaluate(upgraded(buildModel(statements + "output y\n")).graph, inputs).at(0));
}

double mean(const std::vector<double>& values) {
  double sum = 0;
  for (const double value : values) sum += value;
  return sum / static_cast<double>(values.size());
}

double deviation(const std::vector<double>& values) {
  const double middle = mean(values);
  double sum = 0;
  for (const double value : values) sum += (value - middle) * (value - middle);
  return std::sqrt(sum / static_cast<double>(values.size()));
}

}  // namespace

TEST_CASE("a seed decides what random operators draw", "[property][ops]") {
  const std::string op = GENERATE("RandomNormal[shape=[64], seed=", "RandomUniform[shape=[64], seed=");
  const auto drawn = [&](const std::string& seed) { return draw("y = " + op + seed + "]()\n"); };
  CHECK(drawn("3.0") == drawn("3.0"));
  CHECK(drawn("3.0") != drawn("4.0"));
}

TEST_CASE("random operators keep their distribution", "[property][ops]") {
  const int seed = GENERATE(range(0, 5));
  CAPTURE(seed);
  const std::string tail = text(", seed=", seed, ".0]");
  // Ten thousand draws: means lie within 5 standard errors but once in a million tries.
  const auto normal = draw("y = RandomNormal[shape=[10000], mean=2.0, scale=3.0" + tail + "()\n");
  CHECK(std::abs(mean(normal) - 2) < 5 * 0.03);
  CHECK(deviation(normal) == Approx(3).epsilon(0.05));
  const auto uniform = draw("y = RandomUniform[shape=[10000], low=-1.0, high=3.0" + tail + "()\n");
  CHECK(std::abs(mean(uniform) - 1) < 5 * 0.0116);
  CHECK(*std::ranges::min_element(uniform) >= -1);
  CHECK(*std::ranges::max_element(uniform) < 3);
  const Tensor chances = Tensor::of<float>(Shape{10000}, std::vector<float>(10000, 0.3F));
  const auto flips = draw("input p: float32[10000]\ny = Bernoulli[seed=" + text(seed, ".0") + "](p)\n", {chances});
  CHECK(std::abs(mean(flips) - 0.3) < 5 * 0.0046);
  const Tensor logs =
      Tensor::of<float>(Shape{1, 3}, std::vector<float>{std::log(0.2F), std::log(0.5F), std::log(0.3F)});
  std::map<double, int> classes;
  for (const double drawn : draw("input p: float32[1, 3]\ny = Multinomial[sample_size=10000" + tail + "(p)\n", {logs}))
    ++classes[drawn];
  CHECK(classes.size() == 3);
  CHECK(std::abs(classes[1] - 5000) < 5 * 50);
}
