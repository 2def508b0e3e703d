// calibrate: collects a histogram of every float value over the samples and writes them as a table for `quantize
// --calib-table`.
#include <nlohmann/json.hpp>

#include "lib/base/error.h"
#include "lib/base/file.h"
#include "lib/base/text.h"
#include "lib/eval/calibration.h"
#include "tools/data_options.h"
#include "tools/input_model.h"
#include "tools/output_plan.h"
#include "tools/verbs.h"

namespace compress {
namespace {

class Calibrate : public Verb {
 public:
  void options(OptionVisitor& visitor) override {
    visitor.visit(merge_, {.name = "merge",
                           .help = "add the counts of this table, repeatable",
                           .placeholder = "FILE",
                           .splitsAtCommas = false});
    data_.options(visitor, DataOptions::kCalibration);
  }

  int run(VerbContext& context) override {
    const InputModel input = readInputModel(context, context.operands[0]);
    const OutputPlan plan = planOutput(context, input, ".calib.json");
    const std::unique_ptr<Dataset> dataset = data_.openCalibration(context, input.model);
    CalibrationTable table =
        within([&] { return input.shown; }, [&] { return collect(context, input.model, *dataset); });
    for (const std::string& path : merge_)
      table.merge(within([&] { return path; }, [&] { return parseCalibrationTable(readFile(path)); }));
    writeOutput(context, plan, toJson(table));
    context.document["calibration"] = {
        {"samples", table.samples}, {"values", table.values.size()}, {"data_digest", table.dataDigest()}};
    const std::string line = text(displayName(input.shown), " -> ", displayName(plan.shown()), "  ",
                                  table.values.size(), " values, ", table.samples, " samples");
    if (plan.path)
      context.console.result(line);
    else
      context.console.note(line);
    return 0;
  }

 private:
  static CalibrationTable collect(const VerbContext& context, const Model& model, const Dataset& dataset) {
    const std::unique_ptr<Backend> backend = makeCpuBackend();
    const std::vector<std::string> names = observableValues(model);
    return calibrate(model, *backend, dataset, names,
                     {.threads = static_cast<int>(context.common.threads), .progress = [&](int64_t done) {
                        context.budget.check();
                        context.console.progress(text("calibrating: ", done, " of ", dataset.size(), " samples"));
                      }});
  }

  DataOptions data_;
  std::vector<std::string> merge_;
};

}  // namespace

VerbSpec calibrateVerb() {
  return {.name = "calibrate",
          .summary = "write a table of value ranges, to quantize from or to merge",
          .example = "--calib train.npz model.onnx -o model.calib.json",
          .operands = "MODEL",
          .groups = kReading | kOutput | kForce | kComputing | kSeeded | kReporting,
          .make = []() -> std::unique_ptr<Verb> { return std::make_unique<Calibrate>(); }};
}

}  // namespace compress
