// DeformConv: a convolution whose kernel elements read at positions moved by offsets, between pixels, and weighted by a
// mask.
#include <cmath>

#include "lib/base/parallel.h"
#include "lib/ops/access.h"
#include "lib/ops/families.h"
#include "lib/ops/window.h"

namespace compress {
namespace {

enum Input : size_t { kX, kWeight, kOffset, kBias, kMask };

void inferDeformConv(InferContext& context) {
  requireInputs(context, 3);
  for (const size_t i : {size_t{kX}, size_t{kWeight}, size_t{kOffset}}) requireRank(context, i, 4);
  const Dim height = dimOfInput(context, kWeight, 2), width = dimOfInput(context, kWeight, 3);
  std::vector<Dim> dims = {dimOfInput(context, kX, 0), dimOfInput(context, kWeight, 0), dimOfInput(context, kOffset, 2),
                           dimOfInput(context, kOffset, 3)};
  if (height.isKnown() && width.isKnown()) {
    const Window window = windowOf(context.node, {height.value, width.value});
    for (size_t axis = 0; axis < 2; ++axis)
      dims[axis + 2] =
          merged(dims[axis + 2], windowOutput(window, axis, dimOfInput(context, kX, static_cast<int64_t>(axis) + 2)));
  }
  context.outputs.at(0) = Type::tensor(dtypeOfInput(context, kX), dims);
}

/// Between the four pixels around it; pixels outside are 0.
double sample(const double* plane, int64_t height, int64_t width, double row, double column) {
  const double top = std::floor(row), left = std::floor(column);
  double sum = 0;
  for (int i = 0; i < 2; ++i)
    for (int j = 0; j < 2; ++j) {
      const double r = top + i, c = left + j;
      if (!(r >= 0 && r < static_cast<double>(height) && c >= 0 && c < static_cast<double>(width))) continue;
      sum += (1 - std::abs(row - r)) * (1 - std::abs(column - c)) *
             plane[static_cast<int64_t>(r) * width + static_cast<int64_t>(c)];
    }
  return sum;
}

/// Sizes of one call, and the samples that its kernels multiply.
struct Sampler {
  Window window;
  Shape x, kernel, y;
  int64_t offsetGroups;
  std::vector<double> values, offsets, masks;

  explicit Sampler(const ReferenceContext& context)
      : x(context.inputs[kX].shape()), kernel(context.inputs[kWeight].shape()), y(context.outputs[0].shape()) {
    window = windowOf(context.node, {kernel[2], kernel[3]});
    offsetGroups = context.node.attributes.integer("offset_group", 1);
    values = load<double>(context.inputs[kX]);
    offsets = load<double>(context.inputs[kOffset]);
    if (offsetGroups < 1 || x[1] % offsetGroups != 0)
      reject(x[1], " channels do not divide into ", offsetGroups, " offset groups");
    const int64_t positions = x[0] * offsetGroups * kernel[2] * kernel[3] * y[2] * y[3];
    if (static_cast<int64_t>(offsets.size()) != 2 * positions)
      reject(offsets.size(), " offsets, expected ", 2 * positions);
    if (context.has(kMask)) masks = load<double>(context.inputs[kMask]);
    if (!masks.empty() && static_cast<int64_t>(masks.size()) != positions)
      reject(masks.size(), " mask elements, expected ", positions);
  }

  /// What kernel element (i, j) reads of channel `c` for the output at (row, column).
  double operator()(int64_t n, int64_t c, int64_t i, int64_t j, int64_t row, int64_t column) const {
    const int64_t group = n * offsetGroups + c / (x[1] / offsetGroups), area = y[2] * y[3], at = row * y[3] + column;
    const int64_t element = (group * kernel[2] + i) * kernel[3] + j;
    const auto position = [&](size_t axis, int64_t k, int64_t out) {
      return static_cast<double>(out * window.strides[axis] - window.padsBegin[axis] + k * window.dilations[axis]) +
             offsets[static_cast<size_t>((2 * element + static_cast<int64_t>(axis)) * area + at)];
    };
    const double value =
        sample(values.data() + (n * x[1] + c) * x[2] * x[3], x[2], x[3], position(0, i, row), position(1, j, column));
    return masks.empty() ? value : value * masks[static_cast<size_t>(element * area + at)];
  }
};

void deformConv(ReferenceContext& context) {
  const Sampler sampled(context);
  const Shape &x = sampled.x, &kernel = sampled.kernel, &y = sampled.y;
  const int64_t groups = context.node.attributes.integer("group", 1);
  if (groups < 1 || kernel[0] % groups != 0 || kernel[1] * groups != x[1])
    reject("weights of ", print(kernel), " and x of ", print(x), " do not divide into ", groups, " groups");
  const auto w = load<double>(context.inputs[kWeight]);
  const auto bias = context.has(kBias) ? load<double>(context.inputs[kBias]) : std::vector<double>(w.size(), 0.0);
  std::vector<double> out(static_cast<size_t>(y.elementCount()));
  parallelFor(y[0] * y[1], [&](int64_t task) {
    const int64_t n = task / y[1], m = task % y[1], firstChannel = m / (kernel[0] / groups) * kernel[1];
    for (int64_t row = 0; row < y[2]; ++row)
      for (int64_t column = 0; column < y[3]; ++column) {
        double sum = bias.at(static_cast<size_t>(m));
        for (int64_t c = 0; c < kernel[1]; ++c)
          for (int64_t k = 0; k < kernel[2] * kernel[3]; ++k)
            sum += w[static_cast<size_t>((m * kernel[1] + c) * kernel[2] * kernel[3] + k)] *
                   sampled(n, firstChannel + c, k / kernel[3], k % kernel[3], row, column);
        out[static_cast<size_t>((task * y[2] + row) * y[3] + column)] = sum;
      }
  });
  store(std::span<const double>(out), context.outputs[0]);
}

}  // namespace

std::vector<OpSpec> deformConvOps() {
  return {
      {"DeformConv", "", inferDeformConv, deformConv, {}, "a convolution that reads at positions moved by offsets"}};
}

}  // namespace compress
