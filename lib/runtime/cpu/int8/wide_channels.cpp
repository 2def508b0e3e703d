#include "lib/runtime/cpu/int8/wide_channels.h"

#include <algorithm>
#include <array>

namespace compress::int8 {
namespace {

constexpr int64_t kTile = 64;
constexpr int64_t kSpan = 1024;  ///< columns of a plane

/// sums[o] += the product of `count` channels of pixel o with `w`; pixels are `step` apart.
template <typename Byte>
[[gnu::always_inline]] inline void dotLoop(const Byte* x, int64_t step, const int16_t* w, int64_t count, int32_t* sums,
                                           int64_t pixels) {
  for (int64_t o = 0; o < pixels; ++o) {
    int32_t sum = 0;
    for (int64_t i = 0; i < count; ++i) sum += int16_t{x[o * step + i]} * w[i];
    sums[o] += sum;
  }
}
COMPRESS_VECTOR_CLONES void addDots(const uint8_t* x, int64_t step, const int16_t* w, int64_t count, int32_t* sums,
                                    int64_t pixels) {
  dotLoop(x, step, w, count, sums, pixels);
}
COMPRESS_VECTOR_CLONES void addDots(const int8_t* x, int64_t step, const int16_t* w, int64_t count, int32_t* sums,
                                    int64_t pixels) {
  dotLoop(x, step, w, count, sums, pixels);
}

template <int64_t kStep>
[[gnu::always_inline]] inline void scaleLoop(const int16_t* x, int64_t step, int16_t w, int32_t* sums, int64_t count) {
  const int64_t stride = kStep > 0 ? kStep : step;
  for (int64_t o = 0; o < count; ++o) sums[o] += x[o * stride] * w;
}
COMPRESS_VECTOR_CLONES void addScaled(const int16_t* x, int64_t step, int16_t w, int32_t* sums, int64_t count) {
  if (step == 1)
    scaleLoop<1>(x, 1, w, sums, count);
  else if (step == 2)
    scaleLoop<2>(x, 2, w, sums, count);
  else
    scaleLoop<0>(x, step, w, sums, count);
}

/// Of columns left, left + step, ... those inside [0, width): [first, last).
std::pair<int64_t, int64_t> inside(int64_t left, int64_t step, int64_t count, int64_t width) {
  const int64_t first = left < 0 ? (-left + step - 1) / step : 0;
  const int64_t last = left >= width ? 0 : (width - left + step - 1) / step;
  return {std::min(first, count), std::clamp(last, std::min(first, count), count)};
}

}  // namespace

WideChannels::WideChannels(const ConvParameters& parameters, std::span<const int64_t> channels, const Tensor& weights)
    : p_(parameters), perGroup_(parameters.shape.channels / parameters.group) {
  const int64_t reach = (p_.kernelWidth - 1) * p_.dilationW + 1;
  planar_ = perGroup_ <= 16 && reach <= kSpan;
  tile_ = planar_ ? std::min(kTile, (kSpan - reach) / p_.strideW + 1) : kTile;
  const auto values = weights.as<int16_t>();
  const int64_t taps = p_.kernelHeight * p_.kernelWidth;
  for (size_t i = 0; i < channels.size(); ++i) {
    Channel made{channels[i], channels[i] / (p_.outChannels / p_.group) * perGroup_, {}, {}};
    const auto own = values.subspan(i * static_cast<size_t>(perGroup_ * taps), static_cast<size_t>(perGroup_ * taps));
    int64_t sum = 0;
    for (int64_t tap = 0; tap < taps; ++tap)
      for (int64_t c = 0; c < perGroup_; ++c) {
        made.weights.push_back(own[static_cast<size_t>(c * taps + tap)]);
        sum += made.weights.back();
      }
    made.scaling = scalingOf(p_, static_cast<size_t>(channels[i]), sum);
    channels_.push_back(std::move(made));
  }
}

/// The taps of one row of the kernel. `left`: column of the first tap of the first result.
template <typename Byte>
void WideChannels::addPixels(const Byte* line, int64_t left, const int16_t* weights, const Run& run,
                             int32_t* sums) const {
  for (int64_t kw = 0; kw < p_.kernelWidth; ++kw, weights += perGroup_) {
    const int64_t column = left + kw * p_.dilationW;
    const auto [first, last] = inside(column, p_.strideW, run.count, p_.shape.width);
    addDots(line + (column + first * p_.strideW) * p_.shape.channels, p_.strideW * p_.shape.channels, weights,
            perGroup_, sums + first, last - first);
  }
}

/// The same by input channel: its columns one beside the other, then a loop over them per tap.
template <typename Byte>
void WideChannels::addPlanes(const Byte* line, int64_t left, const int16_t* weights, const Run& run,
                             int32_t* sums) const {
  const int64_t span = (run.count - 1) * p_.strideW + (p_.kernelWidth - 1) * p_.dilationW + 1;
  const auto [first, last] = inside(left, 1, span, p_.shape.width);
  std::array<int16_t, kSpan> plane{};
  for (int64_t c = 0; c < perGroup_; ++c) {
    for (int64_t i = first; i < last; ++i) plane[static_cast<size_t>(i)] = line[(left + i) * p_.shape.channels + c];
    for (int64_t kw = 0; kw < p_.kernelWidth; ++kw)
      addScaled(plane.data() + kw * p_.dilationW, p_.strideW, weights[kw * perGroup_ + c], sums, run.count);
  }
}

/// Positions outside the image add nothing: the Conv pads only where its zero point is 0.
template <typename Byte>
void WideChannels::sum(const Channel& channel, const Byte* image, const Run& run, int32_t* sums) const {
  std::fill_n(sums, run.count, 0);
  const int64_t left = run.first * p_.strideW - p_.left;
  for (int64_t kh = 0; kh < p_.kernelHeight; ++kh) {
    const int64_t h = run.row * p_.strideH - p_.top + kh * p_.dilationH;
    if (h < 0 || h >= p_.shape.height) continue;
    const Byte* line = image + h * p_.shape.width * p_.shape.channels + channel.from;
    const int16_t* weights = channel.weights.data() + kh * p_.kernelWidth * perGroup_;
    if (planar_)
      addPlanes(line, left, weights, run, sums);
    else
      addPixels(line, left, weights, run, sums);
  }
}

void WideChannels::store(const Channel& channel, const int32_t* sums, int64_t count, std::byte* pixels) const {
  const auto [factor, bias] = channel.scaling;
  const auto low = static_cast<float>(p_.low), high = static_cast<float>(p_.high);
  if (p_.result == ConvResult::reals) {
    auto* to = reinterpret_cast<float*>(pixels) + channel.to;
    for (int64_t o = 0; o < count; ++o)
      to[o * p_.outChannels] = clampReal((static_cast<float>(sums[o]) + bias) * factor, low, high);
    return;
  }
  const Steps bounds = stepsWithin(p_.y, low, high);
  std::array<uint8_t, kTile> steps;
  requantize(sums, steps.data(), count, {bias, factor, bounds.low, bounds.high, p_.y.zero});
  const int64_t pitch = p_.outChannels;
  std::byte* to = pixels + channel.to;
  for (int64_t o = 0; o < count; ++o) to[o * pitch] = std::byte{steps[static_cast<size_t>(o)]};
}

void WideChannels::run(const std::byte* x, std::byte* y, int threads) const {
  constexpr double kNsPerMac = 0.1;
  const int64_t rows = p_.outHeight(), width = p_.outWidth();
  const int64_t imageBytes = p_.shape.height * p_.shape.width * p_.shape.channels;
  const int64_t pixelBytes = p_.outChannels * p_.resultBytes();
  const int64_t tiles = (width + tile_ - 1) / tile_, count = p_.shape.images * rows * tiles;
  const int64_t macs =
      static_cast<int64_t>(channels_.size() * channels_[0].weights.size()) * p_.shape.images * rows * width;
  const int used = std::min(threads, threadsFor(kNsPerMac * static_cast<double>(macs)));
  splitRange(count, 1, used, [&](int64_t begin, int64_t end) {
    std::array<int32_t, kTile> sums;
    for (int64_t item = begin; item < end; ++item) {
      const int64_t line = item / tiles, first = item % tiles * tile_;
      const Run run{line % rows, first, std::min(tile_, width - first)};
      const std::byte* image = x + line / rows * imageBytes;
      for (const Channel& channel : channels_) {
        if (p_.x.dtype == DType::u8)
          sum(channel, reinterpret_cast<const uint8_t*>(image), run, sums.data());
        else
          sum(channel, reinterpret_cast<const int8_t*>(image), run, sums.data());
        store(channel, sums.data(), run.count, y + (line * width + first) * pixelBytes);
      }
    }
  });
}

}  // namespace compress::int8
