// sparsify: weights become zero, shapes stay. Lossless passes first; what comes out is measured against what went in,
// in size as it is and compressed, and not written when a gate fails.
#include "passes/sparsify/sparsify.h"

#include <nlohmann/json.hpp>

#include "lib/base/error.h"
#include "lib/base/text.h"
#include "lib/eval/facts.h"
#include "lib/onnx/write.h"
#include "passes/catalog.h"
#include "tools/closing_line.h"
#include "tools/measuring.h"
#include "tools/model_job.h"
#include "tools/passes.h"
#include "tools/verbs.h"

namespace compress {
namespace {

/// Files above this are not compressed for the report.
constexpr int64_t kLargestPacked = int64_t{1} << 30;
/// A file is smaller when it loses at least this share.
constexpr double kSmaller = 0.02;

double percent(int64_t part, int64_t whole) {
  return whole > 0 ? 100.0 * static_cast<double>(part) / static_cast<double>(whole) : 0.0;
}

nlohmann::ordered_json toJson(const SparsifyReport& report) {
  nlohmann::ordered_json layers = nlohmann::ordered_json::array();
  for (const SparsifiedLayer& one : report.layers)
    layers.push_back({{"node", one.node},
                      {"op", one.op},
                      {"weights", one.weights},
                      {"zeros_before", one.zerosBefore},
                      {"zeros_after", one.zerosAfter}});
  return {{"layers", std::move(layers)}, {"fitted_layers", report.fittedLayers}};
}

class SparsifyVerb : public Verb {
 public:
  void options(OptionVisitor& visitor) override {
    sparsify_.visit(visitor);
    visitor.visit(
        skip_,
        {.name = "skip-pass", .help = "leave out a lossless pass that runs before, repeatable", .placeholder = "PASS"});
    gain_.options(visitor);
    data_.options(visitor, DataOptions::kCalibration | DataOptions::kEvaluation);
    judge_.options(visitor);
  }

  int run(VerbContext& context) override {
    judge_.check(context.common, data_);
    sparsify_.check();
    std::vector<PipelineStep> steps = losslessSteps(skip_);
    const ModelJob job = openJob(context, data_, ".sparse.onnx");
    return within([&] { return job.input.shown; }, [&] { return work(context, job, std::move(steps)); });
  }

 private:
  int work(VerbContext& context, const ModelJob& job, std::vector<PipelineStep> steps) const {
    const auto& [input, plan, calibration, evaluation] = job;
    Sparsify sparsify(sparsify_);
    const PassSpec spec = sparsifySpec();
    steps.push_back(
        {.name = std::string(spec.name), .lossless = spec.lossless, .pass = std::make_unique<BorrowedPass>(sparsify)});
    Model model = input.model;
    const std::unique_ptr<Backend> backend = makeCpuBackend();
    PassContext passes = passContext(context, *backend, calibration.get());
    const std::vector<PassRecord> records =
        runPipeline(model, std::move(steps), passes, pipelineOptions(context.common));
    const bool allKept = reportPasses(context, records);
    tellZeros(context, sparsify.report());
    tellSize(context, input, model);
    const Findings findings =
        judge_.compare(context, {input.model, input.shown, input.bytes, input.path},
                       {model, plan.shown(), modelFileBytes(model)}, calibration.get(), evaluation.get());
    return writeJudged(context, gain_, plan, input, model, findings, allKept && findings.isAccepted, true);
  }

  static void tellZeros(VerbContext& context, const SparsifyReport& report) {
    context.document["sparsity"] = toJson(report);
    if (report.layers.empty()) {
      context.console.result("nothing to do: no layer has weights that may become zero (--verbose tells why)");
      return;
    }
    int64_t weights = 0, before = 0, after = 0;
    for (const SparsifiedLayer& one : report.layers) {
      weights += one.weights;
      before += one.zerosBefore;
      after += one.zerosAfter;
      context.console.detail(
          text(displayName(one.node), " (", one.op, "): ", one.zerosAfter, " of ", one.weights, " weights are zero"));
    }
    context.console.result(text("zeros ", fixed(percent(before, weights), 1), " -> ", fixed(percent(after, weights), 1),
                                " % of ", weights, " weights in ", report.layers.size(), " layers"));
    if (report.fittedLayers > 0)
      context.console.result(text(report.fittedLayers, " layers fitted again on the samples"));
  }

  /// Zeros cost as many bytes as other numbers, until something compresses them.
  static void tellSize(VerbContext& context, const InputModel& input, const Model& model) {
    const int64_t bytes = modelFileBytes(model);
    if (bytes >= kLargestPacked) return;
    const int64_t packedBefore = zstdBytes(serializeModel(input.model)), packedAfter = zstdBytes(serializeModel(model));
    context.document["sparsity"]["bytes"] = {{"before", input.bytes}, {"after", bytes}};
    context.document["sparsity"]["bytes_zstd"] = {{"before", packedBefore}, {"after", packedAfter}};
    context.console.result(text("file ", humanBytes(input.bytes), " -> ", humanBytes(bytes), "; compressed by zstd ",
                                humanBytes(packedBefore), " -> ", humanBytes(packedAfter)));
    if (static_cast<double>(bytes) > (1 - kSmaller) * static_cast<double>(input.bytes))
      warnAs(context,
             text("W-ZEROS-KEPT: zeros are stored like other numbers: the file keeps its ", humanBytes(bytes),
                  ", and is ", humanBytes(packedAfter), " when compressed (", humanBytes(packedBefore), " before)"));
  }

  SparsifyOptions sparsify_;
  std::vector<std::string> skip_;
  GainOptions gain_;
  DataOptions data_;
  JudgeOptions judge_;
};

}  // namespace

VerbSpec sparsifyVerb() {
  return {
      .name = "sparsify",
      .summary = "make weights zero, singly, in blocks of four channels or N of each M, and tell what it costs",
      .example = "--sparsity 0.5 --criterion sparsegpt --calib train.npz --data test.npz --preset cifar10 model.onnx",
      .operands = "MODEL",
      .groups = kReading | kOutput | kForce | kModelOutput | kComputing | kSeeded | kReporting,
      .make = []() -> std::unique_ptr<Verb> { return std::make_unique<SparsifyVerb>(); }};
}

}  // namespace compress
