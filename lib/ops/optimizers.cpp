// One step of an optimizer: Adagrad, Adam, Momentum of ai.onnx.preview.training. Inputs are the learning rate, the
// count of steps so far, then as many parameters, gradients and states of each kind; outputs are the new parameters and
// states.
#include <cmath>

#include "lib/ops/access.h"
#include "lib/ops/families.h"
#include "lib/ops/rules.h"

namespace compress {
namespace {

constexpr std::string_view kTraining = "ai.onnx.preview.training";

/// How many parameters a node has that keeps `states` states of each; inputs 2, 2 + n, ... are of the first.
size_t parameterCount(size_t inputs, size_t states) {
  if (inputs < 4 + states || (inputs - 2) % (2 + states) != 0)
    reject(inputs, " inputs, expected two and ", 2 + states, " for each parameter");
  return (inputs - 2) / (2 + states);
}

/// Parameters and states keep their types.
template <size_t states>
void inferStep(InferContext& context) {
  const size_t count = parameterCount(context.inputs.size(), states);
  if (context.outputs.size() != count * (1 + states))
    reject(context.outputs.size(), " outputs, expected ", count * (1 + states));
  for (size_t i = 0; i < context.outputs.size(); ++i)
    context.outputs[i] = context.input(2 + i + (i >= count ? count : 0));
}

/// What one element's update sees and changes.
struct Element {
  double x, gradient;
  double states[2];
};

/// Runs update(element) on every element of every parameter.
template <size_t states, typename Update>
void step(ReferenceContext& context, const Update& update) {
  const size_t count = parameterCount(context.inputs.size(), states);
  for (size_t i = 0; i < count; ++i) {
    std::vector<std::vector<double>> values;
    for (size_t k = 0; k < 2 + states; ++k) {
      values.push_back(load<double>(context.inputs[2 + i + k * count]));
      if (values.back().size() != values[0].size()) reject("a parameter, its gradient and states have different sizes");
    }
    for (size_t e = 0; e < values[0].size(); ++e) {
      Element element{values[0][e], values[1][e], {}};
      for (size_t k = 0; k < states; ++k) element.states[k] = values[2 + k][e];
      update(element);
      values[0][e] = element.x;
      for (size_t k = 0; k < states; ++k) values[2 + k][e] = element.states[k];
    }
    if (context.wants(i)) store(std::span<const double>(values[0]), context.outputs[i]);
    for (size_t k = 0; k < states; ++k)
      if (context.wants(i + (k + 1) * count))
        store(std::span<const double>(values[2 + k]), context.outputs[i + (k + 1) * count]);
  }
}

double scalarAt(const ReferenceContext& context, size_t i) {
  const auto values = toDoubles(context.inputs[i]);
  if (values.size() != 1) reject("input ", i, " has ", values.size(), " elements, expected 1");
  return values[0];
}

double parameter(const ReferenceContext& context, std::string_view name, float absent) {
  return static_cast<double>(context.node.attributes.real(name, absent));
}

void adagrad(ReferenceContext& context) {
  const double rate = scalarAt(context, 0) / (1 + scalarAt(context, 1) * parameter(context, "decay_factor", 0)),
               norm = parameter(context, "norm_coefficient", 0), epsilon = parameter(context, "epsilon", 0);
  step<1>(context, [=](Element& e) {
    const double gradient = norm * e.x + e.gradient;
    e.states[0] += gradient * gradient;
    e.x -= rate * gradient / (std::sqrt(e.states[0]) + epsilon);
  });
}

void adam(ReferenceContext& context) {
  const double alpha = parameter(context, "alpha", 0.9F), beta = parameter(context, "beta", 0.999F),
               epsilon = parameter(context, "epsilon", 0), norm = parameter(context, "norm_coefficient", 0),
               after = parameter(context, "norm_coefficient_post", 0), steps = scalarAt(context, 1);
  double rate = scalarAt(context, 0);
  if (steps > 0) rate *= std::sqrt(1 - std::pow(beta, steps)) / (1 - std::pow(alpha, steps));
  step<2>(context, [=](Element& e) {
    const double gradient = norm * e.x + e.gradient;
    e.states[0] = alpha * e.states[0] + (1 - alpha) * gradient;
    e.states[1] = beta * e.states[1] + (1 - beta) * gradient * gradient;
    e.x = (1 - after) * (e.x - rate * e.states[0] / (std::sqrt(e.states[1]) + epsilon));
  });
}

void momentum(ReferenceContext& context) {
  const std::string mode = context.node.attributes.string("mode", "standard");
  if (mode != "standard" && mode != "nesterov")
    reject("mode is '", displayName(mode), "', expected standard or nesterov");
  const double rate = scalarAt(context, 0), alpha = parameter(context, "alpha", 0),
               norm = parameter(context, "norm_coefficient", 0),
               beta = scalarAt(context, 1) > 0 ? parameter(context, "beta", 1) : 1;
  step<1>(context, [=, isNesterov = mode == "nesterov"](Element& e) {
    const double gradient = norm * e.x + e.gradient;
    e.states[0] = alpha * e.states[0] + beta * gradient;
    e.x -= rate * (isNesterov ? gradient + alpha * e.states[0] : e.states[0]);
  });
}

}  // namespace

std::vector<OpSpec> optimizerOps() {
  return {
      {"Adagrad", kTraining, inferStep<1>, adagrad, {}, "x - r g / (h^(1/2) + epsilon), h gathering g^2"},
      {"Adam", kTraining, inferStep<2>, adam, {}, "x - r v / (h^(1/2) + epsilon), v and h means of g and g^2"},
      {"Momentum", kTraining, inferStep<1>, momentum, {}, "x - r v, v = alpha v + beta g"},
  };
}

}  // namespace compress
