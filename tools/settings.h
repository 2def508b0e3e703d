// Values of options that are not on the command line: from COMPRESS_* variables and from --config, found by the names
// in the option tables; and where each value came from. Flag > variable > file > default.
#pragma once
#include <map>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "tools/config_file.h"
#include "tools/verb.h"

namespace compress {

struct Origin {
  std::string kind;   ///< "flag", "env" or "config"
  std::string where;  ///< "COMPRESS_THREADS", "ci.toml:3"; empty for flags
};
/// By the option's name; what is not in it has its default.
using Origins = std::map<std::string, Origin, std::less<>>;

/// "COMPRESS_MAX_DROP" of "max-drop".
std::string variableOf(std::string_view option);
/// "max_drop" of "max-drop".
std::string keyOf(std::string_view option);

/// Takes from the environment what `origins` does not hold yet. Throws Error(usage) for bad values.
void applyEnvironment(const VerbSpec& spec, Verb& verb, CommonOptions& common, Origins& origins);

/// Warnings for variables that are near an option's name, but no option of any verb.
std::vector<std::string> doubtfulVariables(std::span<const VerbSpec> verbs);

/// Takes from `table`, and before that from its table that is called like the verb, what `origins` does not hold yet.
/// All of the file is checked, for all `verbs`: throws Error(usage) with `NAME:LINE` for keys that no verb has, values
/// of the wrong type and out of range.
void applyConfig(const ConfigTable& table, std::string_view name, std::span<const VerbSpec> verbs, const VerbSpec& spec,
                 Verb& verb, CommonOptions& common, Origins& origins);

/// Takes from `table` what `origins` does not hold yet. With `isOwn` every key must be an option of the verb: throws
/// Error(usage) with `NAME:LINE`, and for values that the option does not take.
void applyTable(const ConfigTable& table, std::string_view name, std::string_view verbName, Verb& verb, bool isOwn,
                Origins& origins);

/// Every option with its value and origin: {"threads": {"value": 2, "origin": "config", "where": "ci.toml:3"}}.
nlohmann::ordered_json settings(const VerbSpec& spec, Verb& verb, CommonOptions& common, const Origins& origins);

/// The result of settings() as a configuration file, with origins as comments.
std::string configText(std::string_view verb, const nlohmann::ordered_json& settings);

}  // namespace compress
