#include "tools/option_table.h"

#include "lib/base/text.h"
#include "tools/json_visitor.h"

namespace compress {
namespace {

using Json = nlohmann::ordered_json;

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

}  // namespace

std::vector<OptionRow> optionRows(const std::function<void(OptionVisitor&)>& visit) {
  RowVisitor visitor("Options");
  visit(visitor);
  return std::move(visitor.rows);
}

std::vector<OptionRow> optionRows(Verb& verb, CommonOptions& common, OptionGroups groups) {
  return optionRows([&](OptionVisitor& visitor) {
    verb.options(visitor);
    common.options(visitor, groups);
  });
}

}  // namespace compress
