// What one position of a layer's result reads of the layer's input, as a row of numbers: the patch under a 2-D Conv's
// window, or the vector that a product multiplies. For second moments and least squares.
#pragma once
#include <vector>

#include "lib/ops/window.h"

namespace compress {

class InputRows {
 public:
  /// A 2-D Conv (`node.attributes` group included), Gemm or MatMul whose weight is two-dimensional.
  static bool canRead(const Node& node, const Tensor& weight);

  /// `weight` as the node reads it; `input` and `result` are shapes of one sample.
  InputRows(const Node& node, const Shape& weight, const Shape& input, const Shape& result);

  /// Positions of the result: height x width, or rows. Batches of more than one count as more positions.
  int64_t positions() const { return positions_; }
  /// Numbers in a row: those that one output channel sums over.
  int64_t size() const { return size_; }
  /// At most `most` positions, evenly spread.
  std::vector<int64_t> spread(int64_t most) const;
  /// Appends the row of `position` in convolution group `group`.
  void append(std::span<const float> input, int64_t position, int64_t group, std::vector<float>& rows) const;
  /// Index of channel `channel` of `position` in the result.
  size_t resultIndex(int64_t position, int64_t channel) const;

 private:
  void appendPatch(std::span<const float> input, int64_t position, int64_t group, std::vector<float>& rows) const;

  bool isConv_;
  int64_t positions_ = 0, size_ = 0;
  int64_t inChannels_ = 0, outChannels_ = 0, perGroup_ = 0;  // of a Conv's data, result and group
  int64_t height_ = 0, width_ = 0, outHeight_ = 0, outWidth_ = 0;
  Window window_;
};

}  // namespace compress
