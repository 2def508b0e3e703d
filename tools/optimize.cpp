// optimize: all lossless passes, shapes made static and the opset converted on request; outputs are verified equal.
#include <nlohmann/json.hpp>

#include "lib/base/error.h"
#include "lib/base/text.h"
#include "lib/ops/upgrade.h"
#include "tools/closing_line.h"
#include "tools/input_model.h"
#include "tools/output_plan.h"
#include "tools/passes.h"
#include "tools/verbs.h"

namespace compress {
namespace {

/// The opset converter as a step, so that the pipeline verifies it like any pass.
class ConvertOpset : public Pass {
 public:
  explicit ConvertOpset(int64_t opset) : opset_(opset) {}

  int64_t run(Model& model, PassContext&) override {
    const int64_t before = model.opsets.version("");
    if (before > opset_)
      throw Error(ErrorKind::unsupported,
                  text("--opset ", opset_, ": the model has opset ", before, ", and opsets are only raised"));
    upgrade(model, opset_);
    return model.opsets.version("") - before;
  }

 private:
  int64_t opset_;
};

class Optimize : public Verb {
 public:
  void options(OptionVisitor& visitor) override {
    visitor.visit(skip_, {.name = "skip", .help = "leave out a pass, repeatable", .placeholder = "PASS"});
    visitor.visit(opset_, {.name = "opset",
                           .help = "convert to this opset of the default domain",
                           .min = 7,
                           .max = static_cast<double>(kNewestOpset),
                           .placeholder = "N"});
    visitor.visit(shapes_, {.name = "shape",
                            .help = "make an input's shape static, as in x:1x3x32x32, repeatable",
                            .placeholder = "NAME:SHAPE"});
    gain_.options(visitor);
  }

  int run(VerbContext& context) override {
    std::vector<PipelineStep> steps = losslessSteps(skip_);
    const InputModel input = readInputModel(context, context.operands[0]);
    const OutputPlan plan = planOutput(context, input, ".opt.onnx");
    return within([&] { return input.shown; }, [&] { return work(context, input, plan, std::move(steps)); });
  }

 private:
  int work(VerbContext& context, const InputModel& input, const OutputPlan& plan,
           std::vector<PipelineStep> steps) const {
    Model model = input.model;
    setInputShapes(model, shapes_);
    if (opset_)
      steps.insert(steps.begin(),
                   PipelineStep{.name = "opset", .lossless = true, .pass = std::make_unique<ConvertOpset>(*opset_)});
    const std::unique_ptr<Backend> backend = makeCpuBackend();
    PassContext passes = passContext(context, *backend, nullptr);
    const bool allKept =
        reportPasses(context, runPipeline(model, std::move(steps), passes, pipelineOptions(context.common)));
    const bool isAsked = opset_ || !shapes_.empty();
    const Outcome outcome = gain_.write(context, plan, input, model, isAsked);
    printClosingLine(context, input, plan, outcome, nullptr);
    return allKept && outcome.isAccepted ? 0 : static_cast<int>(ErrorKind::negative);
  }

  std::vector<std::string> skip_, shapes_;
  std::optional<int64_t> opset_;
  GainOptions gain_;
};

}  // namespace

VerbSpec optimizeVerb() {
  return {.name = "optimize",
          .summary =
              "fold, merge and remove what the outputs do not need; convert the opset, fix shapes; outputs stay equal",
          .example = "--shape x:1x3x224x224 model.onnx -o model.opt.onnx",
          .operands = "MODEL",
          .groups = kReading | kOutput | kForce | kModelOutput | kComputing | kSeeded | kReporting,
          .make = []() -> std::unique_ptr<Verb> { return std::make_unique<Optimize>(); }};
}

}  // namespace compress
