// Quantized Conv, Gemm and MatMul by oneDNN: u8 or s8 activations times s8 weights into s32, requantized by one float
// scale per channel. The zero points never reach oneDNN, whose fast kernels lack them: the source's is folded into the
// bias as -zero * sum(weights), the result's is added by a post-operation behind the rounding.
#pragma once
#include <limits>
#include <memory>
#include <vector>

#include "lib/runtime/cpu/cpu.h"
#include "lib/runtime/cpu/int8/quantize.h"

namespace compress::int8 {

/// What a quantized Conv gives: 8-bit steps of `y`, real values in f32, or the s32 sums as they are.
enum class ConvResult { steps, reals, sums };

/// Weights are [outChannels, shape.channels / group, kernelHeight, kernelWidth], with one or `outChannels` scales.
struct ConvParameters {
  ImageShape shape;  ///< of the source; a border that holds the zero point counts as image
  int64_t outChannels = 1, group = 1;
  int64_t kernelHeight = 1, kernelWidth = 1;
  int64_t strideH = 1, strideW = 1;
  int64_t dilationH = 1, dilationW = 1;
  int64_t top = 0, left = 0, bottom = 0, right = 0;  ///< padding: none, unless canPad()
  Quantization x;
  std::vector<float> weightScales;
  std::vector<double> bias;               ///< real values, one per output channel; empty: none
  ConvResult result = ConvResult::steps;  ///< sums: of x and weights alone, as if their zero points were 0
  Quantization y;
  double low = -std::numeric_limits<double>::infinity();  ///< bounds of a Relu or Clip behind, real units
  double high = std::numeric_limits<double>::infinity();

  int64_t resultBytes() const { return result == ConvResult::steps ? 1 : 4; }  ///< of an element
  int64_t outHeight() const;
  int64_t outWidth() const;
  /// Can the padding be left to oneDNN? It pads with the integer 0, and reads through a null pointer where a window
  /// lies in padding alone. Where it cannot, give the source a border that holds the zero point.
  bool canPad() const;
};

/// Source and result are channels-last. Fed the same bytes, an element differs from DequantizeLinear, Conv in float,
/// QuantizeLinear by at most one step, near ties. Where the processor's products of bytes could saturate, integers are
/// multiplied as floats: exact up to sums of 2^24.
class QuantizedConv : public Kernel {
 public:
  QuantizedConv(const ConvParameters& parameters, const Tensor& weights, CpuContext& context, int threads);
  ~QuantizedConv() override;
  /// oneDNN's name of the implementation.
  std::string name() const override;
  void bind(std::span<std::byte* const> inputs, std::span<std::byte* const> outputs, std::byte* scratch) override;
  void run() override;
  int64_t macs() const override { return macs_; }
  int64_t scratchBytes() const { return scratchBytes_; }

 private:
  void finish() const;

  ConvParameters parameters_;
  bool isInReals_;
  std::string name_;
  int64_t macs_ = 0, scratchBytes_ = 0, realBytes_ = 0, sumBytes_ = 0;
  std::vector<float> factor_, bias_;
  const std::byte* source_ = nullptr;
  float *reals_ = nullptr, *sums_ = nullptr;
  std::byte* result_ = nullptr;
  Packed weights_;
  std::unique_ptr<BoundPrimitive> primitive_;
};

}  // namespace compress::int8
