#include "tests/support/quantizing.h"

#include "lib/base/text.h"
#include "lib/eval/drift.h"
#include "lib/eval/run_over.h"
#include "lib/ir/verify.h"
#include "lib/ops/evaluate.h"
#include "lib/ops/upgrade.h"

namespace compress::test {

std::string Quantized::reasonFor(std::string_view node) const {
  for (const Skipped& each : skipped)
    if (each.node == node) return each.reason;
  return "none";
}

Quantized quantizeModel(const Model& input, QuantizeOptions options, int threads, const Dataset* data) {
  const auto backend = makeCpuBackend();
  const auto random = randomDataset(inputSpecs(input), 8, 1);
  PassContext context{*backend, threads, 0, data != nullptr ? data : random.get(), [](std::string_view) {}, {}, {}};
  Quantized quantized{input, 0, {}, {}, {}};
  Quantize pass(std::move(options));
  quantized.count = pass.run(quantized.model, context);
  quantized.skipped = std::move(context.skipped);
  quantized.warnings = std::move(context.warnings);
  quantized.report = pass.report();
  verify(quantized.model);
  return quantized;
}

Sample GivenSamples::read(int64_t index) const {
  Sample sample;
  sample.inputs = samples_.at(static_cast<size_t>(index));
  sample.name = text("given[", index, "]");
  return sample;
}

QuantizeOptions atLevel(int64_t level) {
  QuantizeOptions options;
  options.level = level;
  return options;
}

int countOf(const Graph& graph, std::string_view op) {
  int count = 0;
  for (const NodeId id : graph.nodes()) count += graph.node(id).op == op ? 1 : 0;
  return count;
}

double sqnrOf(const Model& expected, const Model& found) {
  Drift drift;
  const auto inputs = randomDataset(inputSpecs(expected), 4, 1);
  for (int64_t i = 0; i < inputs->size(); ++i) {
    const std::vector<Tensor> given = inputs->read(i).inputs;
    drift.add(evaluate(upgraded(expected).graph, given)[0], evaluate(upgraded(found).graph, given)[0]);
  }
  return drift.sqnrDb();
}

}  // namespace compress::test
