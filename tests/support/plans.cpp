#include "tests/support/plans.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace compress::test {
namespace {

std::vector<Shape> shapesOf(const std::vector<Tensor>& inputs) {
  std::vector<Shape> shapes;
  for (const Tensor& input : inputs) shapes.push_back(input.shape());
  return shapes;
}

std::string joinSteps(Backend& backend, const Model& model, const std::vector<Tensor>& inputs,
                      const CompileOptions& options, std::string StepInfo::*field) {
  std::string all;
  for (const StepInfo& step : backend.compile(model.graph, shapesOf(inputs), options)->steps())
    all += (all.empty() ? "" : " ") + step.*field;
  return all;
}

}  // namespace

std::vector<Buffer> runOn(Backend& backend, const Model& model, const std::vector<Tensor>& inputs,
                          const CompileOptions& options) {
  Bindings bindings{inputs, {}};
  backend.compile(model.graph, shapesOf(inputs), options)->run(bindings);
  return std::move(bindings.outputs);
}

double normalizedError(const Tensor& a, const Tensor& b) {
  if (a.dtype() != b.dtype() || !(a.shape() == b.shape())) return std::numeric_limits<double>::infinity();
  const std::vector<double> got = toDoubles(a);
  const std::vector<double> wanted = toDoubles(b);
  double error = 0;
  double power = 1e-30;
  for (size_t i = 0; i < got.size(); ++i) {
    if (std::isnan(got[i]) != std::isnan(wanted[i])) return std::numeric_limits<double>::infinity();
    if (std::isfinite(wanted[i])) power += wanted[i] * wanted[i];
    if (std::isnan(got[i]) || got[i] == wanted[i]) continue;
    error += (got[i] - wanted[i]) * (got[i] - wanted[i]);
  }
  return error / power;
}

double normalizedError(const std::vector<Buffer>& a, const std::vector<Buffer>& b) {
  if (a.size() != b.size()) return std::numeric_limits<double>::infinity();
  double worst = 0;
  for (size_t i = 0; i < a.size(); ++i) worst = std::max(worst, normalizedError(a[i].snapshot(), b[i].snapshot()));
  return worst;
}

bool sameBytes(const std::vector<Buffer>& a, const std::vector<Buffer>& b) {
  return std::ranges::equal(a, b,
                            [](const Buffer& x, const Buffer& y) { return std::ranges::equal(x.raw(), y.raw()); });
}

std::string stepOps(Backend& backend, const Model& model, const std::vector<Tensor>& inputs,
                    const CompileOptions& options) {
  return joinSteps(backend, model, inputs, options, &StepInfo::op);
}

std::string stepKernels(Backend& backend, const Model& model, const std::vector<Tensor>& inputs,
                        const CompileOptions& options) {
  return joinSteps(backend, model, inputs, options, &StepInfo::kernel);
}

}  // namespace compress::test
