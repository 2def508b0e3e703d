#include "passes/quantize/round_weights.h"

#include <algorithm>
#include <cmath>

#include "lib/base/parallel.h"
#include "passes/input_rows.h"
#include "passes/quantize/rules.h"

namespace compress {
namespace {

/// rows x size of one group over all samples.
std::vector<float> gatherRows(const Node& node, const Tensor& weight, std::span<const Tensor> inputs,
                              std::span<const Tensor> results, int64_t positions, int64_t group) {
  std::vector<float> rows;
  for (size_t sample = 0; sample < inputs.size(); ++sample) {
    const InputRows reader(node, weight.shape(), inputs[sample].shape(), results[sample].shape());
    for (const int64_t position : reader.spread(positions))
      reader.append(inputs[sample].as<float>(), position, group, rows);
  }
  return rows;
}

/// body(i) for i in [0, count), on several threads only where `work` multiplications pay for starting them.
template <typename Body>
void forEachRow(int64_t count, int64_t work, const Body& body) {
  constexpr int64_t kWorthThreads = 1 << 18;
  if (work >= kWorthThreads) return parallelFor(count, body);
  for (int64_t i = 0; i < count; ++i) body(i);
}

std::vector<float> secondMoments(const std::vector<float>& patches, int64_t size) {
  std::vector<float> sums(static_cast<size_t>(size * size), 0.0F);
  const int64_t rows = static_cast<int64_t>(patches.size()) / size;
  forEachRow(size, rows * size * size / 2, [&](int64_t i) {
    float* to = sums.data() + i * size;
    for (int64_t r = 0; r < rows; ++r) {
      const float* patch = patches.data() + r * size;
      const float factor = patch[i];
      if (factor == 0) continue;
      for (int64_t j = i; j < size; ++j) to[j] += factor * patch[j];
    }
  });
  return sums;
}

/// The upper triangular U with U^T U = (H + damping)^-1, from the factor R of H = R R^T, R upper: U = R^-1.
std::vector<double> inverseFactor(const std::vector<float>& moments, int64_t n) {
  constexpr double kDamping = 0.01;
  const auto at = [n](int64_t i, int64_t j) { return static_cast<size_t>(i * n + j); };
  double trace = 0;
  for (int64_t i = 0; i < n; ++i) trace += static_cast<double>(moments[at(i, i)]);
  const double damping = std::max(kDamping * trace / static_cast<double>(n), 1e-12);
  std::vector<double> r(static_cast<size_t>(n * n), 0.0), u(static_cast<size_t>(n * n), 0.0);
  for (int64_t j = n - 1; j >= 0; --j) {
    forEachRow(j + 1, (j + 1) * (n - j), [&](int64_t i) {
      double sum = static_cast<double>(moments[at(i, j)]) + (i == j ? damping : 0.0);
      for (int64_t k = j + 1; k < n; ++k) sum -= r[at(i, k)] * r[at(j, k)];
      r[at(i, j)] = sum;
    });
    const double diagonal = std::sqrt(std::max(r[at(j, j)], 1e-12));
    for (int64_t i = 0; i < j; ++i) r[at(i, j)] /= diagonal;
    r[at(j, j)] = diagonal;
  }
  forEachRow(n, n * n * n / 6, [&](int64_t i) {
    std::vector<double> sums(static_cast<size_t>(n), 0.0);
    for (int64_t k = i; k < n; ++k) {
      const double value = ((k == i ? 1.0 : 0.0) - sums[static_cast<size_t>(k)]) / r[at(k, k)];
      u[at(i, k)] = value;
      for (int64_t j = k + 1; j < n; ++j) sums[static_cast<size_t>(j)] += value * r[at(k, j)];
    }
  });
  return u;
}

}  // namespace

Moments inputMoments(const Node& node, const Tensor& weight, std::span<const Tensor> inputs,
                     std::span<const Tensor> results, int64_t positions) {
  Moments moments;
  const bool isConv = node.op == "Conv";
  moments.groups = isConv ? node.attributes.integer("group", 1) : 1;
  moments.size = weight.elementCount() / weight.shape()[isConv ? 0 : static_cast<size_t>(weightAxis(node))];
  moments.sums.resize(static_cast<size_t>(moments.groups));
  parallelFor(moments.groups, [&](int64_t group) {
    const std::vector<float> rows = gatherRows(node, weight, inputs, results, positions, group);
    moments.sums[static_cast<size_t>(group)] = secondMoments(rows, moments.size);
  });
  return moments;
}

void roundByMoments(QuantizedWeight& rounded, const Tensor& weight, int64_t axis, const Moments& moments) {
  const ChannelView view(weight.shape(), axis);
  const auto values = weight.as<float>();
  Buffer codes(DType::i8, weight.shape());
  const auto to = codes.as<int8_t>();
  const int64_t n = moments.size, perGroup = view.channels / moments.groups;
  parallelFor(moments.groups, [&](int64_t group) {
    const std::vector<double> u = inverseFactor(moments.sums[static_cast<size_t>(group)], n);
    forEachRow(perGroup, perGroup * n * n / 2, [&](int64_t inGroup) {
      const int64_t channel = group * perGroup + inGroup;
      const double scale = static_cast<double>(
          rounded.encoding.scales[rounded.encoding.scales.size() == 1 ? 0 : static_cast<size_t>(channel)]);
      std::vector<double> row;
      std::vector<size_t> places;
      view.each(channel, [&](int64_t at) {
        row.push_back(static_cast<double>(values[static_cast<size_t>(at)]));
        places.push_back(static_cast<size_t>(at));
      });
      for (int64_t k = 0; k < n; ++k) {
        const double code = std::clamp(std::nearbyint(row[static_cast<size_t>(k)] / scale), -127.0, 127.0);
        to[places[static_cast<size_t>(k)]] = static_cast<int8_t>(code);
        const double error = (row[static_cast<size_t>(k)] - code * scale) / u[static_cast<size_t>(k * n + k)];
        for (int64_t j = k + 1; j < n; ++j) row[static_cast<size_t>(j)] -= error * u[static_cast<size_t>(k * n + j)];
      }
    });
  });
  rounded.codes = std::move(codes).freeze();
}

}  // namespace compress
