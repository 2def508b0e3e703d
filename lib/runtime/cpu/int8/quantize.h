// QuantizeLinear and DequantizeLinear of whole tensors, with the change of layout that stands at the border of a
// quantized network: [N, C, H, W] floats become [N, H, W, C] bytes and back.
#pragma once
#include <vector>

#include "lib/runtime/cpu/int8/rounding.h"
#include "lib/runtime/cpu/int8/rows.h"

namespace compress::int8 {

/// y[i] = saturate(round(x[i] / scale) + zero), ties to even; NaN becomes the lowest step.
void quantize(const Quantization& to, const float* x, uint8_t* y, int64_t count);
/// y[i] = scale * (x[i] - zero).
void dequantize(const Quantization& from, const uint8_t* x, float* y, int64_t count);

struct ImageShape {
  int64_t images = 1, channels = 1, height = 1, width = 1;
  int64_t elementCount() const { return images * channels * height * width; }
};

/// Where channels-last bytes come from: channel c of pixel (h, w) of image n is
/// x[n * image + offsets[c] + h * row + w * column]. Plain [C, H, W] has offsets[c] = c*H*W.
struct ChannelSource {
  int64_t image = 0, row = 0, column = 1;
  std::vector<int64_t> offsets;
};
ChannelSource plainSource(const ImageShape& shape);

/// Quantizes floats into a bordered [N, H, W, C] buffer. Channels that lie beside each other in one line of the source
/// (column > 1) share its quantization.
class ChannelsLastQuantizer {
 public:
  ChannelsLastQuantizer(const Quantization& to, const ImageShape& shape, const ChannelSource& source,
                        const Border& border);
  void run(const float* x, uint8_t* y) const;

 private:
  struct Line {
    int64_t offset;
    int64_t last;  ///< greatest phase that a channel reads
  };
  struct Channel {
    size_t line;
    int64_t phase;  ///< 0 <= phase < column
  };
  void runRow(const float* x, uint8_t* y) const;

  Quantization to_;
  ImageShape shape_;
  int64_t image_, row_, column_;
  Border border_;
  std::vector<Line> lines_;
  std::vector<Channel> channels_;
  int64_t tile_;  ///< pixels at a time
};

/// [N, H, W, C] bytes as [N, C, H, W] floats.
void dequantizeToChannelsFirst(const Quantization& from, const ImageShape& shape, const uint8_t* x, float* y);

/// The grid of a dense or bordered [N, H, W, C] buffer of bytes.
Grid gridOf(const ImageShape& shape, const Border& border, uint8_t fill);

}  // namespace compress::int8
