// Vector loops of products with constant weights that are mostly zero: positions lie along the vector, one weight at a
// time is spread over them, and zeros are never seen.
#pragma once
#include <cstdint>

namespace compress {

/// Output channels that are computed together.
constexpr int64_t kSparseGroup = 4;
/// Most positions of a tile.
constexpr int64_t kSparseTile = 64;

/// Weights without their zeros, channels in groups of kSparseGroup, the last one filled up with empty channels.
struct SparseWeights {
  bool isBlocked = false;           ///< an entry is one input channel's weights for a whole group, else a single weight
  const int32_t* starts = nullptr;  ///< first entry of each group (blocked) or channel, and the end
  const int32_t* inputs = nullptr;  ///< input channel of each entry, ascending in its group or channel
  const float* values = nullptr;    ///< kSparseGroup per entry (blocked), else one
  const float* bias = nullptr;      ///< one per channel, whole groups
};

/// Some positions of a product, and the groups of output channels that are wanted of them.
struct SparseTask {
  SparseWeights weights;
  const float* source;  ///< of the first position; channels of one position are contiguous
  int64_t step;         ///< elements between positions
  int64_t positions;    ///< 1 to `pitch`
  int64_t pitch;        ///< a multiple of 16 up to kSparseTile
  int64_t inputs, outputs;
  int64_t firstGroup, lastGroup;
  float* tile;    ///< scratch: inputs * pitch elements, aligned to 64 bytes
  float* target;  ///< of the first position; positions are `outputs` apart
};
/// target = weights * source + bias, tile by tile. A result is the sum of two sums, over even and odd entries: it does not depend on
/// what else is in the task. Reads `tile` as it is unless `loadsTile`.
void runSparseTask(const SparseTask& task, bool loadsTile);
/// The same position by position, for blocked weights and few positions: no tile. A result is the sum of four sums.
void runSparseRows(const SparseTask& task);

}  // namespace compress
