#include "lib/pass/pipeline.h"

#include <algorithm>
#include <chrono>
#include <set>

#include "lib/base/error.h"
#include "lib/base/text.h"
#include "lib/ir/verify.h"
#include "lib/pass/output_judge.h"

namespace compress {
namespace {

/// IR 3 wants every initializer among the graph inputs; one that a pass has added is not, so the model becomes IR 4.
void raiseIrVersion(Model& model) {
  constexpr int64_t kFirstWithFreeInitializers = 4;
  if (model.irVersion >= kFirstWithFreeInitializers) return;
  const std::set<ValueId> inputs(model.graph.inputs().begin(), model.graph.inputs().end());
  const auto isFree = [&](ValueId id) { return model.graph.constant(id) != nullptr && !inputs.contains(id); };
  if (std::ranges::any_of(model.graph.values(), isFree)) model.irVersion = kFirstWithFreeInitializers;
}

std::string findStructuralFault(const Model& model) {
  try {
    verify(model);
    return {};
  } catch (const Error& error) {
    return text("the result is not a sound graph: ", error.message());
  }
}

/// Runs the pass on `edited` and notes what it says.
void runPass(PipelineStep& step, Model& edited, PassContext& context, PassRecord& record) {
  const auto start = std::chrono::steady_clock::now();
  record.changes =
      within([&] { return text("pass '", step.name, "'"); }, [&] { return step.pass->run(edited, context); });
  record.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  record.skipped = std::exchange(context.skipped, {});
  record.warnings = std::exchange(context.warnings, {});
}

PassRecord runStep(PipelineStep& step, Model& model, PassContext& context, OutputJudge& judge,
                   const PipelineOptions& options) {
  const auto sizeOf = options.sizeOf ? options.sizeOf : constantBytes;
  PassRecord record;
  record.name = step.name;
  record.bytesBefore = record.bytesAfter = sizeOf(model);
  record.nodesBefore = record.nodesAfter = static_cast<int64_t>(model.graph.nodeCount());
  Model edited = model;
  runPass(step, edited, context, record);
  if (record.changes == 0) return record;
  raiseIrVersion(edited);
  record.why = findStructuralFault(edited);
  if (record.why.empty() && options.compareOutputs) record.why = judge.findFault(edited, step.lossless, record);
  if (!record.why.empty()) {
    record.status = PassRecord::Status::dropped;
    return record;
  }
  record.status = PassRecord::Status::applied;
  record.bytesAfter = sizeOf(edited);
  record.nodesAfter = static_cast<int64_t>(edited.graph.nodeCount());
  model = std::move(edited);
  return record;
}

/// Constants of one graph; bodies go to `pending`.
void collectConstants(const Graph& graph, std::set<std::pair<const void*, size_t>>& seen, std::vector<Body>& pending,
                      int64_t& bytes) {
  for (const ValueId id : graph.values())
    if (const Tensor* tensor = graph.constant(id)) {
      const auto raw = tensor->dtype() == DType::string ? std::span<const std::byte>() : tensor->raw();
      if (!raw.empty() && seen.insert({raw.data(), raw.size()}).second) bytes += static_cast<int64_t>(raw.size());
    }
  for (const NodeId id : graph.nodes())
    for (const Attribute& attribute : graph.node(id).attributes) {
      if (const auto* body = std::get_if<Body>(&attribute.data)) pending.push_back(*body);
      if (const auto* bodies = std::get_if<std::vector<Body>>(&attribute.data))
        pending.insert(pending.end(), bodies->begin(), bodies->end());
    }
}

}  // namespace

int64_t constantBytes(const Model& model) {
  std::set<std::pair<const void*, size_t>> seen;
  std::vector<Body> pending;
  int64_t bytes = 0;
  collectConstants(model.graph, seen, pending, bytes);
  while (!pending.empty()) {
    const Body body = pending.back();
    pending.pop_back();
    collectConstants(*body, seen, pending, bytes);
  }
  return bytes;
}

PipelineStep makeStep(const PassSpec& spec) {
  return {std::string(spec.name), spec.lossless, spec.make()};
}

std::vector<PassRecord> runPipeline(Model& model, std::vector<PipelineStep> steps, PassContext& context,
                                    const PipelineOptions& options) {
  OutputJudge judge(model, context, options);
  std::vector<PassRecord> records;
  for (size_t i = 0; i < steps.size(); ++i) {
    context.progress(text("pass ", i + 1, " of ", steps.size(), ": ", steps[i].name));
    records.push_back(runStep(steps[i], model, context, judge, options));
  }
  return records;
}

}  // namespace compress
