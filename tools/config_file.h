// A configuration file as a tree of values that know their lines: TOML, or JSON with the same keys. What the keys mean
// is its reader's business.
#pragma once
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace compress {

struct ConfigValue;
using ConfigList = std::vector<ConfigValue>;
/// In the order of the file; no key is there twice.
using ConfigTable = std::vector<std::pair<std::string, ConfigValue>>;

struct ConfigValue {
  int64_t line = 0;  ///< of the key, from 1
  std::variant<std::string, int64_t, double, bool, ConfigList, ConfigTable> data;

  bool isTable() const { return std::holds_alternative<ConfigTable>(data); }
  const ConfigTable& table() const { return std::get<ConfigTable>(data); }
};

/// "a string", "a whole number", "a number", "true or false", "a list", "a table".
std::string_view kindOf(const ConfigValue& value);

/// The whole tree. What begins with `{` is JSON, all else TOML. Throws Error(io) for a file that cannot be read,
/// Error(usage) with `FILE:LINE` for bad syntax, a key that is there twice, a date, null, and nesting beyond 32.
ConfigTable readConfigFile(const std::filesystem::path& path);
/// The same from text; `name` goes before messages.
ConfigTable parseConfig(std::string_view content, std::string_view name);

/// The value of `key`; null where there is none.
const ConfigValue* findKey(const ConfigTable& table, std::string_view key);

/// "FILE:LINE".
std::string placeOf(std::string_view name, int64_t line);

/// Throws Error(usage) unless `schema = 1` is there.
void requireSchema(const ConfigTable& table, std::string_view name);

}  // namespace compress
