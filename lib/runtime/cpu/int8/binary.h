// Add, Sub and Mul of two quantized tensors into a third: DequantizeLinear of both, the op in float, QuantizeLinear.
#pragma once
#include "lib/runtime/cpu/int8/rounding.h"
#include "lib/runtime/cpu/int8/rows.h"

namespace compress::int8 {

enum class BinaryOp { add, sub, mul };

/// Fed the same bytes, the result differs from the float way by at most one step, at ties.
struct Binary {
  BinaryOp op = BinaryOp::add;
  Quantization a, b, y;
  float low = -3e38F, high = 3e38F;  ///< a Relu or Clip before QuantizeLinear, in real units

  /// `a` and `b` are dense, with the content of `grid`, and have the same dtype (StridedCopy spreads a smaller
  /// operand).
  void run(const uint8_t* a, const uint8_t* b, uint8_t* y, const Grid& grid) const;
};

}  // namespace compress::int8
