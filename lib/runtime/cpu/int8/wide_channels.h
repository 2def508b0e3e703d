// Output channels of a quantized Conv whose weights need nine bits: 8-bit weights minus a zero point may lie beyond
// s8. A tensor with one scale for all channels reaches its ends in a channel or two; those are computed here, and
// take the place of what oneDNN made of saturated weights.
#pragma once
#include <vector>

#include "lib/runtime/cpu/int8/conv.h"
#include "lib/runtime/cpu/int8/requantize.h"

namespace compress::int8 {

class WideChannels {
 public:
  /// `weights` are those of output channels `channels`: i16 [channels, C / group, kernelHeight, kernelWidth].
  WideChannels(const ConvParameters& parameters, std::span<const int64_t> channels, const Tensor& weights);
  /// Source and result are those of the Conv, channels-last. On at most `threads` threads.
  void run(const std::byte* x, std::byte* y, int threads) const;

 private:
  struct Channel {
    int64_t to;    ///< output channel
    int64_t from;  ///< first input channel
    ChannelScaling scaling;
    std::vector<int16_t> weights;  ///< [kernelHeight, kernelWidth, C / group]
  };
  /// `count` results of row `row` from column `first` on.
  struct Run {
    int64_t row, first, count;
  };
  template <typename Byte>
  void sum(const Channel& channel, const Byte* image, const Run& run, int32_t* sums) const;
  template <typename Byte>
  void addPixels(const Byte* line, int64_t left, const int16_t* weights, const Run& run, int32_t* sums) const;
  template <typename Byte>
  void addPlanes(const Byte* line, int64_t left, const int16_t* weights, const Run& run, int32_t* sums) const;
  void store(const Channel& channel, const int32_t* sums, int64_t count, std::byte* pixels) const;

  ConvParameters p_;
  int64_t perGroup_;
  bool planar_;   ///< few input channels: spread them out first
  int64_t tile_;  ///< results at a time
  std::vector<Channel> channels_;
};

}  // namespace compress::int8
