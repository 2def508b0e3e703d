// Walks over option tables for help and for the settings in effect.
#pragma once
#include <nlohmann/json_fwd.hpp>
#include <set>
#include <string>
#include <vector>

#include "tools/verb.h"

namespace compress {

/// One option as people read it.
struct OptionRow {
  std::string section;
  std::string name;   ///< long name without dashes; "no-NAME" for a flag that is on by default
  std::string flags;  ///< "-o, --output FILE"
  std::string help;   ///< with choices and default
};

/// Rows of the verb's own options and of its common ones, in order, with defaults as they stand in the objects.
std::vector<OptionRow> optionRows(Verb& verb, CommonOptions& common, OptionGroups groups);

/// Every option with its value and where that comes from: {"threads": {"value": 2, "origin": "flag"}}. `given` holds
/// the names of those that the command line set.
nlohmann::ordered_json settings(Verb& verb, CommonOptions& common, OptionGroups groups,
                                const std::set<std::string>& given);

}  // namespace compress
