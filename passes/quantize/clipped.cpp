#include "passes/quantize/clipped.h"

#include <algorithm>
#include <numeric>
#include <tuple>

#include "lib/eval/calibration.h"

namespace compress {
namespace {

constexpr int kParts = 64;

/// Counts of the histogram's bins in kParts of [min, max].
void reduce(const Histogram& histogram, ClippedTensor& tensor) {
  const double width = histogram.width();
  tensor.from = static_cast<double>(histogram.min());
  tensor.to = std::max(static_cast<double>(histogram.max()), tensor.from + width);
  tensor.counts.assign(kParts, 0);
  for (int i = 0; i < Histogram::kBins; ++i) {
    if (histogram.bin(i) == 0) continue;
    const double middle = (i - Histogram::kBins / 2 + 0.5) * width;
    const double part = (middle - tensor.from) / (tensor.to - tensor.from) * kParts;
    tensor.counts[static_cast<size_t>(std::clamp(part, 0.0, kParts - 1.0))] += histogram.bin(i);
  }
}

}  // namespace

std::vector<ClippedTensor> widestClipped(const Graph& graph, const QuantizePlan& plan,
                                         const std::vector<Histogram>& histograms,
                                         const std::vector<RangeChoice>& ranges, size_t count) {
  std::vector<size_t> groups(plan.groups.size());
  std::iota(groups.begin(), groups.end(), size_t{0});
  std::vector<double> shares;
  for (const size_t group : groups) shares.push_back(shareOutside(histograms[group], ranges[group].range));
  std::erase_if(groups, [&](size_t group) { return histograms[group].count() == 0; });
  std::ranges::stable_sort(groups, std::greater<>(), [&](size_t group) {
    const Histogram& histogram = histograms[group];
    return std::tuple(shares[group], histogram.max() - histogram.min());
  });
  groups.resize(std::min(groups.size(), count));
  std::vector<ClippedTensor> tensors;
  for (const size_t group : groups) {
    const ValueId first = plan.tensors[plan.groups[group].tensors.front()].value;
    ClippedTensor tensor{.name = graph.value(first).name,
                         .method = ranges[group].method,
                         .range = ranges[group].range,
                         .share = shares[group],
                         .counts = {}};
    reduce(histograms[group], tensor);
    tensors.push_back(std::move(tensor));
  }
  return tensors;
}

}  // namespace compress
