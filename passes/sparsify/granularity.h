// What goes together when weights become zero, and which of it goes by its score.
#pragma once
#include <cstdint>
#include <string_view>
#include <vector>

namespace compress {

/// Single weights, blocks of four output channels, or patterns that leave N of each M weights along the input channels.
struct Granularity {
  enum class Kind { element, block4, pattern } kind = Kind::element;
  int64_t left = 0, of = 0;  ///< of a pattern

  /// "element", "block4" or "N:M" with 0 < N < M <= 32. Throws Error(usage).
  static Granularity parse(std::string_view text);
  /// Output channels whose weights go together.
  int64_t height() const { return kind == Kind::block4 ? 4 : 1; }
};

/// What one output channel's weights are, and how output channels are grouped.
struct WeightGrid {
  int64_t outputs;   ///< of one convolution group
  int64_t channels;  ///< input channels of one convolution group
  int64_t window;    ///< weights of one input channel

  int64_t inputs() const { return channels * window; }
};

/// outputs x inputs; an input is channel * window + place. True: the weight is zero.
using ZeroMask = std::vector<char>;

/// A piece of a layer that stays or goes as one.
struct ZeroUnit {
  double score;
  int64_t output, input;  ///< of its first weight
};

/// Chooses zeros: least score first, the earlier weight first where scores are equal.
class ZeroChooser {
 public:
  ZeroChooser(Granularity granularity, WeightGrid grid) : granularity_(granularity), grid_(grid) {}

  /// Units of all outputs and the `inputs`, with the sum of their weights' `scores` (outputs x inputs).
  std::vector<ZeroUnit> units(const std::vector<double>& scores, const std::vector<int64_t>& inputs) const;
  /// Marks the `count` least of `units` in `mask`.
  void markLeast(std::vector<ZeroUnit> units, int64_t count, ZeroMask& mask) const;
  void mark(const ZeroUnit& unit, ZeroMask& mask) const;
  /// Inputs by the M of a pattern, neighbours along the channels at each place of the window; other granularities: one
  /// group of all, place by place.
  std::vector<std::vector<int64_t>> inputGroups() const;
  /// For one output and a group of inputs: marks all but the N with the largest scores.
  void markPattern(const std::vector<double>& scores, int64_t output, const std::vector<int64_t>& inputs,
                   ZeroMask& mask) const;

 private:
  Granularity granularity_;
  WeightGrid grid_;
};

}  // namespace compress
