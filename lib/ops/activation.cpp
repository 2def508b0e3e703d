// Elementwise functions of one input with parameters: rectifiers, their relatives, and Clip.
#include <cmath>
#include <limits>

#include "lib/ops/elementwise.h"
#include "lib/ops/families.h"
#include "lib/ops/upgrade_tools.h"

namespace compress {
namespace {

constexpr auto kRelu = []<typename Wide>(Wide x) { return x < Wide{0} ? Wide{0} : x; };

template <typename F>
void mapReal(ReferenceContext& context, const F& f) {
  auto values = load<double>(context.inputs[0]);
  mapElements(values, f);
  store(std::span<const double>(values), context.outputs[0]);
}

double parameter(const ReferenceContext& context, std::string_view name, float absent) {
  return static_cast<double>(context.node.attributes.real(name, absent));
}

void leakyRelu(ReferenceContext& context) {
  const double alpha = parameter(context, "alpha", 0.01F);
  mapReal(context, [=](double x) { return x < 0 ? alpha * x : x; });
}

void elu(ReferenceContext& context) {
  const double alpha = parameter(context, "alpha", 1);
  mapReal(context, [=](double x) { return x < 0 ? alpha * std::expm1(x) : x; });
}

void celu(ReferenceContext& context) {
  const double alpha = parameter(context, "alpha", 1);
  mapReal(context, [=](double x) { return x < 0 ? alpha * std::expm1(x / alpha) : x; });
}

void selu(ReferenceContext& context) {
  const double alpha = parameter(context, "alpha", 1.67326319217681884765625F);
  const double gamma = parameter(context, "gamma", 1.05070102214813232421875F);
  mapReal(context, [=](double x) { return gamma * (x < 0 ? alpha * std::expm1(x) : x); });
}

void hardSigmoid(ReferenceContext& context) {
  const double alpha = parameter(context, "alpha", 0.2F), beta = parameter(context, "beta", 0.5F);
  mapReal(context, [=](double x) { return std::max(0.0, std::min(1.0, alpha * x + beta)); });
}

void thresholdedRelu(ReferenceContext& context) {
  const double alpha = parameter(context, "alpha", 1);
  mapReal(context, [=](double x) { return x > alpha ? x : 0.0; });
}

void shrink(ReferenceContext& context) {
  const double bias = parameter(context, "bias", 0), lambda = parameter(context, "lambd", 0.5F);
  mapReal(context, [=](double x) { return x < -lambda ? x + bias : (x > lambda ? x - bias : 0.0); });
}

void gelu(ReferenceContext& context) {
  const std::string approximate = context.node.attributes.string("approximate", "none");
  if (approximate == "tanh") {
    mapReal(context,
            [](double x) { return 0.5 * x * (1 + std::tanh(std::sqrt(2 / M_PI) * (x + 0.044715 * x * x * x))); });
  } else if (approximate == "none") {
    mapReal(context, [](double x) { return 0.5 * x * (1 + std::erf(x / std::sqrt(2.0))); });
  } else {
    reject("approximate is '", displayName(approximate), "', expected 'none' or 'tanh'");
  }
}

void swish(ReferenceContext& context) {
  const double alpha = parameter(context, "alpha", 1);
  mapReal(context, [=](double x) { return x / (1 + std::exp(-alpha * x)); });
}

void swiGlu(ReferenceContext& context) {
  const double alpha = parameter(context, "alpha", 1);
  const Tensor &gate = context.inputs[0], &x = context.inputs[1];
  const auto values =
      broadcastMap<double>(load<double>(gate), gate.shape(), load<double>(x), x.shape(), context.outputs[0].shape(),
                           [=](double a, double b) { return a / (1 + std::exp(-alpha * a)) * b; });
  store(std::span<const double>(values), context.outputs[0]);
}

void inferPRelu(InferContext& context) {
  requireInputs(context, 2);
  broadcastDims(context.inputs);
  sameAsFirst(context);
}

void prelu(ReferenceContext& context) {
  const Tensor &x = context.inputs[0], &slope = context.inputs[1];
  withWide(x.dtype(), [&](auto zero) {
    using Wide = decltype(zero);
    const auto values = broadcastMap<Wide>(load<Wide>(x), x.shape(), load<Wide>(slope), slope.shape(), x.shape(),
                                           [](Wide a, Wide b) { return a < Wide{0} ? a * b : a; });
    store(std::span<const Wide>(values), context.outputs[0]);
  });
}

/// Element of a scalar input, or `absent`.
template <typename Wide>
Wide scalarInput(const ReferenceContext& context, size_t i, Wide absent) {
  if (!context.has(i)) return absent;
  if (context.inputs[i].elementCount() != 1)
    reject("input ", i, " has shape ", print(context.inputs[i].shape()), ", expected a scalar");
  return load<Wide>(context.inputs[i])[0];
}

void clip(ReferenceContext& context) {
  withWide(context.inputs[0].dtype(), [&](auto zero) {
    using Wide = decltype(zero);
    using Limits = std::numeric_limits<Wide>;
    const Wide low = scalarInput<Wide>(context, 1, Limits::has_infinity ? -Limits::infinity() : Limits::lowest());
    const Wide high = scalarInput<Wide>(context, 2, Limits::has_infinity ? Limits::infinity() : Limits::max());
    auto values = load<Wide>(context.inputs[0]);
    mapElements(values, [=](Wide x) {
      const Wide raised = x < low ? low : x;
      return raised > high ? high : raised;
    });
    store(std::span<const Wide>(values), context.outputs[0]);
  });
}

/// Opset 11: `min` and `max` became inputs, of the element type of x.
void clipLimitsToInputs(Graph& graph, NodeId id) {
  const DType dtype = elementType(graph, graph.node(id).input(0));
  size_t i = 1;
  for (const char* name : {"min", "max"}) {
    if (graph.node(id).attributes.has(name)) {
      const double limit = static_cast<double>(graph.node(id).attributes.real(name, 0));
      Buffer buffer(dtype, Shape{});
      store(std::span<const double>(&limit, 1), buffer);
      graph.eraseAttribute(id, name);
      placeInput(graph, id, i, addConstantFor(graph, id, name, std::move(buffer).freeze()));
    }
    ++i;
  }
}

/// PRelu at opset 7: slopes broadcast as numpy's do; before, a list of them was one per channel.
void alignSlopes(Graph& graph, NodeId id) {
  const Node node = graph.node(id);
  const auto x = rankOf(graph, node.input(0)), slope = rankOf(graph, node.input(1));
  if (!x || !slope) throw Error(ErrorKind::unsupported, "the ranks of the inputs are not declared");
  if (*slope != 1 || *x < 3) return;
  std::vector<int64_t> axes;
  for (size_t i = 2; i < *x; ++i) axes.push_back(static_cast<int64_t>(i) - 1);
  Attributes attributes;
  attributes.set("axes", std::move(axes));
  graph.setInput(id, 1,
                 graph.emit("Unsqueeze", {node.inputs[1]}, text(graph.value(node.inputs[1]).name, ".aligned"),
                            std::move(attributes)));
}

}  // namespace

std::vector<OpSpec> activationOps() {
  return {
      {"Relu", "", sameAsFirst, anyUnary<kRelu>, {}, "y = max(0, x)"},
      {"LeakyRelu", "", sameAsFirst, leakyRelu, {}, "y = x for x >= 0, else alpha x"},
      {"Elu", "", sameAsFirst, elu, {}, "y = x for x >= 0, else alpha (e^x - 1)"},
      {"Celu", "", sameAsFirst, celu, {}, "y = x for x >= 0, else alpha (e^(x / alpha) - 1)"},
      {"Selu", "", sameAsFirst, selu, {}, "y = gamma x for x >= 0, else gamma alpha (e^x - 1)"},
      {"HardSigmoid", "", sameAsFirst, hardSigmoid, {}, "y = max(0, min(1, alpha x + beta))"},
      {"ThresholdedRelu", "", sameAsFirst, thresholdedRelu, {}, "y = x for x > alpha, else 0"},
      {"Shrink", "", sameAsFirst, shrink, {}, "y = x + bias below -lambd, x - bias above lambd, else 0"},
      {"Gelu", "", sameAsFirst, gelu, {}, "y = x/2 (1 + erf(x / 2^(1/2))), or its tanh form"},
      {"Swish", "", sameAsFirst, swish, {}, "y = x / (1 + e^(-alpha x))"},
      {"SwiGLU", "", inferBroadcastPair, swiGlu, {}, "y = a / (1 + e^(-alpha a)) b"},
      {"PRelu", "", inferPRelu, prelu, {{7, alignSlopes}}, "y = x for x >= 0, else slope x"},
      {"Clip", "", sameAsFirst, clip, {{11, clipLimitsToInputs}}, "y = min(max(x, low), high)"},
  };
}

}  // namespace compress
