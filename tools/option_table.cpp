#include "tools/option_table.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "lib/base/text.h"

namespace compress {
namespace {

using Json = nlohmann::ordered_json;

/// Hands every option on as JSON: the one form that all types share.
class JsonVisitor : public OptionVisitor {
 public:
  void visit(bool& field, const OptionInfo& info) override { option(field, info); }
  void visit(int64_t& field, const OptionInfo& info) override { option(field, info); }
  void visit(double& field, const OptionInfo& info) override { option(field, info); }
  void visit(std::string& field, const OptionInfo& info) override { option(field, info); }
  void visit(std::vector<std::string>& field, const OptionInfo& info) override { option(field, info); }
  void visit(std::vector<double>& field, const OptionInfo& info) override { option(field, info); }
  void visit(std::optional<std::string>& field, const OptionInfo& info) override { optional(field, info); }
  void visit(std::optional<int64_t>& field, const OptionInfo& info) override { optional(field, info); }
  void visit(std::optional<double>& field, const OptionInfo& info) override { optional(field, info); }
  void visit(std::optional<bool>& field, const OptionInfo& info) override { flag(field, info); }

 protected:
  virtual void option(const Json& value, const OptionInfo& info) = 0;
  /// A flag with three states.
  virtual void flag(const std::optional<bool>& value, const OptionInfo& info) { optional(value, info); }

 private:
  template <typename T>
  void optional(const std::optional<T>& field, const OptionInfo& info) {
    option(field ? Json(*field) : Json(nullptr), info);
  }
};

/// A default as it would be typed.
std::string words(const Json& value) {
  if (value.is_string()) return value.get<std::string>();
  if (!value.is_array()) return value.dump();
  std::vector<std::string> items;
  for (const Json& item : value) items.push_back(words(item));
  return join(items, ",");
}

class RowVisitor : public JsonVisitor {
 public:
  explicit RowVisitor(std::string section) : section_(std::move(section)) {}
  void section(std::string_view title) override { section_ = title; }
  std::vector<OptionRow> rows;

 protected:
  void option(const Json& value, const OptionInfo& info) override {
    const bool onByDefault = value.is_boolean() && value.get<bool>();
    OptionRow row{section_, onByDefault ? oppositeOf(info) : std::string(info.name), "    ",
                  onByDefault && info.opposite.empty() ? "do not " : ""};
    if (info.letter != 0) row.flags = text('-', info.letter, ", ");
    row.flags += text("--", row.name);
    row.help += info.help;
    if (!value.is_boolean()) addValue(row, value, info);
    rows.push_back(std::move(row));
  }
  void flag(const std::optional<bool>&, const OptionInfo& info) override {
    rows.push_back(
        {section_, std::string(info.name), text("    --", info.name, ", --no-", info.name), std::string(info.help)});
  }

 private:
  static void addValue(OptionRow& row, const Json& value, const OptionInfo& info) {
    const std::vector<std::string> choices(info.choices.begin(), info.choices.end());
    const std::string_view placeholder = value.is_number() && info.placeholder.empty() ? "N" : info.placeholder;
    row.flags +=
        text(' ', choices.empty() ? (placeholder.empty() ? "WORD" : std::string(placeholder)) : join(choices, "|"));
    const bool isEmpty =
        value.is_null() || value.empty() || (value.is_string() && value.get_ref<const std::string&>().empty());
    if (!isEmpty && info.name != "threads") row.help += text(" (default ", words(value), ")");
    if (info.name == "threads") row.help += " (default: all that the process may use)";
  }

  std::string section_;
};

class SettingsVisitor : public JsonVisitor {
 public:
  explicit SettingsVisitor(const std::set<std::string>& given) : given_(given) {}
  Json found = Json::object();

 protected:
  void option(const Json& value, const OptionInfo& info) override {
    const std::string name(info.name);
    found[name] = {{"value", value}, {"origin", given_.contains(name) ? "flag" : "default"}};
  }

 private:
  const std::set<std::string>& given_;
};

}  // namespace

std::vector<OptionRow> optionRows(Verb& verb, CommonOptions& common, OptionGroups groups) {
  RowVisitor visitor("Options");
  verb.options(visitor);
  common.options(visitor, groups);
  return std::move(visitor.rows);
}

Json settings(Verb& verb, CommonOptions& common, OptionGroups groups, const std::set<std::string>& given) {
  SettingsVisitor visitor(given);
  verb.options(visitor);
  common.options(visitor, groups);
  return std::move(visitor.found);
}

}  // namespace compress
