// bench: how long a run takes, on given inputs or, one row per shape, on random ones; a second model is timed in turn
// with the first; --per-layer tells where the time goes.
#include <nlohmann/json.hpp>

#include "lib/base/error.h"
#include "lib/base/text.h"
#include "lib/eval/latency.h"
#include "lib/eval/report.h"
#include "lib/runtime/session.h"
#include "tools/input_model.h"
#include "tools/model_inputs.h"
#include "tools/option_values.h"
#include "tools/precision_option.h"
#include "tools/verbs.h"

namespace compress {
namespace {

using Json = nlohmann::ordered_json;

constexpr int kProfiledRuns = 20;

/// A model compiled for one set of shapes, with inputs at hand.
struct Runner {
  std::unique_ptr<Session> session;
  Bindings bindings;
  std::string shapes;

  void run() { session->run(bindings); }
};

class Bench : public Verb {
 public:
  void options(OptionVisitor& visitor) override {
    inputs_.options(visitor);
    visitor.visit(shapes_, {.name = "shape",
                            .help = "input shapes, as in x:1x3x32x32; commas between inputs, repeatable: one row each",
                            .placeholder = "NAME:SHAPE",
                            .splitsAtCommas = false});
    visitor.visit(batch_, {.name = "batch",
                           .help = "samples per run: axis 0 of every input, where the model leaves it open",
                           .min = 1,
                           .max = 1 << 20,
                           .placeholder = "N"});
    visitor.visit(
        duration_,
        {.name = "duration", .help = "seconds per model and shape", .min = 0.01, .max = 86400, .placeholder = "S"});
    visitor.visit(
        runs_,
        {.name = "runs", .help = "time exactly this many runs instead", .min = 1, .max = 1e9, .placeholder = "N"});
    visitor.visit(
        warmup_,
        {.name = "warmup", .help = "seconds of untimed runs before", .min = 0, .max = 3600, .placeholder = "S"});
    visitor.visit(perLayer_,
                  {.name = "per-layer", .help = "a table of the steps of the plan, with their kernels and times"});
    precision_.options(visitor);
  }

  int run(VerbContext& context) override {
    if (inputs_.isGiven() && (!shapes_.empty() || batch_))
      throw Error(
          ErrorKind::usage,
          text(batch_ ? "--batch" : "--shape", " and --input exclude each other: the shapes are those of the tensors"),
          "leave one of them out");
    std::vector<InputModel> models;
    for (const std::string& operand : context.operands) models.push_back(readInputModel(context, operand));
    const std::unique_ptr<Backend> backend = precision_.makeBackend(context);
    std::vector<std::vector<std::string>> rows;
    const std::vector<std::string> shapes = shapes_.empty() ? std::vector<std::string>{""} : shapes_;
    for (const std::string& shape : shapes) benchShape(context, models, *backend, shape, rows);
    context.console.result(withoutLineEnd(renderTable(
        {"model", "shape", "p50 ms", "p90 ms", "p99 ms", "mean ms", "sd", "runs/s", "arena", "speedup"}, rows)));
    if (perLayer_)
      for (const InputModel& model : models) profile(context, model, *backend, shapes.front());
    return 0;
  }

 private:
  static std::string withoutLineEnd(std::string lines) {
    while (lines.ends_with('\n')) lines.pop_back();
    return lines;
  }

  static std::vector<std::string> splitShapes(const std::string& shapes) {
    return shapes.empty() ? std::vector<std::string>{} : splitWords({.name = "shape", .help = ""}, shapes);
  }

  static void setBatch(Graph& graph, int64_t batch) {
    for (const ValueId id : graph.runtimeInputs()) {
      Type type = graph.value(id).type;
      if (!type.hasRank() || type.rank() == 0) continue;
      Dim& axis = type.dims->front();
      if (axis.isKnown() && axis.value != batch)
        throw Error(
            ErrorKind::usage,
            text("--batch ", batch, ": input '", displayName(graph.value(id).name), "' is declared ", print(type)),
            "the model was exported for that batch alone");
      axis = Dim::of(batch);
      graph.setType(id, type);
    }
  }

  Runner makeRunner(VerbContext& context, const InputModel& input, Backend& backend, const std::string& shapes,
                    bool isProfiled) const {
    return within([&] { return input.shown; },
                  [&] {
                    Model model = input.model;
                    setInputShapes(model, splitShapes(shapes));
                    if (batch_) setBatch(model.graph, *batch_);
                    Runner runner;
                    runner.session = std::make_unique<Session>(
                        model, backend,
                        SessionOptions{.threads = static_cast<int>(context.common.threads), .profile = isProfiled});
                    runner.bindings.inputs = inputs_.read(context, model);
                    std::vector<std::string> shown;
                    for (const Tensor& tensor : runner.bindings.inputs) shown.push_back(print(tensor.shape()));
                    runner.shapes = join(shown, " ");
                    runner.run();
                    return runner;
                  });
  }

  void benchShape(VerbContext& context, const std::vector<InputModel>& models, Backend& backend,
                  const std::string& shapes, std::vector<std::vector<std::string>>& rows) const {
    std::vector<Runner> runners;
    std::vector<std::function<void()>> runs;
    for (const InputModel& model : models) runners.push_back(makeRunner(context, model, backend, shapes, false));
    for (Runner& runner : runners)
      runs.emplace_back([&runner, &context] {
        context.budget.check();
        runner.run();
      });
    context.console.progress("timing");
    bool isContended = false;
    const auto seed = static_cast<uint64_t>(context.common.seed);
    LatencyOptions options{
        .seconds = duration_, .minRounds = 30, .warmupSeconds = warmup_, .seed = seed, .runs = runs_.value_or(0)};
    const std::vector<Latency> times = timeInterleaved(runs, options, &isContended);
    if (isContended)
      warnAs(context, "W-CONTENDED: other processes took the processor while timing: times are not to be believed");
    for (size_t i = 0; i < models.size(); ++i) rows.push_back(row(context, models[i], runners[i], times[i]));
    if (times.size() < 2) return;
    SpeedVerdict verdict = compareSpeed(times[0], times[1], seed);
    rows.back().back() = verdict.significant ? text(fixed(verdict.speedup, 2), 'x') : "~";
    context.document["compare"].push_back({{"shape", runners[0].shapes},
                                           {"speedup", verdict.speedup},
                                           {"speedup_ci95", {verdict.speedup95.low, verdict.speedup95.high}},
                                           {"p_value", verdict.pValue},
                                           {"significant", verdict.significant}});
  }

  std::vector<std::string> row(VerbContext& context, const InputModel& model, Runner& runner,
                               const Latency& time) const {
    const int64_t arena = runner.session->plan(runner.bindings.inputs).arenaBytes();
    Json record = latencyToJson(model.shown, "cpu", time, false);
    record["shape"] = runner.shapes;
    if (batch_) record["batch"] = *batch_;
    record["arena_bytes"] = arena;
    context.document["latency"].push_back(std::move(record));
    return {model.shown,
            runner.shapes,
            fixed(time.p50, 3),
            fixed(time.p90, 3),
            fixed(time.p99, 3),
            fixed(time.mean, 3),
            fixed(time.deviation, 3),
            fixed(1e3 / time.p50, 1),
            humanBytes(arena),
            ""};
  }

  void profile(VerbContext& context, const InputModel& model, Backend& backend, const std::string& shapes) const {
    Runner runner = makeRunner(context, model, backend, shapes, true);
    for (int i = 0; i < kProfiledRuns; ++i) runner.run();
    const std::vector<StepInfo> steps = runner.session->plan(runner.bindings.inputs).steps();
    double total = 0;
    for (const StepInfo& step : steps) total += step.ms;
    std::vector<std::vector<std::string>> rows;
    for (const StepInfo& step : steps) {
      const double share = total > 0 ? 100 * step.ms / total : 0;
      rows.push_back({step.name, step.op, text(step.fused.size()), step.kernel, step.layout,
                      std::string(nameOf(step.dtype)), text(step.macs), fixed(step.ms, 4), fixed(share, 1)});
      context.document["layers"].push_back({{"model", model.shown},
                                            {"name", step.name},
                                            {"op", step.op},
                                            {"fused", step.fused},
                                            {"kernel", step.kernel},
                                            {"layout", step.layout},
                                            {"dtype", nameOf(step.dtype)},
                                            {"macs", step.macs},
                                            {"ms", step.ms},
                                            {"share_pct", share}});
    }
    context.console.result(text('\n', displayName(model.shown), "  ", runner.shapes, "  ", fixed(total, 3), " ms in ",
                                steps.size(), " steps"));
    context.console.result(
        withoutLineEnd(renderTable({"node", "op", "fused", "kernel", "layout", "dtype", "MACs", "ms", "%"}, rows)));
  }

  ModelInputs inputs_;
  std::vector<std::string> shapes_;
  double duration_ = 3, warmup_ = 0.2;
  std::optional<int64_t> runs_, batch_;
  bool perLayer_ = false;
  PrecisionOption precision_;
};

}  // namespace

VerbSpec benchVerb() {
  return {.name = "bench",
          .summary = "time a model, or two in turn, on given or random inputs",
          .example = "--shape x:1x3x32x32 --per-layer model.onnx model.int8.onnx",
          .operands = "MODEL [OTHER]",
          .groups = kReading | kComputing | kSeeded | kReporting | kForce,
          .make = []() -> std::unique_ptr<Verb> { return std::make_unique<Bench>(); }};
}

}  // namespace compress
