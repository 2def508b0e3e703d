#include "tools/config_file.h"

#define TOML_HEADER_ONLY 1
#define TOML_EXCEPTIONS 0
#include <toml++/toml.h>

#include <nlohmann/json.hpp>
#include <optional>

#include "lib/base/error.h"
#include "lib/base/file.h"
#include "lib/base/text.h"

namespace compress {
namespace {

constexpr size_t kMaxDepth = 32;
constexpr size_t kMaxBytes = size_t{1} << 20;
constexpr int64_t kSchema = 1;

[[noreturn]] void refuse(std::string_view name, int64_t line, std::string_view what, std::string hint = {}) {
  throw Error(ErrorKind::usage, text(placeOf(name, line), ": ", displayText(what)), std::move(hint));
}

// TOML
// -----------------------------------------------------------------------------------------------------------------

class TomlReader {
 public:
  explicit TomlReader(std::string_view name) : name_(name) {}

  ConfigTable read(std::string_view content) {
    const toml::parse_result parsed = toml::parse(content);
    if (!parsed)
      refuse(name_, parsed.error().source().begin.line, parsed.error().description(), "see https://toml.io/en/v1.0.0");
    return table(parsed.table(), 1);
  }

 private:
  ConfigTable table(const toml::table& source, size_t depth) {
    ConfigTable out;
    for (const auto& [key, node] : source)
      out.emplace_back(std::string(key.str()), value(node, int64_t{key.source().begin.line}, depth));
    std::ranges::stable_sort(out, {}, [](const auto& entry) { return entry.second.line; });
    return out;
  }

  ConfigValue value(const toml::node& node, int64_t line, size_t depth) {
    if (depth > kMaxDepth) refuse(name_, line, text("nested more than ", kMaxDepth, " deep"));
    if (const auto* word = node.as_string()) return {line, word->get()};
    if (const auto* integer = node.as_integer()) return {line, int64_t{integer->get()}};
    if (const auto* real = node.as_floating_point()) return {line, real->get()};
    if (const auto* boolean = node.as_boolean()) return {line, boolean->get()};
    if (const auto* inner = node.as_table()) return {line, table(*inner, depth + 1)};
    if (const auto* array = node.as_array()) {
      ConfigList items;
      for (const toml::node& item : *array) items.push_back(value(item, int64_t{item.source().begin.line}, depth + 1));
      return {line, std::move(items)};
    }
    refuse(name_, line, "a date or a time, expected a string, a number, true or false, a list or a table");
  }

  std::string_view name_;
};

// JSON
// -----------------------------------------------------------------------------------------------------------------

/// Walks over characters and counts the lines that have been passed.
class LineCounter {
 public:
  using iterator_category = std::input_iterator_tag;
  using value_type = char;
  using difference_type = std::ptrdiff_t;
  using pointer = const char*;
  using reference = const char&;

  LineCounter(const char* at, int64_t* line) : at_(at), line_(line) {}
  reference operator*() const { return *at_; }
  LineCounter& operator++() {
    if (*at_ == '\n') ++*line_;
    ++at_;
    return *this;
  }
  bool operator==(const LineCounter& other) const { return at_ == other.at_; }

 private:
  const char* at_;
  int64_t* line_;
};

/// Builds the tree from the parser's events.
class JsonReader : public nlohmann::json::json_sax_t {
 public:
  explicit JsonReader(std::string_view name) : name_(name) {}

  ConfigTable read(std::string_view content) {
    const char* end = content.data() + content.size();
    nlohmann::json::sax_parse(LineCounter(content.data(), &line_), LineCounter(end, &line_), this);
    return root_.table();
  }

  bool null() override { refuse(name_, line_, "null, expected a value", "leave the key out"); }
  bool boolean(bool value) override { return put(value); }
  bool number_integer(int64_t value) override { return put(value); }
  bool number_unsigned(uint64_t value) override {
    if (value > static_cast<uint64_t>(std::numeric_limits<int64_t>::max()))
      refuse(name_, line_, text(value, " does not fit in 64 bits with sign"));
    return put(static_cast<int64_t>(value));
  }
  bool number_float(double value, const std::string&) override { return put(value); }
  bool string(std::string& value) override { return put(std::move(value)); }
  bool binary(nlohmann::json::binary_t&) override { return false; }
  bool start_object(size_t) override { return open(ConfigTable{}); }
  bool end_object() override { return close(); }
  bool start_array(size_t) override { return open(ConfigList{}); }
  bool end_array() override { return close(); }

  bool key(std::string& name) override {
    auto& table = std::get<ConfigTable>(open_.back()->data);
    if (findKey(table, name) != nullptr)
      refuse(name_, line_, text("key '", name, "' is there twice"), "keep one of them");
    table.emplace_back(std::move(name), ConfigValue{line_, false});
    return true;
  }

  bool parse_error(size_t, const std::string&, const nlohmann::json::exception& error) override {
    const std::string_view message = error.what();
    const size_t start = message.find("column ");
    const size_t colon = start == std::string_view::npos ? start : message.find(": ", start);
    refuse(name_, line_, text("no JSON: ", colon == std::string_view::npos ? message : message.substr(colon + 2)));
  }

 private:
  using Data = decltype(ConfigValue::data);

  /// Where the next value goes: the slot that its key has made, or a new one at the end of the list.
  ConfigValue& slot() {
    if (open_.empty()) return root_;
    if (open_.back()->isTable()) return std::get<ConfigTable>(open_.back()->data).back().second;
    return std::get<ConfigList>(open_.back()->data).emplace_back(ConfigValue{line_, false});
  }

  bool put(Data data) {
    slot().data = std::move(data);
    return true;
  }

  bool open(Data data) {
    if (open_.size() >= kMaxDepth) refuse(name_, line_, text("nested more than ", kMaxDepth, " deep"));
    ConfigValue& target = slot();
    target.data = std::move(data);
    open_.push_back(&target);
    return true;
  }

  bool close() {
    open_.pop_back();
    return true;
  }

  std::string_view name_;
  int64_t line_ = 1;
  ConfigValue root_{1, ConfigTable{}};
  std::vector<ConfigValue*> open_;  ///< stable: a list or table grows only while its last item is closed
};

}  // namespace

std::string_view kindOf(const ConfigValue& value) {
  constexpr std::string_view kKinds[] = {"a string",      "a whole number", "a number",
                                         "true or false", "a list",         "a table"};
  return kKinds[value.data.index()];
}

ConfigTable readConfigFile(const std::filesystem::path& path) {
  const std::string content = readFile(path);
  if (content.size() > kMaxBytes)
    throw Error(ErrorKind::usage, text(displayName(path.string()), ": ", content.size(),
                                       " bytes, and configurations have at most ", kMaxBytes));
  return parseConfig(content, path.string());
}

ConfigTable parseConfig(std::string_view content, std::string_view name) {
  const size_t first = content.find_first_not_of(" \t\r\n");
  if (first != std::string_view::npos && content[first] == '{') return JsonReader(name).read(content);
  return TomlReader(name).read(content);
}

const ConfigValue* findKey(const ConfigTable& table, std::string_view key) {
  for (const auto& [name, value] : table)
    if (name == key) return &value;
  return nullptr;
}

std::string placeOf(std::string_view name, int64_t line) {
  return text(displayName(name), ':', line);
}

void requireSchema(const ConfigTable& table, std::string_view name) {
  const ConfigValue* schema = findKey(table, "schema");
  if (schema == nullptr) refuse(name, 1, "key 'schema' is missing", text("write: schema = ", kSchema));
  const auto* number = std::get_if<int64_t>(&schema->data);
  if (number == nullptr || *number != kSchema)
    refuse(name, schema->line,
           text("schema is ", number == nullptr ? kindOf(*schema) : text(*number), ", expected ", kSchema));
}

}  // namespace compress
