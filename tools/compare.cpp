// compare: two models side by side: size, drift of the outputs, metric with flips and McNemar's test, speed; gates
// decide the exit code.
#include <nlohmann/json.hpp>

#include "lib/base/error.h"
#include "lib/base/memory.h"
#include "lib/base/text.h"
#include "lib/eval/report.h"
#include "lib/eval/verification_plan.h"
#include "tools/data_options.h"
#include "tools/input_model.h"
#include "tools/measuring.h"
#include "tools/verbs.h"

namespace compress {
namespace {

/// Samples of random numbers that drift is measured on where no data are given.
constexpr int64_t kRandomSamples = 16;

class Compare : public Verb {
 public:
  void options(OptionVisitor& visitor) override {
    data_.options(visitor, DataOptions::kEvaluation);
    judge_.options(visitor);
  }

  int run(VerbContext& context) override {
    judge_.check(context.common, data_);
    const InputModel before = readInputModel(context, context.operands[0]);
    const InputModel after = readInputModel(context, context.operands[1]);
    requireSameInterface(before, after);
    const std::unique_ptr<Dataset> dataset = openSamples(context, before.model);
    const bool hasLabels = dataset->hasLabels();
    const Findings findings = judge_.compare(context, {before.model, before.shown, before.bytes, before.path},
                                             {after.model, after.shown, after.bytes, after.path}, dataset.get(),
                                             hasLabels ? dataset.get() : nullptr);
    context.console.result(renderText(context.document));
    return findings.isAccepted ? 0 : static_cast<int>(ErrorKind::negative);
  }

 private:
  std::unique_ptr<Dataset> openSamples(VerbContext& context, const Model& model) const {
    if (data_.hasEvaluation()) return data_.openEvaluation(context, model);
    const int64_t memory = memoryLimit(context.common).value_or(availableMemory()) / 2;
    const VerificationPlan plan = planVerification(model, {static_cast<int>(context.common.threads), 1, memory});
    if (!plan.isFitting || plan.isSmaller)
      throw Error(ErrorKind::resource,
                  text("to compare at the declared shapes would need ", humanBytes(plan.bytes),
                       " of memory, half of it is ", humanBytes(memory)),
                  "give smaller samples with --data, or export the models with an open batch");
    std::unique_ptr<Dataset> dataset =
        randomDataset(plan.inputs, kRandomSamples, static_cast<uint64_t>(context.common.seed));
    context.document["data"].push_back(dataToJson("drift", "random", *dataset, ""));
    return dataset;
  }

  static std::vector<std::string> names(const Model& model, const std::vector<ValueId>& ids) {
    std::vector<std::string> names;
    for (ValueId id : ids) names.push_back(model.graph.value(id).name);
    return names;
  }

  static void requireSameInterface(const InputModel& before, const InputModel& after) {
    const auto require = [&](std::string_view what, const std::vector<std::string>& a,
                             const std::vector<std::string>& b) {
      if (a == b) return;
      throw Error(ErrorKind::input, text(after.shown, ": its ", what, " are ", displayName(join(b, ", ")),
                                         ", expected those of ", before.shown, ": ", displayName(join(a, ", "))));
    };
    require("inputs", names(before.model, before.model.graph.runtimeInputs()),
            names(after.model, after.model.graph.runtimeInputs()));
    require("outputs", names(before.model, before.model.graph.outputs()),
            names(after.model, after.model.graph.outputs()));
  }

  DataOptions data_;
  JudgeOptions judge_;
};

}  // namespace

VerbSpec compareVerb() {
  return {.name = "compare",
          .summary = "set two models side by side: size, drift, metric, speed; gates decide the exit code",
          .example = "--data test.npz --max-drop 1% --min-speedup 1.2 model.onnx model.int8.onnx",
          .operands = "A B",
          .groups = kReading | kComputing | kSeeded | kReporting | kForce,
          .make = []() -> std::unique_ptr<Verb> { return std::make_unique<Compare>(); }};
}

}  // namespace compress
