#include "passes/quantize/weights.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "lib/base/parallel.h"

namespace compress {
namespace {

constexpr float kLimit = 127;
constexpr double kBiasLimit = 1 << 30;

/// Nearest code, ties to even: adding and subtracting 1.5 * 2^23 rounds what is far smaller.
[[gnu::always_inline]] inline float code(float value, float scale) {
  constexpr float kRound = 12582912;
  return std::min(std::max(value / scale, -kLimit), kLimit) + kRound - kRound;
}

constexpr size_t kCandidates = 25;
using Candidates = std::array<float, kCandidates>;

/// Squared error of all values with each of the scales.
[[gnu::target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")]] std::array<double, kCandidates> squaredErrors(
    const std::vector<float>& values, const Candidates& scales) {
  std::array<double, kCandidates> errors{};
  for (const float value : values)
    for (size_t i = 0; i < kCandidates; ++i) {
      const double difference = static_cast<double>(value - code(value, scales[i]) * scales[i]);
      errors[i] += difference * difference;
    }
  return errors;
}

float scaleFor(float largest) {
  const float scale = largest / kLimit;
  return std::isnormal(scale) ? scale : 1.0F;
}

}  // namespace

ChannelView::ChannelView(const Shape& shape, int64_t axis)
    : channels(shape.rank() == 0 ? 1 : shape[static_cast<size_t>(axis)]),
      outer(shape.rank() == 0 ? 1 : shape.count(0, static_cast<size_t>(axis))),
      inner(shape.rank() == 0 ? 1 : shape.count(static_cast<size_t>(axis) + 1, shape.rank())) {}

std::vector<float> minmaxScales(const Tensor& weight, int64_t axis, bool perChannel) {
  const auto values = weight.as<float>();
  if (!perChannel) {
    float largest = 0;
    for (const float value : values) largest = std::max(largest, std::abs(value));
    return {scaleFor(largest)};
  }
  const ChannelView view(weight.shape(), axis);
  std::vector<float> scales;
  for (int64_t c = 0; c < view.channels; ++c) {
    float largest = 0;
    view.each(c, [&](int64_t at) { largest = std::max(largest, std::abs(values[static_cast<size_t>(at)])); });
    scales.push_back(scaleFor(largest));
  }
  return scales;
}

std::vector<float> mseScales(const Tensor& weight, int64_t axis) {
  const auto values = weight.as<float>();
  const ChannelView view(weight.shape(), axis);
  std::vector<float> scales = minmaxScales(weight, axis, true);
  parallelFor(view.channels, [&](int64_t c) {
    float& scale = scales[static_cast<size_t>(c)];
    std::vector<float> channel;
    channel.reserve(static_cast<size_t>(view.perChannel()));
    view.each(c, [&](int64_t at) { channel.push_back(values[static_cast<size_t>(at)]); });
    Candidates candidates;
    for (size_t i = 0; i < kCandidates; ++i) candidates[i] = scale * (1 - 0.02F * static_cast<float>(i));
    const auto errors = squaredErrors(channel, candidates);
    scale = candidates[static_cast<size_t>(std::ranges::min_element(errors) - errors.begin())];
  });
  return scales;
}

QuantizedWeight quantizeWeight(const Tensor& weight, int64_t axis, std::vector<float> scales, std::vector<float> bias,
                               float inputScale) {
  for (size_t c = 0; c < bias.size(); ++c) {
    float& scale = scales[scales.size() == 1 ? 0 : c];
    const double needed = std::abs(static_cast<double>(bias[c])) / (static_cast<double>(inputScale) * kBiasLimit);
    if (scale < needed) scale = std::nextafter(static_cast<float>(needed), HUGE_VALF);
  }
  const auto values = weight.as<float>();
  const ChannelView view(weight.shape(), axis);
  Buffer codes(DType::i8, weight.shape());
  const auto to = codes.as<int8_t>();
  for (int64_t c = 0; c < view.channels; ++c) {
    const float scale = scales[scales.size() == 1 ? 0 : static_cast<size_t>(c)];
    view.each(c, [&](int64_t at) {
      to[static_cast<size_t>(at)] = static_cast<int8_t>(code(values[static_cast<size_t>(at)], scale));
    });
  }
  QuantizedWeight result;
  result.encoding = {DType::i8, std::move(scales), {}, std::nullopt};
  result.encoding.zeroPoints.assign(result.encoding.scales.size(), 0);
  if (result.encoding.scales.size() > 1 || view.channels == 1) result.encoding.axis = axis;
  result.codes = std::move(codes).freeze();
  result.bias = std::move(bias);
  return result;
}

Tensor dequantized(const QuantizedWeight& weight) {
  const ChannelView view(weight.codes.shape(), weight.encoding.axis.value_or(0));
  Buffer values(DType::f32, weight.codes.shape());
  const auto from = weight.codes.as<int8_t>();
  const auto to = values.as<float>();
  for (int64_t c = 0; c < view.channels; ++c) {
    const float scale = weight.encoding.scales[weight.encoding.scales.size() == 1 ? 0 : static_cast<size_t>(c)];
    view.each(c, [&](int64_t at) {
      to[static_cast<size_t>(at)] = scale * static_cast<float>(from[static_cast<size_t>(at)]);
    });
  }
  return std::move(values).freeze();
}

std::vector<int32_t> biasCodes(const QuantizedWeight& weight, float inputScale) {
  std::vector<int32_t> codes;
  const auto& scales = weight.encoding.scales;
  for (size_t c = 0; c < weight.bias.size(); ++c) {
    const double scale = static_cast<double>(inputScale * scales[scales.size() == 1 ? 0 : c]);
    codes.push_back(static_cast<int32_t>(
        std::clamp(std::nearbyint(weight.bias[c] / scale), -2.0 * kBiasLimit, 2.0 * kBiasLimit - 1)));
  }
  return codes;
}

}  // namespace compress
