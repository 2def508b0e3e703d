#include "lib/ops/quantized.h"

#include <algorithm>
#include <cmath>

#include "lib/ops/access.h"
#include "lib/ops/rules.h"

namespace compress {

IntegerRange rangeOf(DType dtype) {
  if (!isInteger(dtype)) reject(nameOf(dtype), " is no type to quantize to");
  const int bits = bitsOf(dtype);
  if (isSigned(dtype)) return {-std::ldexp(1.0, bits - 1), std::ldexp(1.0, bits - 1) - 1};
  return {0, std::ldexp(1.0, bits) - 1};
}

double Quantizer::operator()(float real) const {
  const double step = static_cast<double>(std::nearbyint(real / scale_));
  if (std::isnan(step)) return std::clamp(zeroPoint_, range_.low, range_.high);
  return std::clamp(step + zeroPoint_, range_.low, range_.high);
}

std::vector<double> withoutZeroPoint(const Tensor& q, const Tensor& zeroPoint, std::optional<size_t> axis) {
  auto values = load<double>(q);
  if (!zeroPoint) return values;
  const size_t count = axis && zeroPoint.elementCount() > 1 ? static_cast<size_t>(q.shape()[*axis]) : 1;
  const auto zeroPoints = perChannel(zeroPoint, count, "zero point");
  const size_t inner = axis ? static_cast<size_t>(q.shape().count(*axis + 1, q.shape().rank())) : values.size();
  for (size_t i = 0; i < values.size(); ++i) values[i] -= zeroPoints[count == 1 ? 0 : i / inner % count];
  return values;
}

std::vector<double> perChannel(const Tensor& tensor, size_t count, std::string_view what) {
  auto values = load<double>(tensor);
  if (values.size() == 1) values.resize(count, values[0]);
  if (values.size() != count) reject("the ", what, " has ", values.size(), " elements, expected 1 or ", count);
  return values;
}

}  // namespace compress
