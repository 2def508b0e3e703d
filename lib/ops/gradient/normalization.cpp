// Gradients of normalisations y = h scale + bias, h = (x - mean) r, r = (variance + epsilon)^(-1/2). With G = g scale:
//   dx = r (G - mean of G - h mean of G h) over the normalised elements,  dscale = sum of g h,  dbias = sum of g
// RMSNormalization has no mean to take off. BatchNormalization by running statistics is an affine map.
#include <algorithm>
#include <cmath>

#include "lib/base/parallel.h"
#include "lib/ops/access.h"
#include "lib/ops/gradient/rules.h"
#include "lib/ops/rules.h"

namespace compress {
namespace {

double epsilonOf(const Node& node) {
  return static_cast<double>(node.attributes.real("epsilon", 1e-5F));
}

Attributes epsilonAttribute(const Backward& b) {
  return attributesOf({{"epsilon", b.attributes().real("epsilon", 1e-5F)}});
}

/// All axes but the channels'.
std::vector<int64_t> planeAxes(size_t rank) {
  std::vector<int64_t> axes = {0};
  for (size_t i = 2; i < rank; ++i) axes.push_back(static_cast<int64_t>(i));
  return axes;
}

Shape channelShape(const Shape& x) {
  std::vector<int64_t> dims(x.rank(), 1);
  dims[1] = x[1];
  return Shape(dims);
}

/// dscale = sum of g h and dbias = sum of g, by channel.
void giveChannels(Backward& b, ValueId h) {
  const std::vector<int64_t> axes = planeAxes(b.outputShape().rank());
  if (b.wants(1)) b.give(1, b.reshape(b.sumOver(b.emit("Mul", {b.gradient(), h}), axes), b.shape(1)));
  if (b.wants(2)) b.give(2, b.reshape(b.sumOver(b.gradient(), axes), b.shape(2)));
}

/// By running statistics, which are not trained.
void batchNormalization(Backward& b) {
  if (b.attributes().integer("training_mode", 0) != 0)
    throw Error(ErrorKind::unsupported, "BatchNormalization in training mode has no gradient here",
                "export the model in inference mode: distill switches it");
  if (b.wants(3) || b.wants(4)) throw Error(ErrorKind::unsupported, "running statistics cannot be trained");
  const Shape channels = channelShape(b.shape(0));
  const ValueId deviation = b.emit("Sqrt", {b.emit("Add", {b.input(4), b.scalar(epsilonOf(b.node()))})});
  if (b.wants(0)) {
    const ValueId factor = b.reshape(b.emit("Div", {b.input(1), deviation}), channels);
    b.give(0, b.emit("Mul", {b.gradient(), factor}));
  }
  if (!b.wants(1)) return giveChannels(b, kNoValue);
  const ValueId centred = b.emit("Sub", {b.input(0), b.reshape(b.input(3), channels)});
  giveChannels(b, b.emit("Div", {centred, b.reshape(deviation, channels)}));
}

/// By the batch's own statistics: the private operator that training puts in BatchNormalization's place.
void batchNormalizationTraining(Backward& b) {
  const auto made =
      b.emitPrivate("BatchNormalizationGrad", {b.gradient(), b.input(0), b.input(1), b.output(1), b.output(2)},
                    epsilonAttribute(b), {true, b.wants(1), b.wants(2)});
  for (size_t i = 0; i < 3; ++i) b.give(i, made[i]);
}

/// A scale of the normalised shape; others are expanded by the caller's graph.
bool hasPlainScale(const Backward& b, size_t axis) {
  const Shape x = b.shape(0), scale = b.shape(1);
  return std::ranges::equal(scale.dims(), std::span(x.dims()).subspan(axis));
}

void layerNormalization(Backward& b) {
  for (size_t i = 1; i < b.node().outputs.size(); ++i)
    if (b.gradient(i)) throw Error(ErrorKind::unsupported, text("output ", i, " has no gradient"));
  const size_t axis = normalizedAxis(b.attributes().integer("axis", -1), b.shape(0).rank());
  if (!hasPlainScale(b, axis) || (b.has(2) && !(b.shape(2) == b.shape(1))))
    throw Error(ErrorKind::unsupported, text("the scale has shape ", print(b.shape(1)), ", expected the axes of ",
                                             print(b.shape(0)), " from ", axis, " on"));
  Attributes attributes = epsilonAttribute(b);
  attributes.set("axis", static_cast<int64_t>(axis));
  const auto made = b.emitPrivate(text(b.node().op, "Grad"), {b.gradient(), b.input(0), b.input(1)},
                                  std::move(attributes), {true, b.wants(1), b.wants(2)});
  for (size_t i = 0; i < 3; ++i) b.give(i, made[i]);
}

/// InstanceNormalization and GroupNormalization are LayerNormalization of rows of C / groups planes, with a scale and a
/// bias per channel.
void giveGrouped(Backward& b, int64_t groups) {
  const Shape x = b.shape(0), channels = channelShape(x);
  const Shape rows{x[0], groups, x.count(1, x.rank()) / std::max<int64_t>(groups, 1)};
  Attributes attributes = epsilonAttribute(b);
  attributes.set("axis", int64_t{2});
  const ValueId flat = b.reshape(b.input(0), rows);
  const ValueId ones = b.emit("Expand", {b.scalar(1), b.constant(std::vector<int64_t>{rows[2]})});
  if (b.wants(0)) {
    const ValueId scaled = b.emit("Mul", {b.gradient(), b.reshape(b.input(1), channels)});
    const ValueId dx =
        b.emitPrivate("LayerNormalizationGrad", {b.reshape(scaled, rows), flat, ones}, attributes, {true})[0];
    b.give(0, b.reshape(dx, x));
  }
  if (b.wants(1) || b.wants(2))
    giveChannels(b, b.wants(1) ? b.reshape(b.emit("LayerNormalization", {flat, ones}, attributes), x) : kNoValue);
}

void instanceNormalization(Backward& b) {
  giveGrouped(b, b.shape(0)[1]);
}
void groupNormalization(Backward& b) {
  giveGrouped(b, b.attributes().integer("num_groups", 1));
}

// References ----------------------------------------------------------------------------------------------------------

void inferTraining(InferContext& context) {
  requireInputs(context, 3);
  sameAsFirst(context);
  for (size_t i = 1; i < context.outputs.size(); ++i) context.outputs[i] = context.input(1);
}

/// body(index) for each element of channel `c` of [N, C, ...].
template <typename Body>
void forChannel(const Shape& shape, int64_t c, const Body& body) {
  const int64_t plane = shape.count(2, shape.rank());
  for (int64_t n = 0; n < shape[0]; ++n)
    for (int64_t i = 0; i < plane; ++i) body(static_cast<size_t>((n * shape[1] + c) * plane + i));
}

void batchNormalizationForward(ReferenceContext& context) {
  const Shape& shape = context.inputs[0].shape();
  if (shape.rank() < 2 || shape.elementCount() == 0) reject("x has shape ", print(shape), ": no statistics");
  auto x = load<double>(context.inputs[0]);
  const auto scale = load<double>(context.inputs[1]), bias = load<double>(context.inputs[2]);
  std::vector<double> means(scale.size()), variances(scale.size());
  const double epsilon = epsilonOf(context.node), count = static_cast<double>(shape.elementCount() / shape[1]);
  parallelFor(shape[1], [&](int64_t channel) {
    const auto c = static_cast<size_t>(channel);
    forChannel(shape, channel, [&](size_t i) { means[c] += x[i]; });
    means[c] /= count;
    forChannel(shape, channel, [&](size_t i) { variances[c] += (x[i] - means[c]) * (x[i] - means[c]); });
    variances[c] /= count;
    const double factor = scale[c] / std::sqrt(variances[c] + epsilon);
    forChannel(shape, channel, [&](size_t i) { x[i] = (x[i] - means[c]) * factor + bias[c]; });
  });
  store(std::span<const double>(x), context.outputs[0]);
  if (context.wants(1)) store(std::span<const double>(means), context.outputs[1]);
  if (context.wants(2)) store(std::span<const double>(variances), context.outputs[2]);
}

void inferNormalizationGrad(InferContext& context) {
  requireInputs(context, 3);
  sameAsFirst(context);
  for (size_t i = 1; i < context.outputs.size(); ++i) context.outputs[i] = context.input(2);
}

/// Inputs g, x, scale, mean, variance.
void batchNormalizationGrad(ReferenceContext& context) {
  const Shape& shape = context.inputs[0].shape();
  auto g = load<double>(context.inputs[0]);
  const auto x = load<double>(context.inputs[1]), scale = load<double>(context.inputs[2]),
             means = load<double>(context.inputs[3]), variances = load<double>(context.inputs[4]);
  std::vector<double> dscale(scale.size()), dbias(scale.size());
  const double epsilon = epsilonOf(context.node), count = static_cast<double>(shape.elementCount() / shape[1]);
  parallelFor(shape[1], [&](int64_t channel) {
    const auto c = static_cast<size_t>(channel);
    const double inverse = 1 / std::sqrt(variances[c] + epsilon);
    forChannel(shape, channel, [&](size_t i) {
      dbias[c] += g[i];
      dscale[c] += g[i] * (x[i] - means[c]) * inverse;
    });
    forChannel(shape, channel, [&](size_t i) {
      const double h = (x[i] - means[c]) * inverse;
      g[i] = scale[c] * inverse * (g[i] - dbias[c] / count - h * dscale[c] / count);
    });
  });
  store(std::span<const double>(g), context.outputs[0]);
  if (context.wants(1)) store(std::span<const double>(dscale), context.outputs[1]);
  if (context.wants(2)) store(std::span<const double>(dbias), context.outputs[2]);
}

/// Inputs g, x, scale; rows of the axes from `axis` on. Without a mean: RMSNormalization.
template <bool hasMean>
void rowNormalizationGrad(ReferenceContext& context) {
  const Shape& shape = context.inputs[0].shape();
  const size_t axis = normalizedAxis(context.node.attributes.integer("axis", -1), shape.rank());
  const auto inner = static_cast<size_t>(shape.count(axis, shape.rank()));
  const auto rows = static_cast<size_t>(shape.count(0, axis));
  auto g = load<double>(context.inputs[0]);
  const auto x = load<double>(context.inputs[1]), scale = load<double>(context.inputs[2]);
  std::vector<double> dscale(inner, 0.0), dbias(inner, 0.0);
  const double epsilon = epsilonOf(context.node), count = static_cast<double>(inner);
  for (size_t row = 0; row < rows; ++row) {
    double* const to = g.data() + row * inner;
    const double* const from = x.data() + row * inner;
    double mean = 0, squares = 0, sum = 0, product = 0;
    for (size_t i = 0; hasMean && i < inner; ++i) mean += from[i] / count;
    for (size_t i = 0; i < inner; ++i) squares += (from[i] - mean) * (from[i] - mean);
    const double inverse = 1 / std::sqrt(squares / count + epsilon);
    for (size_t i = 0; i < inner; ++i) {
      const double h = (from[i] - mean) * inverse;
      dscale[i] += to[i] * h;
      dbias[i] += to[i];
      sum += to[i] * scale.at(i);
      product += to[i] * scale[i] * h;
    }
    for (size_t i = 0; i < inner; ++i) {
      const double h = (from[i] - mean) * inverse;
      to[i] = inverse * (to[i] * scale[i] - (hasMean ? sum / count : 0) - h * product / count);
    }
  }
  store(std::span<const double>(g), context.outputs[0]);
  if (context.wants(1)) store(std::span<const double>(dscale), context.outputs[1]);
  if (context.wants(2)) store(std::span<const double>(dbias), context.outputs[2]);
}

}  // namespace

std::vector<GradientRule> normalizationGradients() {
  return {{"BatchNormalization", batchNormalization},
          {"LayerNormalization", layerNormalization},
          {"RMSNormalization", layerNormalization},
          {"InstanceNormalization", instanceNormalization},
          {"GroupNormalization", groupNormalization}};
}

std::vector<OpSpec> normalizationGradientOps() {
  return {{"BatchNormalizationTraining",
           kTrainDomain,
           inferTraining,
           batchNormalizationForward,
           {},
           "BatchNormalization by the batch's own mean and variance, which are outputs 1 and 2",
           nullptr,
           batchNormalizationTraining},
          {"BatchNormalizationGrad",
           kTrainDomain,
           inferNormalizationGrad,
           batchNormalizationGrad,
           {},
           "gradients of BatchNormalizationTraining's x, scale and bias"},
          {"LayerNormalizationGrad",
           kTrainDomain,
           inferNormalizationGrad,
           rowNormalizationGrad<true>,
           {},
           "gradients of LayerNormalization's x, scale and bias"},
          {"RMSNormalizationGrad",
           kTrainDomain,
           inferNormalizationGrad,
           rowNormalizationGrad<false>,
           {},
           "gradients of RMSNormalization's x and scale"}};
}

}  // namespace compress
