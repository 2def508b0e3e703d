#include "tools/settings.h"

#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>

#include "lib/base/error.h"
#include "lib/base/text.h"
#include "tools/json_visitor.h"
#include "tools/option_values.h"

namespace compress {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::string_view kPrefix = "COMPRESS_";

/// Makes sense on a command line only; a variable may still name the file.
bool isCommandLineOnly(std::string_view option) {
  return option == "config" || option == "print-config";
}

/// A value that an option is to take.
struct Setting {
  ConfigValue value;
  bool isTyped = false;  ///< from a file; a variable is only a word
  Origin origin;
};

/// Where values come from.
class Source {
 public:
  virtual ~Source() = default;
  virtual std::optional<Setting> find(std::string_view option) const = 0;
};

class Environment : public Source {
 public:
  std::optional<Setting> find(std::string_view option) const override {
    if (option == "print-config") return std::nullopt;
    const std::string variable = variableOf(option);
    const char* word = std::getenv(variable.c_str());
    if (word == nullptr || *word == 0) return std::nullopt;
    return Setting{{0, std::string(word)}, false, {"env", variable}};
  }
};

/// The file's tables, the most specific first.
class File : public Source {
 public:
  /// `verb`'s own table above the rest of `table`.
  File(const ConfigTable& table, std::string_view name, std::string_view verb, std::span<const VerbSpec> verbs)
      : name_(name), verbs_(verbs) {
    const ConfigValue* own = findKey(table, verb);
    if (own != nullptr && own->isTable()) tables_.push_back(&own->table());
    tables_.push_back(&table);
  }

  std::optional<Setting> find(std::string_view option) const override {
    if (isCommandLineOnly(option)) return std::nullopt;
    for (const ConfigTable* table : tables_)
      if (const ConfigValue* value = findKey(*table, keyOf(option)); value != nullptr && !isVerbTable(*value, option))
        return Setting{*value, true, {"config", placeOf(name_, value->line)}};
    return std::nullopt;
  }

 private:
  /// A table called like both a verb and an option is the verb's.
  bool isVerbTable(const ConfigValue& value, std::string_view option) const {
    return value.isTable() && std::ranges::find(verbs_, option, &VerbSpec::name) != verbs_.end();
  }

  std::vector<const ConfigTable*> tables_;
  std::string_view name_;
  std::span<const VerbSpec> verbs_;
};

[[noreturn]] void refuseKind(const OptionInfo& info, const ConfigValue& value, std::string_view expected) {
  throw Error(ErrorKind::usage, text(keyOf(info.name), " is ", kindOf(value), ", expected ", expected));
}

/// One value as the word that a command line would hold.
template <typename... Accepted>
std::string wordOf(const OptionInfo& info, const Setting& setting, std::string_view expected) {
  std::optional<std::string> word;
  if (!setting.isTyped) return std::get<std::string>(setting.value.data);
  const auto take = [&](const auto* value) {
    if (value != nullptr) word = text(*value);
  };
  (take(std::get_if<Accepted>(&setting.value.data)), ...);
  if (!word) refuseKind(info, setting.value, expected);
  return *word;
}

/// Sets the fields of the options that its source knows and that have no value yet.
class SourceVisitor : public OptionVisitor {
 public:
  SourceVisitor(const Source& source, Origins& origins) : source_(source), origins_(origins) {}

  void visit(bool& field, const OptionInfo& info) override { flag(field, info); }
  void visit(std::optional<bool>& field, const OptionInfo& info) override { flag(field, info); }
  void visit(int64_t& field, const OptionInfo& info) override { integer(field, info); }
  void visit(std::optional<int64_t>& field, const OptionInfo& info) override { integer(field, info); }
  void visit(double& field, const OptionInfo& info) override { real(field, info); }
  void visit(std::optional<double>& field, const OptionInfo& info) override { real(field, info); }
  void visit(std::string& field, const OptionInfo& info) override { word(field, info); }
  void visit(std::optional<std::string>& field, const OptionInfo& info) override { word(field, info); }
  void visit(std::vector<std::string>& field, const OptionInfo& info) override {
    list<std::string>(field, info, "a string or a list of strings", parseChoice);
  }
  void visit(std::vector<double>& field, const OptionInfo& info) override {
    list<double, int64_t>(field, info, "a number or a list of numbers", parseReal);
  }

 private:
  template <typename Store>
  void take(const OptionInfo& info, const Store& store) {
    if (origins_.contains(info.name)) return;
    const std::optional<Setting> setting = source_.find(info.name);
    if (!setting) return;
    within([&] { return setting->origin.where; }, [&] { store(*setting); });
    origins_.emplace(info.name, setting->origin);
  }

  template <typename Field>
  void flag(Field& field, const OptionInfo& info) {
    take(info, [&](const Setting& setting) {
      const std::string word = wordOf<bool>(info, setting, "true or false");
      const bool isSet = word == "true" || word == "1";
      if (!isSet && word != "false" && word != "0")
        throw Error(ErrorKind::usage, text("'", displayName(word), "' is not one of true, false, 1, 0"));
      field = isSet;
    });
  }

  template <typename Field>
  void integer(Field& field, const OptionInfo& info) {
    take(info,
         [&](const Setting& setting) { field = parseInteger(info, wordOf<int64_t>(info, setting, "a whole number")); });
  }

  template <typename Field>
  void real(Field& field, const OptionInfo& info) {
    take(info,
         [&](const Setting& setting) { field = parseReal(info, wordOf<double, int64_t>(info, setting, "a number")); });
  }

  template <typename Field>
  void word(Field& field, const OptionInfo& info) {
    take(info,
         [&](const Setting& setting) { field = parseChoice(info, wordOf<std::string>(info, setting, "a string")); });
  }

  template <typename... Accepted, typename Item, typename Parse>
  void list(std::vector<Item>& field, const OptionInfo& info, std::string_view expected, Parse parse) {
    take(info, [&](const Setting& setting) {
      field.clear();
      const auto* items = std::get_if<ConfigList>(&setting.value.data);
      if (!setting.isTyped) {
        for (const std::string& part : splitWords(info, std::get<std::string>(setting.value.data)))
          field.push_back(parse(info, part));
      } else if (items == nullptr) {
        field.push_back(parse(info, wordOf<Accepted...>(info, setting, expected)));
      } else {
        for (const ConfigValue& item : *items)
          field.push_back(parse(info, wordOf<Accepted...>(info, {item, true, {}}, expected)));
      }
    });
  }

  const Source& source_;
  Origins& origins_;
};

void apply(const Source& source, const VerbSpec& spec, Verb& verb, CommonOptions& common, Origins& origins) {
  SourceVisitor visitor(source, origins);
  verb.options(visitor);
  common.options(visitor, spec.groups);
}

std::vector<std::string> optionNames(const VerbSpec& spec) {
  const std::unique_ptr<Verb> verb = spec.make();
  CommonOptions common;
  const Json all = settings(spec, *verb, common, {});
  std::vector<std::string> names;
  for (const auto& [name, setting] : all.items()) names.push_back(name);
  return names;
}

/// Keys of all options of one verb that a file may set.
std::vector<std::string> keysOf(const VerbSpec& spec) {
  std::vector<std::string> keys;
  for (const std::string& name : optionNames(spec))
    if (!isCommandLineOnly(name)) keys.push_back(keyOf(name));
  return keys;
}

[[noreturn]] void refuseKey(std::string_view name, const std::string& key, int64_t line, std::string_view of,
                            const std::vector<std::string>& known) {
  throw Error(ErrorKind::usage, text(placeOf(name, line), ": unknown key '", displayName(key), "'", of),
              text("near: ", join(nearest(key, known), ", ")));
}

void checkKeys(const ConfigTable& table, std::string_view name, std::string_view of,
               const std::vector<std::string>& known) {
  for (const auto& [key, value] : table)
    if (std::ranges::find(known, key) == known.end()) refuseKey(name, key, value.line, of, known);
}

/// All keys are some verb's, and all values are what those verbs accept.
void checkConfig(const ConfigTable& table, std::string_view name, std::span<const VerbSpec> verbs) {
  std::vector<std::string> known = {"schema"};
  for (const VerbSpec& spec : verbs) {
    const std::vector<std::string> keys = keysOf(spec);
    known.insert(known.end(), keys.begin(), keys.end());
    const ConfigValue* own = findKey(table, spec.name);
    if (own != nullptr && own->isTable()) {
      checkKeys(own->table(), name, text(" of ", spec.name), keys);
      known.emplace_back(spec.name);
    }
  }
  std::ranges::sort(known);
  known.erase(std::ranges::unique(known).begin(), known.end());
  checkKeys(table, name, "", known);
  for (const VerbSpec& spec : verbs) {
    const std::unique_ptr<Verb> verb = spec.make();
    CommonOptions common;
    Origins origins;
    apply(File(table, name, spec.name, verbs), spec, *verb, common, origins);
  }
}

class SettingsVisitor : public JsonVisitor {
 public:
  explicit SettingsVisitor(const Origins& origins) : origins_(origins) {}
  Json found = Json::object();

 protected:
  void option(const Json& value, const OptionInfo& info) override {
    const auto origin = origins_.find(info.name);
    Json& setting = found[std::string(info.name)];
    setting = {{"value", value}, {"origin", origin == origins_.end() ? "default" : origin->second.kind}};
    if (origin != origins_.end() && !origin->second.where.empty()) setting["where"] = origin->second.where;
  }

 private:
  const Origins& origins_;
};

}  // namespace

std::string variableOf(std::string_view option) {
  std::string name(kPrefix);
  for (const char c : option) name += c == '-' ? '_' : static_cast<char>(c >= 'a' && c <= 'z' ? c - 'a' + 'A' : c);
  return name;
}

std::string keyOf(std::string_view option) {
  std::string key(option);
  std::ranges::replace(key, '-', '_');
  return key;
}

void applyEnvironment(const VerbSpec& spec, Verb& verb, CommonOptions& common, Origins& origins) {
  apply(Environment(), spec, verb, common, origins);
}

std::vector<std::string> doubtfulVariables(std::span<const VerbSpec> verbs) {
  std::set<std::string> known;
  for (const VerbSpec& spec : verbs)
    for (const std::string& name : optionNames(spec)) known.insert(variableOf(name));
  const std::vector<std::string> names(known.begin(), known.end());
  std::vector<std::string> warnings;
  for (char** entry = environ; entry != nullptr && *entry != nullptr; ++entry) {
    const std::string_view line = *entry;
    const std::string name(line.substr(0, line.find('=')));
    if (name.starts_with(kPrefix) && !known.contains(name))
      warnings.push_back(text("W-ENV: ", displayName(name), " is no option of any verb and counts for nothing; near: ",
                              join(nearest(name, names, 1), "")));
  }
  return warnings;
}

void applyConfig(const ConfigTable& table, std::string_view name, std::span<const VerbSpec> verbs, const VerbSpec& spec,
                 Verb& verb, CommonOptions& common, Origins& origins) {
  requireSchema(table, name);
  checkConfig(table, name, verbs);
  apply(File(table, name, spec.name, verbs), spec, verb, common, origins);
}

void applyTable(const ConfigTable& table, std::string_view name, std::string_view verbName, Verb& verb, bool isOwn,
                Origins& origins) {
  if (isOwn) {
    SettingsVisitor visitor(origins);
    verb.options(visitor);
    std::vector<std::string> keys;
    for (const auto& [option, setting] : visitor.found.items()) keys.push_back(keyOf(option));
    checkKeys(table, name, text(" of ", verbName), keys);
  }
  const File file(table, name, verbName, {});
  SourceVisitor visitor(file, origins);
  verb.options(visitor);
}

Json settings(const VerbSpec& spec, Verb& verb, CommonOptions& common, const Origins& origins) {
  SettingsVisitor visitor(origins);
  verb.options(visitor);
  common.options(visitor, spec.groups);
  return std::move(visitor.found);
}

std::string configText(std::string_view verb, const Json& settings) {
  std::string out = text("schema = 1\n\n[", verb, "]\n");
  for (const auto& [name, setting] : settings.items()) {
    if (isCommandLineOnly(name)) continue;
    const Json& value = setting["value"];
    const std::string origin = setting["origin"];
    const std::string where = setting.contains("where") ? text(' ', setting["where"].get<std::string>()) : "";
    const bool isSet = !value.is_null() && value != "";
    const std::string line = isSet
                                 ? text(keyOf(name), " = ", value.dump(-1, ' ', false, Json::error_handler_t::replace))
                                 : text("# ", keyOf(name), " =");
    out += text(line, "  # ", isSet ? origin : "not set", displayText(where), '\n');
  }
  return out;
}

}  // namespace compress
