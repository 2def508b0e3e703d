// Costs were fitted to products of 8 to 1,024 channels at 1 to 4,096 positions on AVX-512 (oneDNN's f32 convolutions on
// the dense side); docs/decisions tells how.
#include "lib/runtime/plan/sparse.h"

#include <algorithm>
#include <utility>

namespace compress {
namespace {

/// Time per position in dense multiply-adds: what turning a tile costs per channel, and what an entry costs.
constexpr double kPerInput = 10;
constexpr double kPerOutput = 18;
constexpr double kPerBlock = 4.7;
constexpr double kPerWeight = 1.8;
/// Single weights of many inputs, or at few positions, wait for memory.
constexpr double kPerSlowWeight = 3;
constexpr int64_t kManyInputs = 128;
constexpr int64_t kFewPositions = 64;
/// Position by position.
constexpr double kPerRowOutput = 55;
constexpr double kPerRowBlock = 52;
constexpr int64_t kMostRows = 3;
/// Positions that a vector holds.
constexpr int64_t kVector = 16;
/// A dense product of few positions waits for its weights as if they were so many.
constexpr int64_t kDenseOfTiny = 2;  // one position, weights that lie in the first-level cache
constexpr int64_t kTinyWeights = 8192;
constexpr int64_t kDenseOfOne = 3;
constexpr int64_t kDenseOfFew = 6;
/// How much faster it has to look.
constexpr double kMargin = 1.2;
constexpr int64_t kBlock = 4;

/// A few weights tell whether counting all of them is worth while.
bool looksDense(std::span<const float> weights) {
  constexpr size_t kProbes = 509;
  constexpr double kLeastZeros = 0.25;
  const size_t step = std::max<size_t>(weights.size() / kProbes, 1);
  size_t zeros = 0, probes = 0;
  for (size_t i = 0; i < weights.size(); i += step, ++probes) zeros += weights[i] == 0 ? 1 : 0;
  return static_cast<double>(zeros) < kLeastZeros * static_cast<double>(probes);
}

/// Positions that the dense product of `shape` costs.
int64_t densePositions(const ProductShape& shape) {
  const bool isTiny = shape.inputs * shape.outputs < kTinyWeights;
  const int64_t least = shape.positions > 1 ? kDenseOfFew : isTiny ? kDenseOfTiny : kDenseOfOne;
  return std::max(shape.positions, least);
}

struct Counts {
  int64_t nonzeros = 0, blocks = 0;
};

Counts countEntries(const ProductShape& shape, std::span<const float> weights) {
  Counts counts;
  for (int64_t first = 0; first < shape.outputs; first += kBlock) {
    const int64_t last = std::min(first + kBlock, shape.outputs);
    for (int64_t k = 0; k < shape.inputs; ++k) {
      int64_t nonzeros = 0;
      for (int64_t m = first; m < last; ++m) nonzeros += weights[shape.index(m, k)] != 0 ? 1 : 0;
      counts.nonzeros += nonzeros;
      counts.blocks += nonzeros > 0 ? 1 : 0;
    }
  }
  return counts;
}

}  // namespace

std::optional<SparseForm> findSparseForm(const ProductShape& shape, std::span<const float> weights) {
  using Walk = SparseForm::Walk;
  if (shape.positions <= 0 || weights.empty() || looksDense(weights)) return std::nullopt;
  const Counts counts = countEntries(shape, weights);
  const auto inputs = static_cast<double>(shape.inputs), outputs = static_cast<double>(shape.outputs);
  const auto blocks = static_cast<double>(counts.blocks), nonzeros = static_cast<double>(counts.nonzeros);
  const bool isSlow = shape.inputs > kManyInputs || shape.positions < kFewPositions;
  const auto padded = static_cast<double>((shape.positions + kVector - 1) / kVector * kVector);
  const double turning = kPerInput * inputs + kPerOutput * outputs;
  std::pair<double, Walk> best{padded * (turning + kPerBlock * blocks), Walk::blocks};
  best = std::min(best, {padded * (turning + (isSlow ? kPerSlowWeight : kPerWeight) * nonzeros), Walk::single});
  const auto positions = static_cast<double>(shape.positions);
  if (shape.positions <= kMostRows)
    best = std::min(best, {positions * (kPerRowOutput * outputs + kPerRowBlock * blocks), Walk::rows});
  if (best.first * kMargin > inputs * outputs * static_cast<double>(densePositions(shape))) return std::nullopt;
  return SparseForm{best.second, static_cast<int64_t>(best.first)};
}

}  // namespace compress
