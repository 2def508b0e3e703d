#include "tests/support/gradients.h"

#include <algorithm>
#include <cmath>

#include "lib/base/random.h"
#include "lib/base/text.h"
#include "lib/ops/access.h"
#include "lib/ops/evaluate.h"
#include "lib/ops/lowering.h"
#include "lib/ops/infer_types.h"
#include "lib/train/autodiff.h"
#include "tests/support/build.h"

namespace compress::test {
namespace {

Tensor randomNumbers(DType dtype, const Shape& shape, std::string_view purpose) {
  Random random(3, purpose);
  std::vector<double> values(static_cast<size_t>(shape.elementCount()));
  std::ranges::generate(values, [&] { return random.normal(); });
  Buffer buffer(dtype, shape);
  store(std::span<const double>(values), buffer);
  return std::move(buffer).freeze();
}

/// sum of r y, or of r y^2, over the graph's outputs.
ValueId addLoss(Graph& graph, bool isSquared) {
  const Inferred inferred = inferTypes(graph);
  ValueId loss;
  for (const ValueId output : graph.outputs()) {
    const Type& type = inferred.types[static_cast<size_t>(output.index)];
    const ValueId weights =
        graph.addConstant("weights", randomNumbers(type.dtype, *type.shape(), graph.value(output).name));
    const ValueId value = isSquared ? graph.emit("Mul", {output, output}, "square") : output;
    const ValueId sum = graph.emit("ReduceSum", {graph.emit("Mul", {value, weights}, "weighted")}, "sum",
                                   attributesOf({{"keepdims", int64_t{0}}}));
    loss = loss ? graph.emit("Add", {loss, sum}, "loss") : sum;
  }
  return loss;
}

double lossAt(const Graph& graph, const std::vector<Tensor>& inputs) {
  return load<double>(evaluate(graph, inputs)[0])[0];
}

}  // namespace

Model modelOf(const GradientCase& c, std::string_view dtype) {
  std::string out;
  for (const char each : c.model) out += each == ';' ? '\n' : each;
  for (size_t i = out.find("float64"); i != std::string::npos; i = out.find("float64", i + dtype.size()))
    out.replace(i, 7, dtype);
  return buildModel(out);
}

Differentiated differentiated(const Graph& source, bool isSquared) {
  Differentiated d{source};
  const std::vector<ValueId> inputs = source.runtimeInputs();
  const ValueId loss = addLoss(d.graph, isSquared);
  const std::vector<ValueId> gradients = appendGradients(d.graph, loss, inputs);
  std::vector<ValueId> outputs = {loss};
  for (size_t i = 0; i < inputs.size(); ++i)
    outputs.push_back(gradients[i] ? gradients[i] : d.graph.emit("Sub", {inputs[i], inputs[i]}, "zeros"));
  d.graph.setOutputs(outputs);
  return d;
}

double worstDifference(const Differentiated& d, const std::vector<Tensor>& inputs) {
  const std::vector<Tensor> results = evaluate(d.graph, inputs);
  Graph forward = d.graph;
  forward.setOutputs({d.graph.outputs()[0]});
  forward.eraseDead();
  double worst = 0;
  for (size_t k = 0; k < inputs.size(); ++k) {
    const std::vector<double> gradient = load<double>(results[k + 1]), values = load<double>(inputs[k]);
    if (!(results[k + 1].shape() == inputs[k].shape())) return HUGE_VAL;
    for (size_t i = 0; i < values.size(); ++i) {
      const double step = 1e-5 * std::max(1.0, std::abs(values[i]));
      const auto lossWith = [&](double value) {
        std::vector<double> moved = values;
        moved[i] = value;
        Buffer buffer(inputs[k].dtype(), inputs[k].shape());
        store(std::span<const double>(moved), buffer);
        std::vector<Tensor> all = inputs;
        all[k] = std::move(buffer).freeze();
        return lossAt(forward, all);
      };
      const double difference = (lossWith(values[i] + step) - lossWith(values[i] - step)) / (2 * step);
      const double error = std::abs(difference - gradient[i]) / (std::abs(difference) + std::abs(gradient[i]) + 1e-8);
      worst = std::isnan(error) ? HUGE_VAL : std::max(worst, error);
    }
  }
  return worst;
}

double directionalDifference(const Differentiated& d, uint64_t seed) {
  constexpr double kStep = 1e-6;
  std::vector<Tensor> at, ahead, behind;
  std::vector<std::vector<double>> directions;
  for (const ValueId id : d.graph.runtimeInputs()) {
    const Value& value = d.graph.value(id);
    const Shape shape = *value.type.shape();
    at.push_back(randomNumbers(value.type.dtype, shape, text("at", seed, value.name)));
    directions.push_back(load<double>(randomNumbers(value.type.dtype, shape, text("towards", seed, value.name))));
    const auto moved = [&](double step) {
      std::vector<double> values = load<double>(at.back());
      for (size_t i = 0; i < values.size(); ++i) values[i] += step * directions.back()[i];
      return Tensor::of<double>(shape, values);
    };
    ahead.push_back(moved(kStep));
    behind.push_back(moved(-kStep));
  }
  const std::vector<Tensor> results = evaluate(d.graph, at);
  double along = 0;
  for (size_t k = 0; k < directions.size(); ++k) {
    const std::vector<double> gradient = load<double>(results[k + 1]);
    for (size_t i = 0; i < gradient.size(); ++i) along += gradient[i] * directions[k][i];
  }
  const double difference = (lossAt(d.graph, ahead) - lossAt(d.graph, behind)) / (2 * kStep);
  return std::abs(difference - along) / (std::abs(difference) + std::abs(along));
}

}  // namespace compress::test
