#include "tools/recipe.h"

#include <algorithm>
#include <map>

#include "lib/base/error.h"
#include "lib/base/text.h"
#include "tools/json_visitor.h"
#include "tools/settings.h"

namespace compress {
namespace {

class Reader {
 public:
  Reader(const ConfigTable& table, std::string_view name) : table_(table), name_(name) {}

  void requireKnown(const std::vector<std::string>& known) const {
    for (const auto& [key, value] : table_)
      if (std::ranges::find(known, key) == known.end())
        refuse(value.line, text("unknown key '", displayName(key), "'"),
               text("near: ", join(nearest(key, known), ", ")));
  }

  std::optional<std::string> word(std::string_view key) const {
    const ConfigValue* value = findKey(table_, key);
    if (value == nullptr) return std::nullopt;
    const auto* found = std::get_if<std::string>(&value->data);
    if (found == nullptr) refuseKind(key, *value, "a string");
    return *found;
  }

  ConfigTable table(std::string_view key) const {
    const ConfigValue* value = findKey(table_, key);
    if (value == nullptr) return {};
    if (!value->isTable()) refuseKind(key, *value, "a table");
    return value->table();
  }

  std::vector<RecipePass> passes() const {
    const ConfigValue* value = findKey(table_, "pass");
    if (value == nullptr) refuse(1, "no passes", "write: pass = [{ verb = \"quantize\" }]");
    const auto* list = std::get_if<ConfigList>(&value->data);
    if (list == nullptr) refuseKind("pass", *value, "a list of tables");
    std::vector<RecipePass> passes;
    for (const ConfigValue& item : *list) passes.push_back(pass(item));
    if (passes.empty()) refuse(value->line, "no passes", "write: pass = [{ verb = \"quantize\" }]");
    return passes;
  }

 private:
  RecipePass pass(const ConfigValue& item) const {
    if (!item.isTable()) refuseKind("pass", item, "a table");
    const std::optional<std::string> verb = Reader(item.table(), name_).word("verb");
    if (!verb) refuse(item.line, "a pass without 'verb'", "write: { verb = \"quantize\" }");
    RecipePass pass{*verb, item.table(), item.line};
    std::erase_if(pass.options, [](const auto& entry) { return entry.first == "verb"; });
    return pass;
  }

  [[noreturn]] void refuseKind(std::string_view key, const ConfigValue& value, std::string_view expected) const {
    refuse(value.line, text(key, " is ", kindOf(value), ", expected ", expected), {});
  }

  [[noreturn]] void refuse(int64_t line, std::string_view what, std::string hint) const {
    throw Error(ErrorKind::usage, text(placeOf(name_, line), ": ", what), std::move(hint));
  }

  const ConfigTable& table_;
  std::string_view name_;
};

/// The placeholder of each option.
class PlaceholderVisitor : public JsonVisitor {
 public:
  std::map<std::string, std::string> found;

 protected:
  void option(const Json&, const OptionInfo& info) override {
    found.emplace(keyOf(info.name), std::string(info.placeholder));
  }
};

std::string resolved(const std::string& word, const std::filesystem::path& folder) {
  const bool isFile = !word.empty() && !word.starts_with('@') && word != "random";
  return isFile ? (folder / word).lexically_normal().string() : word;
}

void resolve(ConfigValue& value, bool isNamed, const std::filesystem::path& folder) {
  if (auto* list = std::get_if<ConfigList>(&value.data))
    for (ConfigValue& item : *list) resolve(item, isNamed, folder);
  auto* word = std::get_if<std::string>(&value.data);
  if (word == nullptr) return;
  const size_t start = isNamed ? word->find('=') + 1 : 0;  // 0 too where there is no =
  *word = word->substr(0, start) + resolved(word->substr(start), folder);
}

}  // namespace

void resolvePaths(ConfigTable& table, Verb& verb, const std::filesystem::path& folder) {
  PlaceholderVisitor visitor;
  verb.options(visitor);
  for (auto& [key, value] : table) {
    const auto known = visitor.found.find(key);
    const std::string placeholder = known == visitor.found.end() ? "" : known->second;
    const bool isNamed = placeholder == "NAME=PATH";
    if (isNamed || placeholder == "FILE" || placeholder == "PATH" || placeholder == "FOLDER")
      resolve(value, isNamed, folder);
  }
}

Recipe readRecipe(const std::filesystem::path& path) {
  const ConfigTable table = readConfigFile(path);
  Recipe recipe{.name = path.string(),
                .folder = path.parent_path(),
                .model = std::nullopt,
                .data = {},
                .gates = {},
                .passes = {}};
  requireSchema(table, recipe.name);
  const Reader reader(table, recipe.name);
  reader.requireKnown({"schema", "model", "data", "gates", "pass"});
  if (const auto model = reader.word("model")) recipe.model = resolved(*model, recipe.folder);
  recipe.data = reader.table("data");
  for (auto& [key, value] : recipe.data)
    if (key == "eval") key = "data";
  recipe.gates = reader.table("gates");
  recipe.passes = reader.passes();
  return recipe;
}

}  // namespace compress
