// Quantized Conv against its meaning: DequantizeLinear, Conv in double, QuantizeLinear.
#include <catch2/catch.hpp>

#include <algorithm>

#include "lib/base/bytes.h"
#include "lib/runtime/cpu/int8/conv.h"
#include "tests/support/quantized.h"

using namespace compress;
using namespace compress::int8;

namespace {

struct Case {
  ConvParameters parameters;
  Tensor weights;
  std::vector<uint8_t> x;
};

Case randomCase(int seed) {
  Random random(static_cast<uint64_t>(seed), "int8 conv");
  const auto pick = [&](std::initializer_list<int64_t> choices) {
    return choices.begin()[random.below(static_cast<int64_t>(choices.size()))];
  };
  Case made;
  ConvParameters& p = made.parameters;
  const bool depthwise = random.below(4) == 0;
  p.x.dtype = depthwise || random.below(4) > 0 ? DType::u8 : DType::i8;
  p.shape = {pick({1, 1, 2}), pick({1, 3, 8, 16, 17, 32, 64}), pick({5, 8, 13, 16}), pick({5, 9, 16})};
  p.outChannels = depthwise ? p.shape.channels : pick({1, 3, 10, 16, 32, 48});
  p.group = depthwise                                                                     ? p.shape.channels
            : p.shape.channels % 8 == 0 && p.outChannels % 2 == 0 && random.below(4) == 0 ? 2
                                                                                          : 1;
  p.kernelHeight = pick({1, 3, 3, 5});
  p.kernelWidth = pick({p.kernelHeight, p.kernelHeight, 1});
  p.strideH = p.strideW = pick({1, 1, 2});
  p.dilationH = p.dilationW = p.kernelHeight < 5 ? pick({1, 1, 2}) : 1;
  p.x.zero = static_cast<int32_t>(random.below(2) == 0 ? 0 : p.x.lowest() + random.below(256));
  p.x.scale = static_cast<float>(random.uniform(0.001, 0.1));
  if (p.x.zero == 0) {
    p.top = random.below(2), p.bottom = random.below(2), p.left = random.below(2), p.right = random.below(2);
    if (!p.canPad()) p.top = p.bottom = p.left = p.right = 0;
  }
  const Shape weightShape{p.outChannels, p.shape.channels / p.group, p.kernelHeight, p.kernelWidth};
  std::vector<int8_t> weights(static_cast<size_t>(weightShape.elementCount()));
  for (int8_t& w : weights) w = static_cast<int8_t>(random.below(255) - 127);
  made.weights = Tensor::of<int8_t>(weightShape, weights);
  const auto scales = static_cast<size_t>(random.below(3) == 0 ? 1 : p.outChannels);
  for (size_t i = 0; i < scales; ++i) p.weightScales.push_back(static_cast<float>(random.uniform(0.001, 0.02)));
  const double spread = p.x.scale * 0.01 * 74 * 74 * std::sqrt(static_cast<double>(weightShape.count(1, 4)));
  if (random.below(4) > 0)
    for (int64_t m = 0; m < p.outChannels; ++m) p.bias.push_back(spread * random.normal());
  if (random.below(5) == 0) p.result = ConvResult::reals;
  p.y = {static_cast<float>(spread * random.uniform(0.01, 0.03)),
         static_cast<int32_t>(p.x.lowest() + random.below(256)), p.x.dtype};
  if (random.below(3) == 0) p.low = 0;
  if (random.below(4) == 0) p.high = spread * 2;
  made.x = test::randomBytes(random, p.shape.elementCount());
  return made;
}

/// Real results, channels last, after the Clip.
std::vector<double> meaning(const Case& made) {
  const ConvParameters& p = made.parameters;
  const auto weights = made.weights.as<int8_t>();
  const int64_t perGroup = p.shape.channels / p.group, outPerGroup = p.outChannels / p.group;
  std::vector<double> result;
  for (int64_t n = 0; n < p.shape.images; ++n)
    for (int64_t oh = 0; oh < p.outHeight(); ++oh)
      for (int64_t ow = 0; ow < p.outWidth(); ++ow)
        for (int64_t m = 0; m < p.outChannels; ++m) {
          double sum = 0;
          for (int64_t c = 0; c < perGroup; ++c)
            for (int64_t kh = 0; kh < p.kernelHeight; ++kh)
              for (int64_t kw = 0; kw < p.kernelWidth; ++kw) {
                const int64_t h = oh * p.strideH - p.top + kh * p.dilationH,
                              w = ow * p.strideW - p.left + kw * p.dilationW;
                if (h < 0 || w < 0 || h >= p.shape.height || w >= p.shape.width) continue;
                const int64_t channel = m / outPerGroup * perGroup + c;
                const int64_t at = ((n * p.shape.height + h) * p.shape.width + w) * p.shape.channels + channel;
                sum += test::dequantized(made.x[static_cast<size_t>(at)], p.x) *
                       weights[static_cast<size_t>(((m * perGroup + c) * p.kernelHeight + kh) * p.kernelWidth + kw)];
              }
          const size_t channel = static_cast<size_t>(m);
          sum *= p.weightScales[p.weightScales.size() == 1 ? 0 : channel];
          if (!p.bias.empty()) sum += p.bias[channel];
          result.push_back(std::min(std::max(sum, p.low), p.high));
        }
  return result;
}

/// The kernel's result as bytes (four per element for a float result).
std::vector<uint8_t> run(const Case& made, int threads) {
  static CpuContext context;
  QuantizedConv conv(made.parameters, made.weights, context, threads);
  const ConvParameters& p = made.parameters;
  const int64_t elements = p.shape.images * p.outChannels * p.outHeight() * p.outWidth();
  const int64_t bytes = elements * p.resultBytes();
  constexpr int64_t kGuard = 256;
  AlignedBytes scratch(static_cast<size_t>(conv.scratchBytes() + kGuard)), y(static_cast<size_t>(bytes + 2 * kGuard));
  std::fill_n(scratch.data() + conv.scratchBytes(), kGuard, std::byte{0xA5});
  std::fill_n(y.data(), bytes + 2 * kGuard, std::byte{0xA5});
  std::byte* const inputs[] = {reinterpret_cast<std::byte*>(const_cast<uint8_t*>(made.x.data()))};
  std::byte* const outputs[] = {y.data() + kGuard};
  conv.bind(inputs, outputs, scratch.data());
  conv.run();
  INFO(conv.name());
  const auto isGuard = [](std::byte byte) { return byte == std::byte{0xA5}; };
  CHECK(std::all_of(y.data(), y.data() + kGuard, isGuard));
  CHECK(std::all_of(y.data() + kGuard + bytes, y.data() + bytes + 2 * kGuard, isGuard));
  CHECK(std::all_of(scratch.data() + conv.scratchBytes(), scratch.data() + conv.scratchBytes() + kGuard, isGuard));
  const auto* result = reinterpret_cast<const uint8_t*>(y.data() + kGuard);
  return {result, result + bytes};
}

}  // namespace

TEST_CASE("a quantized Conv is within a step of dequantize, Conv, quantize", "[int8][int8-conv]") {
  double differing = 0;
  int64_t counted = 0;
  for (int seed = 0; seed < 300; ++seed) {
    const Case made = randomCase(seed);
    const ConvParameters& p = made.parameters;
    if (p.outHeight() < 1 || p.outWidth() < 1) continue;
    CAPTURE(seed, p.shape.channels, p.outChannels, p.group, p.kernelHeight, p.x.zero, p.y.zero);
    const std::vector<double> expected = meaning(made);
    const std::vector<uint8_t> result = run(made, omp_get_max_threads());
    if (p.result == ConvResult::reals) {
      double worst = 0, scale = 0;
      for (size_t i = 0; i < expected.size(); ++i) {
        worst = std::max(worst, std::abs(reinterpret_cast<const float*>(result.data())[i] - expected[i]));
        scale = std::max(scale, std::abs(expected[i]));
      }
      CHECK(worst <= 1e-5 * std::max(scale, 1e-3));  // sums of products, exact in s32, meet float at the end only
      continue;
    }
    std::vector<uint8_t> quantized;
    for (const double real : expected) quantized.push_back(test::quantized(real, p.y));
    const test::Difference difference = test::differenceOf(result, quantized, p.y.dtype);
    CHECK(difference.largest <= 1);
    differing += difference.share;
    ++counted;
  }
  INFO("share of elements that differ: " << differing / static_cast<double>(counted));
  CHECK(differing / static_cast<double>(counted) < 1e-3);
  WARN("quantized Conv: " << counted
                          << " cases, share of elements one step off: " << differing / static_cast<double>(counted));
}

TEST_CASE("padding that oneDNN cannot do is told", "[int8][int8-conv]") {
  ConvParameters p;
  p.shape = {1, 4, 8, 8};
  p.kernelHeight = p.kernelWidth = 3;
  p.top = p.left = p.bottom = p.right = 1;
  CHECK(p.canPad());
  p.x.zero = 5;
  CHECK_FALSE(p.canPad());
  p.x.zero = 0;
  p.kernelHeight = p.kernelWidth = 1;
  p.strideH = p.strideW = 2;
  CHECK_FALSE(p.canPad());
}

TEST_CASE("a quantized Conv gives the same bytes for any thread count", "[int8][int8-conv]") {
  for (int seed = 0; seed < 60; ++seed) {
    const Case made = randomCase(seed);
    if (made.parameters.outHeight() < 1 || made.parameters.outWidth() < 1) continue;
    CAPTURE(seed);
    CHECK(test::sameForAnyThreadCount<std::vector<uint8_t>>([&](int threads) { return run(made, threads); }));
  }
}
