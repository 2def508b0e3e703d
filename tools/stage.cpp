#include "tools/stage.h"

#include <algorithm>

#include "lib/base/error.h"
#include "lib/base/file.h"
#include "lib/base/text.h"
#include "tools/config_hash.h"
#include "tools/document.h"

namespace compress {
namespace {

using Json = nlohmann::ordered_json;

const VerbSpec& modelMaker(const Recipe& recipe, const RecipePass& pass) {
  std::vector<std::string> names;
  for (const VerbSpec& spec : allVerbs()) {
    if ((spec.groups & kModelOutput) == 0 || spec.operands != "MODEL") continue;
    if (spec.name == pass.verb) return spec;
    names.emplace_back(spec.name);
  }
  throw Error(ErrorKind::usage,
              text(placeOf(recipe.name, pass.line), ": '", displayName(pass.verb), "' is no verb that makes a model"),
              text("expected one of ", join(names, ", ")));
}

/// Size and time of each file that a value names, which tell whether its content may have changed.
void addFiles(const Json& value, std::string& all) {
  if (value.is_array())
    for (const Json& item : value) addFiles(item, all);
  if (!value.is_string()) return;
  const std::string& word = value.get_ref<const std::string&>();
  const std::filesystem::path path = word.substr(word.find('=') == std::string::npos ? 0 : word.find('=') + 1);
  std::error_code none;
  if (path.empty() || !std::filesystem::exists(path, none)) return;
  const bool isFile = std::filesystem::is_regular_file(path, none);
  all += text(path.string(), ' ', isFile ? std::filesystem::file_size(path) : 0, ' ',
              std::filesystem::last_write_time(path).time_since_epoch().count(), '\n');
}

}  // namespace

Stage::Stage(const Recipe& recipe, size_t index, const ConfigTable& shared) : index_(index) {
  const RecipePass& pass = recipe.passes[index];
  spec_ = &modelMaker(recipe, pass);
  verbName_ = pass.verb;
  verb_ = spec_->make();
  ConfigTable own = pass.options;
  resolvePaths(own, *verb_, recipe.folder);
  applyTable(own, recipe.name, verbName_, *verb_, true, origins_);
  applyTable(shared, recipe.name, verbName_, *verb_, false, origins_);
}

std::string Stage::fileStem() const {
  return text(number(), '-', verbName_);
}

CommonOptions Stage::commonFor(const CommonOptions& common, const std::filesystem::path& output) const {
  CommonOptions own = common;
  own.output = output.string();
  own.force = true;
  own.inPlace = false;
  own.dryRun = false;
  own.json = false;
  return own;
}

Json Stage::settingsFor(CommonOptions& common) {
  return settings(*spec_, *verb_, common, origins_);
}

int Stage::run(VerbContext& context, const std::filesystem::path& input, const std::filesystem::path& output) {
  CommonOptions common = commonFor(context.common, output);
  Json document;
  document["tool"] = toolRecord();
  document["effective_config"] = settingsFor(common);
  document["config_hash"] = configHash(verbName_, document["effective_config"]);
  const std::vector<std::string> operands = {input.string()};
  Console console(context.common, true);
  VerbContext own{operands, common, console, context.budget, document};
  const double start = secondsSinceStart();
  const int code =
      within([&] { return text("pass ", number(), " (", verbName_, ")"); }, [&] { return verb_->run(own); });
  document.erase("tool");
  record_ = {{"verb", verbName_}, {"exit_code", code}, {"seconds", secondsSinceStart() - start}};
  record_.update(document);
  return code;
}

std::string Stage::stamp(const CommonOptions& common, const std::filesystem::path& input) {
  CommonOptions own = common;
  const Json all = settingsFor(own);
  std::string content = text(configHash(verbName_, all), '\n', sha256File(input), '\n');
  for (const auto& [name, setting] : all.items()) addFiles(setting["value"], content);
  return sha256(content);
}

}  // namespace compress
