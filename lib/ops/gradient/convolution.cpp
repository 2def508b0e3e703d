// Gradients of Conv and ConvTranspose, each of which is the other's transpose:
//   dx[n, c, p * stride + k * dilation - pad] += g[n, m, p] w[m, c, k]
//   dw[m, c, k] = sum over n, p of x[n, c, p * stride + k * dilation - pad] g[n, m, p]
#include <algorithm>

#include "lib/base/parallel.h"
#include "lib/ops/access.h"
#include "lib/ops/conv_transpose.h"
#include "lib/ops/gradient/rules.h"
#include "lib/ops/pool_windows.h"

namespace compress {
namespace {

std::vector<int64_t> spatialDims(const Shape& shape) {
  return {shape.dims().begin() + 2, shape.dims().end()};
}

/// The window as attributes of a private operator: pads are resolved.
Attributes windowAttributes(const Window& window, int64_t group) {
  std::vector<int64_t> pads = window.padsBegin;
  for (const int64_t end : window.padsEnd) pads.push_back(std::max<int64_t>(end, 0));
  return attributesOf({{"kernel_shape", window.kernel},
                       {"strides", window.strides},
                       {"dilations", window.dilations},
                       {"pads", std::move(pads)},
                       {"group", group}});
}

void giveBias(Backward& b) {
  if (!b.wants(2)) return;
  std::vector<int64_t> axes = {0};
  for (size_t i = 2; i < b.outputShape().rank(); ++i) axes.push_back(static_cast<int64_t>(i));
  b.give(2, b.reshape(b.sumOver(b.gradient(), std::move(axes)), b.shape(2)));
}

void conv(Backward& b) {
  const Shape x = b.shape(0), w = b.shape(1);
  Window window = windowOf(b.node(), spatialDims(w));
  resolvePads(window, spatialDims(x));
  const Attributes attributes = windowAttributes(window, b.attributes().integer("group", 1));
  if (b.wants(0)) b.give(0, b.emitPrivate("ConvGradData", {b.gradient(), b.input(1)}, withShape(attributes, x)));
  if (b.wants(1)) b.give(1, b.emitPrivate("ConvGradWeights", {b.input(0), b.gradient()}, withShape(attributes, w)));
  giveBias(b);
}

/// The Conv whose transpose it is reads g with the same weights.
void convTranspose(Backward& b) {
  const Shape x = b.shape(0), w = b.shape(1), y = b.outputShape();
  Window window = transposedWindow(b.node(), spatialDims(w), spatialDims(x));
  for (size_t i = 0; i < window.rank(); ++i) {
    const int64_t used = (x[i + 2] - 1) * window.strides[i] + window.extent(i);
    window.padsEnd[i] = used - window.padsBegin[i] - y[i + 2];
    if (window.padsEnd[i] <= -window.strides[i])
      throw Error(ErrorKind::unsupported, text("axis ", i + 2, " has an output padding of a stride or more"),
                  "freeze what lies before the node");
  }
  const Attributes attributes = windowAttributes(window, b.attributes().integer("group", 1));
  if (b.wants(0)) b.give(0, b.emit("Conv", {b.gradient(), b.input(1)}, attributes));
  if (b.wants(1)) b.give(1, b.emitPrivate("ConvGradWeights", {b.gradient(), b.input(0)}, withShape(attributes, w)));
  giveBias(b);
}

/// Shapes of a convolution: x [N, C, ...], w [M, C / group, ...], y [N, M, ...].
struct ConvShapes {
  ConvShapes(const Node& node, const Shape& x, const Shape& w, const Shape& y)
      : windows(node, x, y),
        batch(x[0]),
        channels(x[1]),
        filters(w[0]),
        perGroup(w[1]),
        groupFilters(w[0] / node.attributes.integer("group", 1)),
        inputPlane(windows.inputPlane()),
        kernelPlane(w.count(2, w.rank())),
        outputPlane(windows.outputPlane()) {
    if (y[0] != batch || y[1] != filters || channels * groupFilters != perGroup * filters)
      reject("x ", print(x), ", w ", print(w), " and g ", print(y), " do not fit");
  }

  Windows windows;
  int64_t batch, channels, filters, perGroup, groupFilters, inputPlane, kernelPlane, outputPlane;
};

void convGradData(ReferenceContext& context) {
  Buffer& x = context.outputs[0];
  const ConvShapes s(context.node, x.shape(), context.inputs[1].shape(), context.inputs[0].shape());
  const auto g = load<double>(context.inputs[0]), w = load<double>(context.inputs[1]);
  std::vector<double> out(static_cast<size_t>(x.elementCount()), 0.0);
  parallelFor(s.batch * s.channels, [&](int64_t task) {
    const int64_t n = task / s.channels, c = task % s.channels, group = c / s.perGroup;
    double* to = out.data() + task * s.inputPlane;
    for (int64_t m = group * s.groupFilters; m < (group + 1) * s.groupFilters; ++m) {
      const double* from = g.data() + (n * s.filters + m) * s.outputPlane;
      const double* weights = w.data() + (m * s.perGroup + c % s.perGroup) * s.kernelPlane;
      for (int64_t o = 0; o < s.outputPlane; ++o)
        s.windows.visitTaps(o, [&](int64_t i, int64_t k) { to[i] += from[o] * weights[k]; });
    }
  });
  store(std::span<const double>(out), x);
}

void convGradWeights(ReferenceContext& context) {
  Buffer& w = context.outputs[0];
  const ConvShapes s(context.node, context.inputs[0].shape(), w.shape(), context.inputs[1].shape());
  const auto x = load<double>(context.inputs[0]), g = load<double>(context.inputs[1]);
  std::vector<double> out(static_cast<size_t>(w.elementCount()), 0.0);
  parallelFor(s.filters * s.perGroup, [&](int64_t task) {
    const int64_t m = task / s.perGroup, c = m / s.groupFilters * s.perGroup + task % s.perGroup;
    double* to = out.data() + task * s.kernelPlane;
    for (int64_t n = 0; n < s.batch; ++n) {
      const double* image = x.data() + (n * s.channels + c) * s.inputPlane;
      const double* from = g.data() + (n * s.filters + m) * s.outputPlane;
      for (int64_t o = 0; o < s.outputPlane; ++o)
        s.windows.visitTaps(o, [&](int64_t i, int64_t k) { to[k] += from[o] * image[i]; });
    }
  });
  store(std::span<const double>(out), w);
}

}  // namespace

std::vector<GradientRule> convolutionGradients() {
  return {{"Conv", conv}, {"ConvTranspose", convTranspose}};
}

std::vector<OpSpec> convolutionGradientOps() {
  return {
      {"ConvGradData", kTrainDomain, inferStatedShape, convGradData, {}, "gradient of Conv's x from g and w"},
      {"ConvGradWeights", kTrainDomain, inferStatedShape, convGradWeights, {}, "gradient of Conv's w from x and g"}};
}

}  // namespace compress
