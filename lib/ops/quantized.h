// Arithmetic of quantized tensors that quantized ops share: real = scale * (q - zeroPoint).
#pragma once
#include <optional>
#include <string_view>
#include <vector>

#include "lib/ir/tensor.h"

namespace compress {

/// Smallest and largest value of an integer type.
struct IntegerRange {
  double low, high;
};
/// Throws Error(input) for other types.
IntegerRange rangeOf(DType dtype);

/// Nearest step to a real number: x / scale in float, ties to even, plus the zero point, saturated. NaN becomes the
/// zero point.
class Quantizer {
 public:
  Quantizer(double scale, double zeroPoint, DType dtype)
      : scale_(static_cast<float>(scale)), zeroPoint_(zeroPoint), range_(rangeOf(dtype)) {}
  double operator()(float real) const;

 private:
  float scale_;
  double zeroPoint_;
  IntegerRange range_;
};

/// q - zeroPoint, the zero point being one element or one per index of `axis`; none is 0.
std::vector<double> withoutZeroPoint(const Tensor& q, const Tensor& zeroPoint, std::optional<size_t> axis);
/// One element for all or one per channel, spread to `count`. Throws Error(input) naming `what` for another count.
std::vector<double> perChannel(const Tensor& tensor, size_t count, std::string_view what);

}  // namespace compress
