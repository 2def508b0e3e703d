// eval: task metrics of one model over labelled samples.
#include <nlohmann/json.hpp>

#include "lib/base/error.h"
#include "lib/base/text.h"
#include "lib/eval/report.h"
#include "tools/document.h"
#include "tools/input_model.h"
#include "tools/measuring.h"
#include "tools/model_file.h"
#include "tools/precision_option.h"
#include "tools/verbs.h"

namespace compress {
namespace {

class Eval : public Verb {
 public:
  void options(OptionVisitor& visitor) override {
    metrics_.options(visitor);
    commands_.metricOption(visitor);
    conditions_.options(visitor);
    data_.options(visitor, DataOptions::kEvaluation);
    precision_.options(visitor);
  }

  int run(VerbContext& context) override {
    metrics_.check();
    commands_.check(context.common);
    conditions_.check();
    const InputModel input = readInputModel(context, context.operands[0]);
    const bool hasData = data_.hasEvaluation() || !commands_.hasMetric();
    const std::unique_ptr<Dataset> dataset = hasData ? data_.openLabelled(context, input.model) : nullptr;
    const std::unique_ptr<Backend> backend = precision_.makeBackend(context);
    return within([&] { return input.shown; },
                  [&] {
                    Validator validator(input.model, *backend, nullptr, dataset.get(), validatorOptions(context));
                    Measurement measurement = validator.measure(input.model, input.bytes);
                    if (commands_.hasMetric())
                      measurement.metrics.insert(
                          measurement.metrics.begin(),
                          commands_.measureMetric(context, ModelFile(input.model, input.path).path()));
                    report(context, input, measurement);
                    return conditions_.judge(context) ? 0 : static_cast<int>(ErrorKind::negative);
                  });
  }

 private:
  ValidatorOptions validatorOptions(VerbContext& context) const {
    return {.threads = static_cast<int>(context.common.threads),
            .seed = static_cast<uint64_t>(context.common.seed),
            .metrics = metrics_.names(),
            .progress = [&context](std::string_view line) {
              context.budget.check();
              context.console.progress(line);
            }};
  }

  static void report(VerbContext& context, const InputModel& input, const Measurement& measurement) {
    recordModel(context, "model", {input.model, input.shown, input.bytes}, measurement.facts);
    context.document["accuracy"] = accuracyToJson("model", measurement.metrics, nullptr);
    for (const std::string& warning : measurement.warnings) warnAs(context, warning);
    for (const MetricResult& metric : measurement.metrics)
      context.console.result(text(displayName(input.shown), "  ", shownMetric(metric)));
  }

  MetricOptions metrics_;
  JudgeCommands commands_;
  ConditionOptions conditions_;
  DataOptions data_;
  PrecisionOption precision_;
};

}  // namespace

VerbSpec evalVerb() {
  return {.name = "eval",
          .summary = "measure the model's task metric on labelled samples",
          .example = "--data test.npz --metric top1,top5 --preset cifar10 model.onnx",
          .operands = "MODEL",
          .groups = kReading | kComputing | kSeeded | kReporting | kForce,
          .make = []() -> std::unique_ptr<Verb> { return std::make_unique<Eval>(); }};
}

}  // namespace compress
