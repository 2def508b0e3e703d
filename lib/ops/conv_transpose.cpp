// ConvTranspose: each input element adds its multiple of the kernel to the output.
//   y[n, m, i * stride + k * dilation - pad] += x[n, c, i] * w[c, m, k];  w is [C, M / group, kernel...]
#include <algorithm>
#include <cstdlib>

#include "lib/base/parallel.h"
#include "lib/ops/access.h"
#include "lib/ops/conv_transpose.h"
#include "lib/ops/families.h"
#include "lib/ops/window.h"

namespace compress {
namespace {

std::vector<int64_t> spatialDims(const Shape& shape) {
  return {shape.dims().begin() + 2, shape.dims().end()};
}

struct Geometry {
  Window window;
  std::vector<int64_t> output;  ///< spatial extents
};

bool isSame(const Window& window) {
  return window.autoPad == Window::AutoPad::sameUpper || window.autoPad == Window::AutoPad::sameLower;
}

/// Splits what must be cut away over both ends of one axis.
void splitPads(Window& window, size_t axis, int64_t total) {
  total = std::max<int64_t>(total, 0);
  const int64_t half = total / 2;
  const bool isMoreAtEnd = window.autoPad == Window::AutoPad::sameUpper;
  window.padsBegin[axis] = isMoreAtEnd ? half : total - half;
  window.padsEnd[axis] = isMoreAtEnd ? total - half : half;
}

Geometry geometryOf(const Node& node, const std::vector<int64_t>& kernel, const std::vector<int64_t>& input) {
  const size_t rank = kernel.size();
  Geometry geometry{windowOf(node, kernel), {}};
  Window& window = geometry.window;
  const auto extra = node.attributes.integers("output_padding", std::vector<int64_t>(rank, 0));
  auto named = node.attributes.integers("output_shape");
  if (named.size() == rank + 2) named.erase(named.begin(), named.begin() + 2);
  if (extra.size() != rank || (!named.empty() && named.size() != rank))
    reject("output_padding and output_shape need ", rank, " elements");
  for (size_t axis = 0; axis < rank; ++axis) {
    if (input[axis] >= int64_t{1} << 31 || std::abs(extra[axis]) >= int64_t{1} << 31)
      reject("axis ", axis, " has ", input[axis], " elements, expected below 2^31");
    const int64_t whole = window.strides[axis] * (input[axis] - 1) + extra[axis] + window.extent(axis);
    int64_t size = 0;
    if (!named.empty() || isSame(window)) {
      size = named.empty() ? input[axis] * window.strides[axis] : named[axis];
      splitPads(window, axis, whole - size);
    } else {
      size = whole - window.padsBegin[axis] - window.padsEnd[axis];
    }
    if (size < 0) reject("axis ", axis, " of the output would have ", size, " elements");
    geometry.output.push_back(size);
  }
  return geometry;
}

void inferConvTranspose(InferContext& context) {
  requireInputs(context, 2);
  const Type &x = context.input(0), &w = context.input(1);
  Type& y = context.outputs.at(0);
  y = Type::tensor(x.dtype);
  if (!x.hasRank()) return;
  if (w.hasRank() && (w.rank() != x.rank() || w.rank() < 3))
    reject("x has rank ", x.rank(), " and the weights have rank ", w.rank(), ", expected the same, at least 3");
  y.dims.emplace(x.rank());
  (*y.dims)[0] = (*x.dims)[0];
  const auto weights = w.shape();
  if (!weights) return;
  const int64_t group = context.node.attributes.integer("group", 1);
  const Dim& channels = (*x.dims)[1];
  if (group < 1 || (channels.isKnown() && (channels.value != (*weights)[0] || channels.value % group != 0)))
    reject("x has ", channels.value, " channels, the weights ", (*weights)[0], ", in ", group, " groups");
  (*y.dims)[1] = Dim::of((*weights)[1] * group);
  std::vector<int64_t> input;
  for (size_t i = 2; i < x.rank(); ++i) {
    if (!(*x.dims)[i].isKnown()) return;
    input.push_back((*x.dims)[i].value);
  }
  const Geometry geometry = geometryOf(context.node, spatialDims(*weights), input);
  for (size_t i = 0; i < input.size(); ++i) (*y.dims)[i + 2] = Dim::of(geometry.output[i]);
}

/// Adds weight * kernel of every input element of one plane to one output plane.
class PlaneSpread {
 public:
  PlaneSpread(const Geometry& geometry, const std::vector<int64_t>& input) : geometry_(geometry), input_(input) {}

  void add(size_t axis, const double* input, const double* weights, double* output) const {
    const Window& window = geometry_.window;
    int64_t inputStep = 1, weightStep = 1, outputStep = 1;
    for (size_t i = axis + 1; i < window.rank(); ++i) {
      inputStep *= input_[i];
      weightStep *= window.kernel[i];
      outputStep *= geometry_.output[i];
    }
    for (int64_t i = 0; i < input_[axis]; ++i) {
      for (int64_t k = 0; k < window.kernel[axis]; ++k) {
        const int64_t o = i * window.strides[axis] + k * window.dilations[axis] - window.padsBegin[axis];
        if (o < 0 || o >= geometry_.output[axis]) continue;
        if (axis + 1 == window.rank())
          output[o] += input[i] * weights[k];
        else
          add(axis + 1, input + i * inputStep, weights + k * weightStep, output + o * outputStep);
      }
    }
  }

 private:
  const Geometry& geometry_;
  const std::vector<int64_t>& input_;
};

void convTranspose(ReferenceContext& context) {
  const Shape &xShape = context.inputs[0].shape(), &wShape = context.inputs[1].shape(),
              &yShape = context.outputs[0].shape();
  const auto input = spatialDims(xShape);
  const Geometry geometry = geometryOf(context.node, spatialDims(wShape), input);
  const auto x = load<double>(context.inputs[0]), w = load<double>(context.inputs[1]);
  const auto bias =
      context.has(2) ? load<double>(context.inputs[2]) : std::vector<double>(static_cast<size_t>(yShape[1]), 0.0);
  if (static_cast<int64_t>(bias.size()) != yShape[1])
    reject("the bias has ", bias.size(), " elements, expected ", yShape[1]);
  const int64_t group = context.node.attributes.integer("group", 1), filters = yShape[1], perGroup = wShape[1],
                channels = xShape[1];
  const int64_t inputPlane = xShape.count(2, xShape.rank()), weightPlane = wShape.count(2, wShape.rank()),
                outputPlane = yShape.count(2, yShape.rank());
  std::vector<double> y(static_cast<size_t>(yShape.elementCount()));
  const PlaneSpread spread(geometry, input);
  parallelFor(xShape[0] * filters, [&](int64_t task) {
    const int64_t n = task / filters, m = task % filters, firstChannel = m / perGroup * (channels / group);
    double* plane = y.data() + task * outputPlane;
    std::fill_n(plane, outputPlane, bias[static_cast<size_t>(m)]);
    for (int64_t c = firstChannel; c < firstChannel + channels / group; ++c)
      spread.add(0, x.data() + (n * channels + c) * inputPlane, w.data() + (c * perGroup + m % perGroup) * weightPlane,
                 plane);
  });
  store(std::span<const double>(y), context.outputs[0]);
}

}  // namespace

Window transposedWindow(const Node& node, const std::vector<int64_t>& kernel, const std::vector<int64_t>& input) {
  return geometryOf(node, kernel, input).window;
}

std::vector<OpSpec> convTransposeOps() {
  return {{"ConvTranspose",
           "",
           inferConvTranspose,
           convTranspose,
           {},
           "the transpose of a convolution: spreads [C, M / group, kernel...] over the output"}};
}

}  // namespace compress
