// Weights as int8: scales, the guard of the bias, rounding with error feedback.
#include <catch2/catch.hpp>
#include <cmath>

#include "lib/base/random.h"
#include "passes/quantize/round_weights.h"
#include "passes/quantize/weights.h"
#include "tests/support/build.h"

using namespace compress;
using namespace compress::test;

TEST_CASE("the scale of a channel is its largest magnitude over 127", "[quantize]") {
  const Tensor weight = buildTensor(DType::f32, Shape{2, 3}, "-2, 1, 0.5, 0, 0, 0");
  const QuantizedWeight quantized = quantizeWeight(weight, 0, minmaxScales(weight, 0, true), {}, 1);
  CHECK(quantized.encoding.scales == std::vector<float>{2.0F / 127, 1.0F});
  CHECK(quantized.codes.as<int8_t>()[0] == -127);
  CHECK(quantized.codes.as<int8_t>()[3] == 0);
  CHECK(quantized.encoding.axis == 0);
}

TEST_CASE("a scale grows until the bias fits 2^30 steps", "[quantize]") {
  const Tensor weight = buildTensor(DType::f32, Shape{2, 1}, "1e-6, 1");
  const float input = 1e-3F;
  const QuantizedWeight quantized = quantizeWeight(weight, 0, minmaxScales(weight, 0, true), {5000.0F, 1.0F}, input);
  const std::vector<int32_t> bias = biasCodes(quantized, input);
  CHECK(std::abs(bias[0]) <= (1 << 30));
  CHECK(std::abs(static_cast<double>(bias[0]) * static_cast<double>(input * quantized.encoding.scales[0]) - 5000) <
        1e-3);
  CHECK(quantized.encoding.scales[1] == 1.0F / 127);
}

TEST_CASE("clipping by least squares is never worse than the largest magnitude", "[quantize]") {
  const Tensor weight = buildTensor(DType::f32, Shape{8, 64}, "", "clip");
  const auto errorWith = [&](const std::vector<float>& scales) {
    const Tensor back = dequantized(quantizeWeight(weight, 0, scales, {}, 1));
    double sum = 0;
    for (size_t i = 0; i < 512; ++i)
      sum += std::pow(static_cast<double>(back.as<float>()[i]) - weight.as<float>()[i], 2);
    return sum;
  };
  CHECK(errorWith(mseScales(weight, 0)) <= errorWith(minmaxScales(weight, 0, true)));
}

TEST_CASE("rounding with error feedback lowers the error of the layer's result", "[quantize]") {
  const int64_t size = 16, rows = 400;
  Random random(3, "correlated");
  Buffer data(DType::f32, Shape{rows, size});
  for (int64_t r = 0; r < rows; ++r) {
    const double common = random.normal();
    for (int64_t i = 0; i < size; ++i)
      data.as<float>()[static_cast<size_t>(r * size + i)] = static_cast<float>(common + 0.2 * random.normal());
  }
  const Tensor inputs = std::move(data).freeze();
  const Tensor weight = buildTensor(DType::f32, Shape{size, 4}, "", "layer");
  Node node;
  node.op = "MatMul";
  const Tensor results = buildTensor(DType::f32, Shape{rows, 4}, "fill(0)");
  const auto error = [&](const QuantizedWeight& quantized) {
    const Tensor back = dequantized(quantized);
    double sum = 0;
    for (int64_t r = 0; r < rows; ++r)
      for (int64_t c = 0; c < 4; ++c) {
        double difference = 0;
        for (int64_t i = 0; i < size; ++i) {
          const auto at = static_cast<size_t>(i * 4 + c);
          difference += static_cast<double>(inputs.as<float>()[static_cast<size_t>(r * size + i)]) *
                        (static_cast<double>(weight.as<float>()[at]) - back.as<float>()[at]);
        }
        sum += difference * difference;
      }
    return sum;
  };
  QuantizedWeight rounded = quantizeWeight(weight, 1, minmaxScales(weight, 1, true), {}, 1);
  const double nearest = error(rounded);
  roundByMoments(rounded, weight, 1, inputMoments(node, weight, {&inputs, 1}, {&results, 1}, rows));
  CHECK(error(rounded) < 0.5 * nearest);
}
