#include "tests/support/passes.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <stdexcept>

#include "lib/base/parallel.h"
#include "lib/base/text.h"
#include "lib/ops/evaluate.h"
#include "lib/ops/upgrade.h"
#include "tests/support/build.h"

namespace compress::test {
namespace {

bool isComparable(const Tensor& tensor) {
  return tensor.dtype() != DType::string && bitsOf(tensor.dtype()) >= 8;
}

/// Small graphs run faster on one thread, above all where other processes hold the cores: a parallel region waits for
/// its last thread.
class OneThread {
 public:
  OneThread() { setThreadCount(1); }
  ~OneThread() { setThreadCount(before_); }
  OneThread(const OneThread&) = delete;
  OneThread& operator=(const OneThread&) = delete;

 private:
  int before_ = threadCount();
};

std::vector<Tensor> compute(const Model& model, std::span<const Tensor> inputs) {
  const OneThread quick;
  return evaluate(upgraded(model).graph, inputs);
}

/// Largest difference of two tensors over the largest magnitude of the first.
double difference(const Tensor& a, const Tensor& b) {
  constexpr double kFar = std::numeric_limits<double>::infinity();
  if (a.dtype() != b.dtype() || a.shape() != b.shape()) return kFar;
  if (!isComparable(a)) return equal(a, b) ? 0 : kFar;
  const auto x = toDoubles(a), y = toDoubles(b);
  double largest = 0, apart = 0;
  for (size_t i = 0; i < x.size(); ++i) {
    if (x[i] == y[i] || (std::isnan(x[i]) && std::isnan(y[i]))) continue;
    if (!std::isfinite(x[i]) || !std::isfinite(y[i])) return kFar;
    apart = std::max(apart, std::fabs(x[i] - y[i]));
  }
  for (const double value : x)
    if (std::isfinite(value)) largest = std::max(largest, std::fabs(value));
  return apart == 0 ? 0 : apart / std::max(largest, 1e-30);
}

}  // namespace

const PassSpec& findPass(std::string_view name) {
  for (const PassSpec& spec : allPasses())
    if (spec.name == name) return spec;
  throw std::runtime_error(text("no pass '", name, "'"));
}

PassResult runPass(const PassSpec& spec, Model& model, uint64_t seed) {
  const auto backend = makeReferenceBackend();
  const OneThread quick;
  PassContext context{*backend, 1, seed, nullptr, [](std::string_view) {}, {}, {}};
  PassResult result;
  result.changes = spec.make()->run(model, context);
  result.skipped = std::move(context.skipped);
  result.warnings = std::move(context.warnings);
  return result;
}

Expectation::Expectation(const Model& model, uint64_t seed)
    : inputs_(randomInputs(model, seed)), outputs_(compute(model, inputs_)) {}

double Expectation::differenceTo(const Model& model) const {
  const std::vector<Tensor> found = compute(model, inputs_);
  if (found.size() != outputs_.size()) return std::numeric_limits<double>::infinity();
  double worst = 0;
  for (size_t i = 0; i < found.size(); ++i) worst = std::max(worst, difference(outputs_[i], found[i]));
  return worst;
}

}  // namespace compress::test
