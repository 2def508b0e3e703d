#include "passes/quantize/energy.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>

namespace compress {
namespace {

constexpr size_t kLanes = 16;
constexpr double kLeastSignal = 1e-30;

/// Sum of at(i) for i in [0, count), in lanes that are added up at the end.
template <typename At>
[[gnu::always_inline]] inline double sumInLanes(size_t count, const At& at) {
  std::array<double, kLanes> lanes{};
  const size_t whole = count / kLanes * kLanes;
  for (size_t i = 0; i < whole; i += kLanes)
    for (size_t lane = 0; lane < kLanes; ++lane) lanes[lane] += at(i + lane);
  for (size_t i = whole; i < count; ++i) lanes[i - whole] += at(i);
  return std::accumulate(lanes.begin(), lanes.end(), 0.0);
}

[[gnu::target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")]] double sumOfSquares(const float* x,
                                                                                          size_t count) {
  return sumInLanes(count, [x](size_t i) { return static_cast<double>(x[i]) * static_cast<double>(x[i]); });
}

[[gnu::target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")]] double sumOfSquaredDifferences(const float* x,
                                                                                                     const float* y,
                                                                                                     size_t count) {
  return sumInLanes(count, [x, y](size_t i) {
    const double difference = static_cast<double>(x[i]) - static_cast<double>(y[i]);
    return difference * difference;
  });
}

[[gnu::target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")]] double sumOfDifferences(const float* x,
                                                                                              const float* y,
                                                                                              size_t count) {
  return sumInLanes(count, [x, y](size_t i) { return static_cast<double>(x[i]) - static_cast<double>(y[i]); });
}

}  // namespace

double Energy::db() const {
  return error <= 0 ? 200 : 10 * std::log10(std::max(signal, kLeastSignal) / error);
}

double Energy::relativeError() const {
  return error / std::max(signal, kLeastSignal);
}

void addEnergy(Energy& energy, const Tensor& expected, const Tensor& found) {
  const auto x = expected.as<float>(), y = found.as<float>();
  energy.signal += sumOfSquares(x.data(), x.size());
  energy.error += sumOfSquaredDifferences(x.data(), y.data(), x.size());
}

std::vector<double> channelDifference(const ChannelView& view, const Tensor& a, const Tensor& b) {
  const float *x = a.as<float>().data(), *y = b.as<float>().data();
  std::vector<double> sums(static_cast<size_t>(view.channels), 0.0);
  for (int64_t run = 0; run < view.outer * view.channels; ++run)
    sums[static_cast<size_t>(run % view.channels)] +=
        sumOfDifferences(x + run * view.inner, y + run * view.inner, static_cast<size_t>(view.inner));
  return sums;
}

Tensor plusPerChannel(const ChannelView& view, const Tensor& tensor, const std::vector<double>& added) {
  Buffer buffer(DType::f32, tensor.shape());
  const float* from = tensor.as<float>().data();
  float* to = buffer.as<float>().data();
  for (int64_t run = 0; run < view.outer * view.channels; ++run) {
    const auto value = static_cast<float>(added[static_cast<size_t>(run % view.channels)]);
    for (int64_t i = run * view.inner; i < (run + 1) * view.inner; ++i) to[i] = from[i] + value;
  }
  return std::move(buffer).freeze();
}

}  // namespace compress
