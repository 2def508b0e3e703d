// Normalisations: y = (x - mean) / (variance + epsilon)^(1/2) * scale + bias over differing sets of elements, and their
// relatives.
#include <algorithm>
#include <cmath>

#include "lib/base/parallel.h"
#include "lib/ops/elementwise.h"
#include "lib/ops/families.h"
#include "lib/ops/upgrade_tools.h"

namespace compress {
namespace {

double epsilonOf(const Node& node) {
  return static_cast<double>(node.attributes.real("epsilon", 1e-5F));
}

void inferBatchNormalization(InferContext& context) {
  requireInputs(context, 5);
  sameAsFirst(context);
  for (size_t i = 1; i < 5; ++i) {
    requireRank(context, i, 1);
    const Type& x = context.input(0);
    if (x.hasRank() && x.rank() > 1 && context.input(i).hasRank()) merged((*context.input(i).dims)[0], (*x.dims)[1]);
  }
  for (size_t i = 1; i < context.outputs.size(); ++i) context.outputs[i] = context.input(i == 1 ? 3 : 4);
}

/// Mean and variance of each channel of [N, C, ...].
void channelStatistics(const std::vector<double>& x, const Shape& shape, std::vector<double>& mean,
                       std::vector<double>& variance) {
  const int64_t channels = shape[1], plane = shape.count(2, shape.rank());
  const auto count = static_cast<double>(shape[0] * plane);
  parallelFor(channels, [&](int64_t c) {
    const auto sumOver = [&](const auto& term) {
      double sum = 0;
      for (int64_t n = 0; n < shape[0]; ++n)
        for (int64_t i = 0; i < plane; ++i) sum += term(x[static_cast<size_t>((n * channels + c) * plane + i)]);
      return sum;
    };
    const double average = sumOver([](double value) { return value; }) / count;
    mean[static_cast<size_t>(c)] = average;
    variance[static_cast<size_t>(c)] =
        sumOver([=](double value) { return (value - average) * (value - average); }) / count;
  });
}

/// In training mode the statistics are those of x, and outputs 1 and 2 are the running ones.
void batchNormalization(ReferenceContext& context) {
  const Shape& shape = context.inputs[0].shape();
  auto x = load<double>(context.inputs[0]);
  const auto scale = load<double>(context.inputs[1]), bias = load<double>(context.inputs[2]);
  auto mean = load<double>(context.inputs[3]), variance = load<double>(context.inputs[4]);
  if (context.node.attributes.integer("training_mode", 0) != 0) {
    if (shape.rank() < 2) reject("x has rank ", shape.rank(), ", expected at least 2");
    const double momentum = static_cast<double>(context.node.attributes.real("momentum", 0.9F));
    auto runningMean = mean, runningVariance = variance;
    channelStatistics(x, shape, mean, variance);
    for (size_t c = 0; c < mean.size(); ++c) {
      runningMean[c] = runningMean[c] * momentum + mean[c] * (1 - momentum);
      runningVariance[c] = runningVariance[c] * momentum + variance[c] * (1 - momentum);
    }
    if (context.wants(1)) store(std::span<const double>(runningMean), context.outputs[1]);
    if (context.wants(2)) store(std::span<const double>(runningVariance), context.outputs[2]);
  }
  const double epsilon = epsilonOf(context.node);
  const int64_t channels = shape.rank() > 1 ? shape[1] : 1, plane = shape.rank() > 1 ? shape.count(2, shape.rank()) : 1;
  parallelFor(shape[0] * channels, [&](int64_t task) {
    const auto c = static_cast<size_t>(task % channels);
    const double factor = scale[c] / std::sqrt(variance[c] + epsilon);
    for (int64_t i = task * plane; i < (task + 1) * plane; ++i)
      x[static_cast<size_t>(i)] = (x[static_cast<size_t>(i)] - mean[c]) * factor + bias[c];
  });
  store(std::span<const double>(x), context.outputs[0]);
}

struct Moments {
  double mean, inverseDeviation;
};

/// (x - mean) / (variance + epsilon)^(1/2) in place.
Moments normalize(std::span<double> x, double epsilon) {
  double sum = 0, squares = 0;
  for (const double value : x) sum += value;
  const double mean = sum / static_cast<double>(x.size());
  for (const double value : x) squares += (value - mean) * (value - mean);
  const double inverse = 1 / std::sqrt(squares / static_cast<double>(x.size()) + epsilon);
  for (double& value : x) value = (value - mean) * inverse;
  return {mean, inverse};
}

void inferLayerNormalization(InferContext& context) {
  requireInputs(context, 2);
  sameAsFirst(context);
  Type statistics = context.input(0);
  statistics.dtype = static_cast<DType>(context.node.attributes.integer("stash_type", 1));
  if (statistics.hasRank())
    for (size_t i = normalizedAxis(context.node.attributes.integer("axis", -1), statistics.rank());
         i < statistics.rank(); ++i)
      (*statistics.dims)[i] = Dim::of(1);
  for (size_t i = 1; i < context.outputs.size(); ++i) context.outputs[i] = statistics;
}

/// Scale and bias broadcast from the last axes.
void scaleAndShift(ReferenceContext& context, std::vector<double>& values) {
  const Shape& shape = context.inputs[0].shape();
  values = broadcastMap<double>(values, shape, load<double>(context.inputs[1]), context.inputs[1].shape(), shape,
                                [](double x, double scale) { return x * scale; });
  if (context.has(2))
    values = broadcastMap<double>(values, shape, load<double>(context.inputs[2]), context.inputs[2].shape(), shape,
                                  [](double x, double bias) { return x + bias; });
}

void layerNormalization(ReferenceContext& context) {
  const Shape& shape = context.inputs[0].shape();
  auto values = load<double>(context.inputs[0]);
  const size_t axis = normalizedAxis(context.node.attributes.integer("axis", -1), shape.rank());
  const auto inner = static_cast<size_t>(shape.count(axis, shape.rank()));
  const auto rows = static_cast<size_t>(shape.count(0, axis));
  std::vector<double> means(rows), deviations(rows);
  parallelFor(static_cast<int64_t>(rows), [&](int64_t row) {
    const auto r = static_cast<size_t>(row);
    const Moments moments = normalize(std::span(values).subspan(r * inner, inner), epsilonOf(context.node));
    means[r] = moments.mean;
    deviations[r] = moments.inverseDeviation;
  });
  scaleAndShift(context, values);
  store(std::span<const double>(values), context.outputs[0]);
  if (context.wants(1)) store(std::span<const double>(means), context.outputs[1]);
  if (context.wants(2)) store(std::span<const double>(deviations), context.outputs[2]);
}

/// y = x / (mean of x^2 + epsilon)^(1/2) * scale over the axes from `axis` on.
void rmsNormalization(ReferenceContext& context) {
  const Shape& shape = context.inputs[0].shape();
  auto values = load<double>(context.inputs[0]);
  const size_t axis = normalizedAxis(context.node.attributes.integer("axis", -1), shape.rank());
  const auto inner = static_cast<size_t>(shape.count(axis, shape.rank()));
  for (size_t start = 0; start < values.size(); start += inner) {
    const auto row = std::span(values).subspan(start, inner);
    double squares = 0;
    for (const double x : row) squares += x * x;
    const double factor = 1 / std::sqrt(squares / static_cast<double>(inner) + epsilonOf(context.node));
    for (double& x : row) x *= factor;
  }
  scaleAndShift(context, values);
  store(std::span<const double>(values), context.outputs[0]);
}

/// Normalises blocks of x [N, C, ...] of `channelsPerBlock` channels each, then scales and shifts by channel.
void normalizeBlocks(ReferenceContext& context, int64_t channelsPerBlock) {
  const Shape& shape = context.inputs[0].shape();
  auto values = load<double>(context.inputs[0]);
  const auto scale = load<double>(context.inputs[1]), bias = load<double>(context.inputs[2]);
  const int64_t plane = shape.count(2, shape.rank()), channels = shape[1];
  if (static_cast<int64_t>(scale.size()) != channels || static_cast<int64_t>(bias.size()) != channels)
    reject("scale and bias have ", scale.size(), " and ", bias.size(), " elements, expected ", channels);
  const auto block = static_cast<size_t>(channelsPerBlock * plane);
  parallelFor(shape[0] * channels / channelsPerBlock, [&](int64_t task) {
    normalize(std::span(values).subspan(static_cast<size_t>(task) * block, block), epsilonOf(context.node));
  });
  parallelFor(shape[0] * channels, [&](int64_t task) {
    const auto c = static_cast<size_t>(task % channels);
    for (int64_t i = task * plane; i < (task + 1) * plane; ++i)
      values[static_cast<size_t>(i)] = values[static_cast<size_t>(i)] * scale[c] + bias[c];
  });
  store(std::span<const double>(values), context.outputs[0]);
}

void inferChannels(InferContext& context) {
  requireInputs(context, 3);
  sameAsFirst(context);
  if (context.input(0).hasRank() && context.input(0).rank() < 2)
    reject("x has rank ", context.input(0).rank(), ", expected at least 2");
}

void instanceNormalization(ReferenceContext& context) {
  normalizeBlocks(context, 1);
}

void groupNormalization(ReferenceContext& context) {
  const int64_t groups = context.node.attributes.integer("num_groups", 1), channels = context.inputs[0].shape()[1];
  if (groups < 1 || channels % groups != 0) reject(channels, " channels do not divide into ", groups, " groups");
  normalizeBlocks(context, channels / groups);
}

void inferLrn(InferContext& context) {
  sameAsFirst(context);
  if (context.input(0).hasRank() && context.input(0).rank() < 2)
    reject("x has rank ", context.input(0).rank(), ", expected at least 2");
}

/// y = x / (bias + alpha / size * sum over `size` neighbouring channels of x^2)^beta
void lrn(ReferenceContext& context) {
  const Shape& shape = context.inputs[0].shape();
  const Attributes& attributes = context.node.attributes;
  const int64_t size = attributes.integer("size", 1), channels = shape[1], plane = shape.count(2, shape.rank());
  const double alpha = static_cast<double>(attributes.real("alpha", 0.0001F)),
               beta = static_cast<double>(attributes.real("beta", 0.75F)),
               bias = static_cast<double>(attributes.real("bias", 1));
  if (size < 1) reject("size is ", size, ", expected at least 1");
  const auto x = load<double>(context.inputs[0]);
  std::vector<double> y(x.size());
  parallelFor(shape[0] * channels, [&](int64_t task) {
    const int64_t n = task / channels, c = task % channels;
    const int64_t first = std::max<int64_t>(0, c - (size - 1) / 2), last = std::min(channels - 1, c + size / 2);
    for (int64_t i = 0; i < plane; ++i) {
      double squares = 0;
      for (int64_t k = first; k <= last; ++k) {
        const double value = x[static_cast<size_t>((n * channels + k) * plane + i)];
        squares += value * value;
      }
      const auto at = static_cast<size_t>(task * plane + i);
      y[at] = x[at] / std::pow(bias + alpha / static_cast<double>(size) * squares, beta);
    }
  });
  store(std::span<const double>(y), context.outputs[0]);
}

/// y = x / p-norm of its line along `axis`; a line of zeros stays.
void lpNormalization(ReferenceContext& context) {
  const Shape& shape = context.inputs[0].shape();
  const size_t axis = normalizedAxis(context.node.attributes.integer("axis", -1), shape.rank());
  const int64_t p = context.node.attributes.integer("p", 2), size = shape[axis],
                inner = shape.count(axis + 1, shape.rank());
  if (p != 1 && p != 2) reject("p is ", p, ", expected 1 or 2");
  auto x = load<double>(context.inputs[0]);
  parallelFor(shape.count(0, axis) * inner, [&](int64_t line) {
    const auto at = [&](int64_t k) -> double& {
      return x[static_cast<size_t>((line / inner * size + k) * inner + line % inner)];
    };
    double sum = 0;
    for (int64_t k = 0; k < size; ++k) sum += p == 1 ? std::abs(at(k)) : at(k) * at(k);
    const double norm = p == 1 ? sum : std::sqrt(sum);
    for (int64_t k = 0; k < size && norm != 0; ++k) at(k) /= norm;
  });
  store(std::span<const double>(x), context.outputs[0]);
}

/// y = (x - mean) / (deviation + 1e-9) over the elements that share their index along all axes but `axes`.
void meanVarianceNormalization(ReferenceContext& context) {
  const Shape& shape = context.inputs[0].shape();
  auto x = load<double>(context.inputs[0]);
  std::vector<int64_t> strides(shape.rank(), 0);
  const auto axes = normalizedAxes(context.node.attributes.integers("axes", {0, 2, 3}), shape.rank());
  int64_t groups = 1;
  for (size_t i = shape.rank(); i-- > 0;)
    if (std::ranges::find(axes, i) == axes.end()) {
      strides[i] = groups;
      groups *= shape[i];
    }
  std::vector<double> means(static_cast<size_t>(groups), 0.0), squares(means.size(), 0.0);
  const auto forEach = [&](const auto& body) {
    size_t next = 0;
    forEachRow(shape, strides, [&](int64_t start, int64_t count, int64_t step) {
      for (int64_t i = 0; i < count; ++i) body(static_cast<size_t>(start + i * step), x[next++]);
    });
  };
  const double count = static_cast<double>(x.size()) / static_cast<double>(groups);
  forEach([&](size_t group, double value) { means[group] += value / count; });
  forEach(
      [&](size_t group, double value) { squares[group] += (value - means[group]) * (value - means[group]) / count; });
  forEach([&](size_t group, double& value) { value = (value - means[group]) / (std::sqrt(squares[group]) + 1e-9); });
  store(std::span<const double>(x), context.outputs[0]);
}

/// BatchNormalization at opset 7: training is said by the outputs alone.
void dropTestMode(Graph& graph, NodeId id) {
  if (graph.node(id).attributes.integer("is_test", 0) == 0)
    throw Error(ErrorKind::unsupported, "training mode has no newer form");
  graph.eraseAttribute(id, "is_test");
  graph.eraseAttribute(id, "consumed_inputs");
}

/// BatchNormalization at opset 9: statistics of single elements instead of channels are gone.
void requireSpatial(Graph& graph, NodeId id) {
  if (graph.node(id).attributes.integer("spatial", 1) == 0)
    throw Error(ErrorKind::unsupported, "spatial = 0 has no newer form");
  graph.eraseAttribute(id, "spatial");
}

/// BatchNormalization at opset 14: training became a mode. Nodes with the outputs of training are refused where
/// anything reads them.
void sayInference(Graph& graph, NodeId id) {
  std::vector<ValueId> outputs = graph.node(id).outputs;
  for (size_t i = 1; i < outputs.size(); ++i)
    if (outputs[i] && (!graph.uses(outputs[i]).empty() || graph.isOutput(outputs[i])))
      throw Error(ErrorKind::unsupported, "statistics of training have no newer form");
  outputs.resize(1);
  graph.setOutputs(id, std::move(outputs));
}

/// GroupNormalization at opset 21: scale and bias have an element per channel; before, they had one per group.
void scaleByChannel(Graph& graph, NodeId id) {
  const Node node = graph.node(id);
  const int64_t groups = node.attributes.integer("num_groups", 1);
  const Type& x = graph.value(node.inputs.at(0)).type;
  if (!x.hasRank() || x.rank() < 2 || !(*x.dims)[1].isKnown())
    throw Error(ErrorKind::unsupported, "the number of channels is not declared");
  const int64_t channels = (*x.dims)[1].value;
  if (groups < 1 || channels % groups != 0) reject(channels, " channels do not divide into ", groups, " groups");
  for (size_t i = 1; i < 3; ++i) {
    const std::string name = graph.value(node.inputs.at(i)).name;
    const ValueId column = addConstantFor(graph, id, "column", Tensor::ofInts({groups, 1}));
    const ValueId spread = addConstantFor(graph, id, "channels", Tensor::ofInts({groups, channels / groups}));
    const ValueId flat = addConstantFor(graph, id, "flat", Tensor::ofInts({-1}));
    const ValueId perGroup = graph.emit("Reshape", {node.inputs[i], column}, text(name, ".column"));
    const ValueId expanded = graph.emit("Expand", {perGroup, spread}, text(name, ".spread"));
    graph.setInput(id, i, graph.emit("Reshape", {expanded, flat}, text(name, ".channels")));
  }
}

}  // namespace

std::vector<OpSpec> normalizationOps() {
  return {
      {"BatchNormalization",
       "",
       inferBatchNormalization,
       batchNormalization,
       {{7, dropTestMode}, {9, requireSpatial}, {14, sayInference}},
       "y = (x - mean) / (var + epsilon)^(1/2) scale + bias, per channel"},
      {"LayerNormalization",
       "",
       inferLayerNormalization,
       layerNormalization,
       {},
       "the same over the axes from `axis` on"},
      {"RMSNormalization",
       "",
       inferLayerNormalization,
       rmsNormalization,
       {},
       "y = x / (mean of x^2 + epsilon)^(1/2) scale"},
      {"InstanceNormalization", "", inferChannels, instanceNormalization, {}, "the same over each plane"},
      {"GroupNormalization",
       "",
       inferChannels,
       groupNormalization,
       {{21, scaleByChannel}},
       "the same over each group of channels"},
      {"MeanVarianceNormalization",
       "",
       sameAsFirst,
       meanVarianceNormalization,
       {},
       "y = (x - mean) / deviation over given axes"},
      {"LpNormalization", "", sameAsFirst, lpNormalization, {}, "y = x / p-norm along `axis`"},
      {"LRN", "", inferLrn, lrn, {}, "y = x / (bias + alpha / size sum of x^2 over near channels)^beta"},
  };
}

}  // namespace compress
