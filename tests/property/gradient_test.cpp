// Gradients against central differences in float64, on the plain-loop references; and the fast kernels against those.
#include <catch2/catch.hpp>

#include <cmath>
#include <map>
#include <set>

#include "lib/base/random.h"
#include "lib/base/text.h"
#include "lib/ops/access.h"
#include "lib/ops/evaluate.h"
#include "lib/ops/infer_types.h"
#include "lib/train/autodiff.h"
#include "lib/train/gradient_grid.h"
#include "tests/support/errors.h"
#include "tests/support/gradients.h"
#include "tests/support/plans.h"

using namespace compress;
using namespace compress::test;

namespace {

/// Relative error of a central difference in float64 with steps of 1e-5: truncation and cancellation are about 1e-10.
constexpr double kTolerance = 1e-6;

double awayFromHalves(double x) {
  const double nearest = std::nearbyint(2 * x) / 2;
  return std::abs(x - nearest) >= 0.05 ? x : nearest + (x < nearest ? -0.06 : 0.06);
}

Tensor inputFor(InputDomain domain, DType dtype, const Shape& shape, Random& random) {
  std::vector<double> values;
  for (int64_t i = 0; i < shape.elementCount(); ++i) {
    if (domain == InputDomain::positive)
      values.push_back(random.uniform(0.5, 2));
    else if (domain == InputDomain::inner)
      values.push_back(random.uniform(-0.9, 0.9));
    else
      values.push_back(domain == InputDomain::apart ? awayFromHalves(2 * random.normal()) : random.normal());
  }
  Buffer buffer(dtype, shape);
  store(std::span<const double>(values), buffer);
  return std::move(buffer).freeze();
}

std::vector<Tensor> inputsFor(const GradientCase& c, const Graph& graph) {
  Random random(7, text(c.op, c.property));
  std::vector<Tensor> inputs;
  for (const ValueId id : graph.runtimeInputs()) {
    const Type& type = graph.value(id).type;
    inputs.push_back(inputFor(c.domain, type.dtype, *type.shape(), random));
  }
  return inputs;
}

}  // namespace

TEST_CASE("gradients match central differences", "[gradient][property]") {
  for (const GradientCase& c : gradientGrid()) {
    CAPTURE(c.op, c.property);
    const Differentiated d = differentiated(modelOf(c, "float64").graph);
    const std::vector<Tensor> inputs = inputsFor(c, d.graph);
    CHECK(worstDifference(d, inputs) <= kTolerance);
  }
}

TEST_CASE("every gradient rule is on the grid, and the grid names no other operator", "[gradient]") {
  std::set<std::string_view> onGrid;
  for (const GradientCase& c : gradientGrid()) onGrid.insert(c.op);
  for (const OpSpec& spec : allOps()) {
    CAPTURE(spec.op, spec.domain);
    const bool isStraightThrough = spec.op == "QuantizeLinear" || spec.op == "DequantizeLinear";  // tested apart
    CHECK((spec.gradient != nullptr) == (spec.domain.empty() && (onGrid.contains(spec.op) || isStraightThrough)));
  }
}

TEST_CASE("float32 gradients of the cpu backend match the references'", "[gradient][property]") {
  const auto cpu = makeCpuBackend(), reference = makeReferenceBackend();
  for (const GradientCase& c : gradientGrid()) {
    CAPTURE(c.op, c.property);
    Model model = modelOf(c, "float32");
    if (c.op == "Cast") continue;  // to float64: nothing to run fast
    model.graph = differentiated(model.graph, true).graph;
    const std::vector<Tensor> inputs = inputsFor(c, model.graph);
    // The square of a relative error of 2e-4: sums of a few hundred products in f32, the loss with cancellation.
    CHECK(normalizedError(runOn(*cpu, model, inputs), runOn(*reference, model, inputs)) < 4e-8);
  }
}
