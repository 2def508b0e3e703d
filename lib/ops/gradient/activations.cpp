// Gradients of activations: g times the slope, which is a function of the input x or, where that is enough, of the
// output y, so that x need not be kept.
#include <cmath>
#include <limits>

#include "lib/ops/elementwise.h"
#include "lib/ops/gradient/activation_slopes.h"
#include "lib/ops/gradient/rules.h"

namespace compress {
namespace {

using Slope = std::function<double(double)>;

double sigmoid(double x) {
  return 1 / (1 + std::exp(-x));
}

struct Parameters {
  const Attributes& attributes;
  double operator()(std::string_view name, float absent) const {
    return static_cast<double>(attributes.real(name, absent));
  }
};

struct Activation {
  std::string_view name;
  bool usesOutput;
  Slope (*slope)(const Parameters&);
};

double geluSlope(double x) {
  return 0.5 * (1 + std::erf(x / std::sqrt(2.0))) + x * std::exp(-x * x / 2) / std::sqrt(2 * M_PI);
}

double geluTanhSlope(double x) {
  const double factor = std::sqrt(2 / M_PI), t = std::tanh(factor * (x + 0.044715 * x * x * x));
  return 0.5 * (1 + t) + 0.5 * x * (1 - t * t) * factor * (1 + 3 * 0.044715 * x * x);
}

double mishSlope(double x) {
  const double t = std::tanh(std::max(x, 0.0) + std::log1p(std::exp(-std::abs(x))));
  return t + x * (1 - t * t) * sigmoid(x);
}

constexpr Activation kActivations[] = {
    {"Relu", true, [](const Parameters&) -> Slope { return [](double y) { return y > 0 ? 1.0 : 0.0; }; }},
    {"LeakyRelu", false,
     [](const Parameters& p) -> Slope {
       return [alpha = p("alpha", 0.01F)](double x) { return x > 0 ? 1.0 : alpha; };
     }},
    {"Clip", false,
     [](const Parameters& p) -> Slope {
       constexpr float kInfinity = std::numeric_limits<float>::infinity();
       return [low = p("min", -kInfinity), high = p("max", kInfinity)](double x) {
         return low < x && x < high ? 1.0 : 0.0;
       };
     }},
    {"Sigmoid", true, [](const Parameters&) -> Slope { return [](double y) { return y * (1 - y); }; }},
    {"Tanh", true, [](const Parameters&) -> Slope { return [](double y) { return 1 - y * y; }; }},
    {"HardSwish", false,
     [](const Parameters&) -> Slope {
       return [](double x) { return x <= -3 ? 0.0 : (x >= 3 ? 1.0 : (2 * x + 3) / 6); };
     }},
    {"HardSigmoid", true,
     [](const Parameters& p) -> Slope {
       return [alpha = p("alpha", 0.2F)](double y) { return 0 < y && y < 1 ? alpha : 0.0; };
     }},
    {"Elu", false,
     [](const Parameters& p) -> Slope {
       return [alpha = p("alpha", 1)](double x) { return x > 0 ? 1.0 : alpha * std::exp(x); };
     }},
    {"Celu", false,
     [](const Parameters& p) -> Slope {
       return [alpha = p("alpha", 1)](double x) { return x > 0 ? 1.0 : std::exp(x / alpha); };
     }},
    {"Selu", false,
     [](const Parameters& p) -> Slope {
       return [alpha = p("alpha", 1.67326319217681884765625F), gamma = p("gamma", 1.05070102214813232421875F)](
                  double x) { return x > 0 ? gamma : gamma * alpha * std::exp(x); };
     }},
    {"ThresholdedRelu", false,
     [](const Parameters& p) -> Slope { return [alpha = p("alpha", 1)](double x) { return x > alpha ? 1.0 : 0.0; }; }},
    {"Softplus", false, [](const Parameters&) -> Slope { return sigmoid; }},
    {"Softsign", false,
     [](const Parameters&) -> Slope { return [](double x) { return 1 / ((1 + std::abs(x)) * (1 + std::abs(x))); }; }},
    {"Gelu", false,
     [](const Parameters& p) -> Slope {
       return p.attributes.string("approximate", "none") == "tanh" ? geluTanhSlope : geluSlope;
     }},
    {"Swish", false,
     [](const Parameters& p) -> Slope {
       return [alpha = p("alpha", 1)](double x) {
         const double s = sigmoid(alpha * x);
         return s + alpha * x * s * (1 - s);
       };
     }},
    {"Mish", false, [](const Parameters&) -> Slope { return mishSlope; }},
    {"Erf", false,
     [](const Parameters&) -> Slope { return [](double x) { return 2 / std::sqrt(M_PI) * std::exp(-x * x); }; }},
    {"Tan", true, [](const Parameters&) -> Slope { return [](double y) { return 1 + y * y; }; }},
    {"Atan", false, [](const Parameters&) -> Slope { return [](double x) { return 1 / (1 + x * x); }; }},
};

const Activation& find(std::string_view name) {
  for (const Activation& each : kActivations)
    if (each.name == name) return each;
  reject("function '", displayName(name), "' has no slope");
}

void activation(Backward& b) {
  Attributes attributes = b.attributes();
  attributes.set("function", b.node().op);
  const ValueId argument = slopeUsesOutput(b.node().op) ? b.output() : b.input(0);
  b.give(0, b.emitPrivate("ActivationGrad", {b.gradient(), argument}, std::move(attributes)));
}

/// Limits that are constants are attributes of the slope. Where x equals a limit nothing flows.
void clip(Backward& b) {
  Attributes attributes = attributesOf({{"function", "Clip"}});
  for (const size_t i : {size_t{1}, size_t{2}}) {
    if (!b.has(i)) continue;
    const Tensor* limit = b.constant(i);
    if (limit == nullptr || b.wants(i))
      throw Error(ErrorKind::unsupported, "limits of Clip that are computed have no gradient here",
                  "make them constants");
    attributes.set(i == 1 ? "min" : "max", static_cast<float>(toDoubles(*limit)[0]));
  }
  b.give(0, b.emitPrivate("ActivationGrad", {b.gradient(), b.input(0)}, std::move(attributes)));
}

/// dx = g slope below 0, else g; dslope = sum of g min(x, 0).
void prelu(Backward& b) {
  const ValueId zero = b.scalar(0), isNegative = b.emit("Less", {b.input(0), zero});
  if (b.wants(0)) b.give(0, b.emit("Where", {isNegative, b.emit("Mul", {b.gradient(), b.input(1)}), b.gradient()}));
  if (b.wants(1)) b.giveBroadcast(1, b.emit("Mul", {b.gradient(), b.emit("Min", {b.input(0), zero})}));
}

void activationGrad(ReferenceContext& context) {
  const Slope slope = activationSlope(context.node);
  const Tensor &g = context.inputs[0], &v = context.inputs[1];
  if (!(g.shape() == v.shape())) reject("shapes ", print(g.shape()), " and ", print(v.shape()), ", expected the same");
  const auto values = broadcastMap<double>(load<double>(g), g.shape(), load<double>(v), v.shape(), g.shape(),
                                           [&](double a, double b) { return a * slope(b); });
  store(std::span<const double>(values), context.outputs[0]);
}

}  // namespace

Slope activationSlope(const Node& node) {
  return find(node.attributes.string("function", "")).slope(Parameters{node.attributes});
}

bool slopeUsesOutput(std::string_view function) {
  return find(function).usesOutput;
}

std::vector<GradientRule> activationGradients() {
  std::vector<GradientRule> rules = {{"PRelu", prelu}};
  for (const Activation& each : kActivations) rules.push_back({each.name, each.name == "Clip" ? clip : activation});
  return rules;
}

std::vector<OpSpec> activationGradientOps() {
  return {{"ActivationGrad",
           kTrainDomain,
           sameAsFirst,
           activationGrad,
           {},
           "g times the slope of an activation at its input or output"}};
}

}  // namespace compress
