// debug: where something goes wrong inside. `bisect` finds the fusion and the step at which the cpu backend and the
// reference part.
#include <nlohmann/json.hpp>

#include "lib/base/error.h"
#include "lib/base/text.h"
#include "tools/bisect.h"
#include "tools/input_model.h"
#include "tools/model_inputs.h"
#include "tools/passes.h"
#include "tools/verbs.h"

namespace compress {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::string_view kActions[] = {"bisect"};

Json toJson(const Divergence& divergence) {
  return {{"value", divergence.value},
          {"mismatches", divergence.mismatches},
          {"of", divergence.elements},
          {"max_abs", divergence.maxAbs}};
}

std::string shown(const Divergence& divergence) {
  return text(displayName(divergence.value), ": ", divergence.mismatches, " of ", divergence.elements,
              " elements differ, max ", divergence.maxAbs);
}

class Debug : public Verb {
 public:
  void options(OptionVisitor& visitor) override {
    inputs_.options(visitor);
    visitor.visit(
        shapes_,
        {.name = "shape", .help = "shape of an input, as in x:1x3x32x32, repeatable", .placeholder = "NAME:SHAPE"});
    visitor.visit(rtol_, {.name = "rtol", .help = "accepted difference relative to the reference", .min = 0});
    visitor.visit(atol_, {.name = "atol", .help = "accepted difference beside it; integers must be equal", .min = 0});
  }

  int run(VerbContext& context) override {
    const std::string& action = context.operands[0];
    if (action != kActions[0])
      throw Error(ErrorKind::usage, text("debug cannot '", displayName(action), "', expected ", kActions[0]));
    InputModel input = readInputModel(context, context.operands[1]);
    nameNodes(input.model);
    setInputShapes(input.model, shapes_);
    return within([&] { return input.shown; },
                  [&] {
                    const std::vector<Tensor> tensors = inputs_.read(context, input.model);
                    const BisectResult result = bisect(input.model, tensors,
                                                       {.rtol = rtol_,
                                                        .atol = atol_,
                                                        .threads = static_cast<int>(context.common.threads),
                                                        .progress = [&context](std::string_view line) {
                                                          context.budget.check();
                                                          context.console.progress(line);
                                                        }});
                    report(context, result);
                    return result.outputs.empty() ? 0 : static_cast<int>(ErrorKind::negative);
                  });
  }

 private:
  /// Steps are told by the names of nodes: all need one.
  static void nameNodes(Model& model) {
    for (const NodeId id : model.graph.nodes())
      if (model.graph.node(id).name.empty() && model.graph.node(id).output(0))
        model.graph.rename(id, model.graph.value(model.graph.node(id).outputs[0]).name);
  }

  static void report(VerbContext& context, const BisectResult& result) {
    record(context, result);
    Console& console = context.console;
    if (result.outputs.empty()) return console.result("the cpu backend and the reference agree");
    for (const Divergence& divergence : result.outputs) console.result(text("output ", shown(divergence)));
    if (result.fusion) console.result(text("fusion: ", *result.fusion, ": without it the two agree"));
    if (!result.needed.empty())
      console.result(text("fusions: no single one; ", join(result.needed, ", "), " together are enough"));
    if (result.differsUnfused) console.result("fusion: none: they differ with all fusions off too");
    if (!result.step) return console.result("step: none found: every step's own result agrees");
    console.result(text(
        "step: ", displayName(result.step->name), " (", displayName(result.step->op), "), kernel ", result.step->kernel,
        result.step->fused.empty() ? std::string()
                                   : text(", with ", displayName(join(result.step->fused, ", ")), " fused in")));
    console.result(text("  ", shown(*result.divergence)));
  }

  static void record(VerbContext& context, const BisectResult& result) {
    Json& document = context.document["bisect"];
    document["outputs"] = Json::array();
    for (const Divergence& divergence : result.outputs) document["outputs"].push_back(toJson(divergence));
    document["fusion"] = result.fusion ? Json(*result.fusion) : Json(nullptr);
    document["fusions_together"] = result.needed;
    document["differs_unfused"] = result.differsUnfused;
    if (!result.step) return;
    document["step"] = {{"name", result.step->name},
                        {"op", result.step->op},
                        {"kernel", result.step->kernel},
                        {"fused", result.step->fused},
                        {"divergence", toJson(*result.divergence)}};
  }

  ModelInputs inputs_;
  std::vector<std::string> shapes_;
  double rtol_ = 1e-3, atol_ = 1e-5;
};

}  // namespace

VerbSpec debugVerb() {
  return {.name = "debug",
          .summary = "bisect: find the fusion and the step at which the fast backend and the reference part",
          .example = "bisect --rtol 1e-4 model.onnx",
          .operands = "bisect MODEL",
          .groups = kReading | kComputing | kSeeded | kReporting | kForce,
          .make = []() -> std::unique_ptr<Verb> { return std::make_unique<Debug>(); }};
}

}  // namespace compress
