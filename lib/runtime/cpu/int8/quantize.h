// QuantizeLinear and DequantizeLinear of whole tensors, with the change of layout that stands at the border of a quantized
// network: [N, C, H, W] floats become [N, H, W, C] bytes and back.
#pragma once
#include "lib/runtime/cpu/int8/rounding.h"
#include "lib/runtime/cpu/int8/rows.h"

namespace compress::int8 {

/// y[i] = saturate(round(x[i] / scale) + zero), ties to even; NaN becomes the lowest step.
void quantize(const Quantization& to, const float* x, uint8_t* y, int64_t count);
/// y[i] = scale * (x[i] - zero).
void dequantize(const Quantization& from, const uint8_t* x, float* y, int64_t count);

/// How channels-last bytes are gathered from floats: channel c of pixel (h, w) of image n is
/// x[n * imageStride + channelOffset[c] + h * rowStride + w * columnStride]. Plain [C, H, W] has channelOffset[c] = c*H*W.
struct ChannelSource {
  int64_t imageStride = 0, rowStride = 0, columnStride = 1;
  const int64_t* channelOffset = nullptr;
};
struct ImageShape {
  int64_t images = 1, channels = 1, height = 1, width = 1;
  int64_t elementCount() const { return images * channels * height * width; }
};

/// Quantizes into a bordered [N, H, W, C] buffer.
void quantizeToChannelsLast(const Quantization& to, const ImageShape& shape, const ChannelSource& source, const float* x,
                            uint8_t* y, const Border& border);
/// [N, H, W, C] bytes as [N, C, H, W] floats.
void dequantizeToChannelsFirst(const Quantization& from, const ImageShape& shape, const uint8_t* x, float* y);

/// The grid of a dense or bordered [N, H, W, C] buffer of bytes.
Grid gridOf(const ImageShape& shape, const Border& border, uint8_t fill);

}  // namespace compress::int8
