// pipeline: the passes of a recipe, one verb after the other, each proved by itself; then the result against the model
// that the recipe began with.
#include <algorithm>
#include <nlohmann/json.hpp>

#include "lib/base/error.h"
#include "lib/base/file.h"
#include "lib/base/text.h"
#include "lib/onnx/read.h"
#include "lib/runtime/cpu/backend.h"
#include "tools/closing_line.h"
#include "tools/data_options.h"
#include "tools/input_model.h"
#include "tools/json_visitor.h"
#include "tools/measuring.h"
#include "tools/model_file.h"
#include "tools/scratch_folder.h"
#include "tools/stage.h"
#include "tools/verbs.h"

namespace compress {
namespace {

using Json = nlohmann::ordered_json;

/// Options of the pipeline that its passes take too, beside those of samples.
constexpr std::string_view kShared[] = {"metric", "bench", "metric-cmd", "latency-cmd"};

/// A JSON value as a configuration file has it.
ConfigValue toConfig(const Json& value) {
  if (value.is_boolean()) return {0, value.get<bool>()};
  if (value.is_number_integer()) return {0, value.get<int64_t>()};
  if (value.is_number()) return {0, value.get<double>()};
  if (value.is_string()) return {0, value.get<std::string>()};
  ConfigList list;
  for (const Json& item : value) list.push_back(toConfig(item));
  return {0, std::move(list)};
}

/// Names of options.
class NameVisitor : public JsonVisitor {
 public:
  std::vector<std::string> names;

 protected:
  void option(const Json&, const OptionInfo& info) override { names.emplace_back(info.name); }
};

class Pipeline : public Verb {
 public:
  void options(OptionVisitor& visitor) override {
    visitor.visit(from_, {.name = "from",
                          .help = "begin with this pass, at what the one before it left in --work",
                          .min = 1,
                          .placeholder = "K"});
    visitor.visit(to_, {.name = "to", .help = "end after this pass", .min = 1, .placeholder = "K"});
    visitor.visit(work_, {.name = "work",
                          .help = "keep each pass's model and record in this folder; without it they are not kept",
                          .placeholder = "FOLDER"});
    visitor.visit(resume_, {.name = "resume", .help = "take from --work what was made there from the same things"});
    gain_.options(visitor);
    data_.options(visitor, DataOptions::kCalibration | DataOptions::kEvaluation);
    judge_.options(visitor);
  }

  int run(VerbContext& context) override {
    const Recipe recipe = readRecipe(context.operands[0]);
    applyRecipe(context, recipe);
    judge_.check(context.common, data_);
    requireWorkFolder();
    return work_ ? runIn(context, recipe, *work_) : runIn(context, recipe, ScratchFolder().path());
  }

 private:
  /// The recipe's tables stand below flags, variables and --config.
  void applyRecipe(VerbContext& context, const Recipe& recipe) {
    Json& settings = context.document["effective_config"];
    Origins origins;
    for (const auto& [name, setting] : settings.items())
      if (setting["origin"] != "default") origins[name] = {setting["origin"], setting.value("where", "")};
    requireKeys(recipe);
    for (ConfigTable table : {recipe.data, recipe.gates}) {
      resolvePaths(table, *this, recipe.folder);
      applyTable(table, recipe.name, "pipeline", *this, false, origins);
    }
    CommonOptions common = context.common;
    const Json applied = compress::settings(pipelineVerb(), *this, common, origins);
    for (const auto& [name, setting] : applied.items())
      if (settings.contains(name)) settings[name] = setting;
  }

  /// Each table of the recipe has options of its own kind only.
  void requireKeys(const Recipe& recipe) {
    const auto require = [&](const ConfigTable& table, std::string_view of, const std::vector<std::string>& names) {
      std::vector<std::string> keys;
      for (const std::string& name : names) keys.push_back(keyOf(name));
      for (const auto& [key, value] : table)
        if (std::ranges::find(keys, key) == keys.end())
          throw Error(ErrorKind::usage,
                      text(placeOf(recipe.name, value.line), ": unknown key '",
                           displayName(key == "data" ? "eval" : key), "' of ", of),
                      text("near: ", join(nearest(key, keys), ", ")));
    };
    require(recipe.data, "data", dataNames());
    NameVisitor judging;
    judge_.options(judging);
    require(recipe.gates, "gates", judging.names);
  }

  std::vector<std::string> dataNames() {
    NameVisitor data;
    data_.options(data, DataOptions::kCalibration | DataOptions::kEvaluation);
    return data.names;
  }

  /// What the pipeline was told that its passes are to know too.
  ConfigTable shared(const Json& settings) {
    std::vector<std::string> names = dataNames();
    names.insert(names.end(), std::begin(kShared), std::end(kShared));
    ConfigTable table;
    for (const std::string& name : names)
      if (settings.contains(name) && settings[name]["origin"] != "default" && !settings[name]["value"].is_null())
        table.emplace_back(keyOf(name), toConfig(settings[name]["value"]));
    return table;
  }

  void requireWorkFolder() const {
    if (!work_ && (resume_ || from_))
      throw Error(ErrorKind::usage, text(resume_ ? "--resume" : "--from", " needs --work"),
                  "give the folder in which an earlier run kept its passes");
    std::error_code failed;
    if (work_) std::filesystem::create_directories(*work_, failed);
    if (failed) throw Error(ErrorKind::io, text("--work ", displayName(*work_), ": ", failed.message()));
  }

  static std::string modelOperand(const VerbContext& context, const Recipe& recipe) {
    if (context.operands.size() > 1) return context.operands[1];
    if (!recipe.model)
      throw Error(ErrorKind::usage, text(displayName(recipe.name), ": no model"),
                  "write model = \"FILE\", or give MODEL on the command line");
    return *recipe.model;
  }

  int runIn(VerbContext& context, const Recipe& recipe, const std::filesystem::path& folder) {
    std::vector<Stage> stages;
    const ConfigTable known = shared(context.document["effective_config"]);
    for (size_t i = 0; i < recipe.passes.size(); ++i) stages.emplace_back(recipe, i, known);
    const auto count = static_cast<int64_t>(stages.size());
    if (from_.value_or(1) > count || to_.value_or(1) > count || from_.value_or(1) > to_.value_or(count))
      throw Error(ErrorKind::usage, text("--from ", from_.value_or(1), " --to ", to_.value_or(count),
                                         ": expected passes from 1 to ", count, ", in order"));
    const InputModel input = readInputModel(context, modelOperand(context, recipe));
    const OutputPlan plan = planOutput(context, input, ".compressed.onnx");
    const ModelFile first(input.model, input.path);
    std::filesystem::path current = first.path();
    if (from_.value_or(1) > 1) current = modelIn(folder, stages[static_cast<size_t>(*from_ - 2)]);
    for (int64_t k = from_.value_or(1); k <= to_.value_or(count); ++k) {
      Stage& stage = stages[static_cast<size_t>(k - 1)];
      const int code = pass(context, stage, current, folder);
      if (code != 0) {
        context.console.warn(text("pass ", k, " (", stage.verb(), ") failed: nothing is written"));
        return code;
      }
      current = modelIn(folder, stage);
    }
    return finish(context, input, plan, current);
  }

  static std::filesystem::path modelIn(const std::filesystem::path& folder, const Stage& stage) {
    return folder / text(stage.fileStem(), ".onnx");
  }

  int pass(VerbContext& context, Stage& stage, const std::filesystem::path& input,
           const std::filesystem::path& folder) const {
    const std::filesystem::path output = modelIn(folder, stage), recordFile = folder / text(stage.fileStem(), ".json");
    const std::string stamp = stage.stamp(context.common, input);
    if (resume_)
      if (const std::optional<Json> kept = keptRecord(recordFile, output, stamp)) {
        context.console.note(text("pass ", stage.number(), " (", stage.verb(), "): kept from ", folder.string()));
        add(context, stage, *kept);
        return 0;
      }
    context.console.note(text("pass ", stage.number(), " (", stage.verb(), ")"));
    const int code = stage.run(context, input, output);
    Json record = stage.record();
    if (code == 0) record["output_sha256"] = sha256File(output);
    record["stamp"] = stamp;
    add(context, stage, record);
    if (code == 0 && work_)
      writeFileAtomically(recordFile, record.dump(2, ' ', false, Json::error_handler_t::replace), true);
    return code;
  }

  /// The record of an earlier run, where it was made from the same things and its model is still what it was.
  static std::optional<Json> keptRecord(const std::filesystem::path& file, const std::filesystem::path& model,
                                        const std::string& stamp) {
    if (!std::filesystem::exists(file) || !std::filesystem::exists(model)) return std::nullopt;
    Json record = Json::parse(readFile(file), nullptr, false);
    if (record.is_discarded() || record.value("stamp", "") != stamp ||
        record.value("output_sha256", "") != sha256File(model))
      return std::nullopt;
    record["kept"] = true;
    return record;
  }

  static void add(VerbContext& context, const Stage& stage, const Json& record) {
    context.document["stages"].push_back(record);
    for (Json pass : record.value("passes", Json::array())) {
      pass["name"] = text(stage.fileStem(), ": ", pass["name"].get<std::string>());
      context.document["passes"].push_back(std::move(pass));
    }
    for (const Json& warning : record.value("warnings", Json::array())) context.document["warnings"].push_back(warning);
  }

  int finish(VerbContext& context, const InputModel& input, const OutputPlan& plan,
             const std::filesystem::path& result) const {
    const Model model = readModel(result, {}).model;
    const std::unique_ptr<Dataset> samples =
        data_.hasCalibration() ? data_.openCalibration(context, input.model) : nullptr;
    const std::unique_ptr<Dataset> evaluation =
        data_.hasEvaluation() ? data_.openLabelled(context, input.model) : nullptr;
    const Findings findings =
        judge_.compare(context, {input.model, input.shown, input.bytes, input.path},
                       {model, plan.shown(), modelFileBytes(model)}, samples.get(), evaluation.get());
    return writeJudged(context, gain_, plan, input, model, findings, findings.isAccepted, judge_.hasSpeedGate());
  }

  std::optional<int64_t> from_, to_;
  std::optional<std::string> work_;
  bool resume_ = false;
  GainOptions gain_;
  DataOptions data_;
  JudgeOptions judge_;
};

}  // namespace

VerbSpec pipelineVerb() {
  return {.name = "pipeline",
          .summary = "run the passes of a recipe one after the other, and prove the result against the first model",
          .example = "recipe.toml --max-drop 1% -o model.small.onnx",
          .operands = "RECIPE [MODEL]",
          .groups = kReading | kOutput | kForce | kModelOutput | kComputing | kSeeded | kReporting,
          .make = []() -> std::unique_ptr<Verb> { return std::make_unique<Pipeline>(); }};
}

}  // namespace compress
