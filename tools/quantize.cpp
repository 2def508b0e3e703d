// quantize: static int8. Lossless passes first, then ranges from calibration samples and Q/DQ insertion, then
// measurement of what came out against what went in; a result that fails a gate is not written.
#include "passes/quantize/quantize.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "lib/base/error.h"
#include "lib/base/text.h"
#include "passes/catalog.h"
#include "tools/closing_line.h"
#include "tools/layer_costs.h"
#include "tools/integer_io.h"
#include "tools/measuring.h"
#include "tools/model_job.h"
#include "tools/passes.h"
#include "tools/quantize_report.h"
#include "tools/reports.h"
#include "tools/verbs.h"

namespace compress {
namespace {

class QuantizeVerb : public Verb {
 public:
  void options(OptionVisitor& visitor) override {
    visitor.visit(mode_, {.name = "mode",
                          .help = "static: ranges of activations are fixed from calibration samples",
                          .choices = {"static"}});
    quantize_.visit(visitor);
    visitor.visit(ioDtype_,
                  {.name = "io-dtype",
                   .help = "type of the model's float inputs and outputs; integers as --activations makes them",
                   .choices = {"float", "uint8", "int8"}});
    visitor.visit(
        skip_,
        {.name = "skip-pass", .help = "leave out a lossless pass that runs before, repeatable", .placeholder = "PASS"});
    visitor.visit(explain_, {.name = "explain",
                             .help = "tell how this node of the input was quantized, or why not",
                             .placeholder = "NODE"});
    gain_.options(visitor);
    data_.options(visitor, DataOptions::kCalibration | DataOptions::kEvaluation);
    judge_.options(visitor);
  }

  int run(VerbContext& context) override {
    judge_.check(context.common, data_);
    std::vector<PipelineStep> steps = losslessSteps(skip_);
    const ModelJob job = openJob(context, data_, ".int8.onnx");
    requireNode(job.input.model);
    if (!job.calibration && !quantize_.calibTable)
      data_.openCalibration(context, job.input.model);  // says what is missing
    return within([&] { return job.input.shown; }, [&] { return work(context, job, std::move(steps)); });
  }

 private:
  int work(VerbContext& context, const ModelJob& job, std::vector<PipelineStep> steps) const {
    const auto& [input, plan, samples, evaluation] = job;
    const Dataset* const calibration = samples.get();
    Quantize quantize(quantize_);
    quantize.setInputModel(input.model);
    const PassSpec spec = quantizeSpec();
    steps.push_back(
        {.name = std::string(spec.name), .lossless = spec.lossless, .pass = std::make_unique<BorrowedPass>(quantize)});
    Model model = input.model;
    const std::unique_ptr<Backend> backend = makeCpuBackend();
    PassContext passes = passContext(context, *backend, calibration);
    const std::vector<PassRecord> records =
        runPipeline(model, std::move(steps), passes, pipelineOptions(context.common));
    const bool allKept = reportPasses(context, records);
    describe(context, model, calibration, quantize.report());
    reportLayers(context, quantize.report(), records.back().skipped);
    if (explain_) explainNode(context, quantize.report(), records.back().skipped, input.model, *explain_);
    const Findings findings =
        judge_.compare(context, {input.model, input.shown, input.bytes, input.path},
                       {model, plan.shown(), modelFileBytes(model)}, calibration, evaluation.get());
    if (wantsPage(context.common) && judge_.wantsSpeed() && calibration != nullptr)
      addLayerCosts(context, input.model, model, *backend, *calibration);
    const bool isGood = allKept && findings.isAccepted;
    if (isGood && ioDtype_ != "float") model = withIntegerBorders(context, model, ioDtype_, calibration);
    return writeJudged(context, gain_, plan, input, model, findings, isGood, judge_.hasSpeedGate());
  }

  /// What the file says about how it came to be.
  void describe(const VerbContext& context, Model& model, const Dataset* calibration,
                const QuantizeReport& report) const {
    model.setMetadata("compress.version", toolVersion(context));
    model.setMetadata("compress.config", context.document["config_hash"].get<std::string>());
    model.setMetadata("compress.target", quantize_.target);
    model.setMetadata("compress.level", text(quantize_.level));
    if (!report.calibrationDigest.empty()) model.setMetadata("compress.calibration", report.calibrationDigest);
    if (calibration != nullptr && ioDtype_ == "float")  // integers are fed as they are
      model.setMetadata("compress.preprocess", serialize(calibration->preprocess()));
  }

  static std::string toolVersion(const VerbContext& context) {
    return context.document["tool"]["version"].get<std::string>();
  }

  void requireNode(const Model& input) const {
    if (!explain_) return;
    std::vector<std::string> names;
    for (NodeId id : input.graph.nodes()) names.push_back(input.graph.node(id).name);
    if (std::ranges::find(names, *explain_) == names.end())
      throw Error(ErrorKind::usage, text("--explain: the model has no node '", displayName(*explain_), "'"),
                  text("near: ", displayName(join(nearest(*explain_, names), ", "))));
  }

  std::string mode_ = "static";
  std::string ioDtype_ = "float";
  QuantizeOptions quantize_;
  std::vector<std::string> skip_;
  std::optional<std::string> explain_;
  GainOptions gain_;
  DataOptions data_;
  JudgeOptions judge_;
};

}  // namespace

VerbSpec quantizeVerb() {
  return {.name = "quantize",
          .summary = "make an int8 model (Q/DQ) with ranges from calibration samples, and prove what it costs",
          .example = "-O2 --calib train.npz --data test.npz --preset cifar10 model.onnx -o model.int8.onnx",
          .operands = "MODEL",
          .groups = kReading | kOutput | kForce | kModelOutput | kComputing | kSeeded | kReporting,
          .make = []() -> std::unique_ptr<Verb> { return std::make_unique<QuantizeVerb>(); }};
}

}  // namespace compress
