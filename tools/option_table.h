// Option tables as rows that people read.
#pragma once
#include <functional>
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

/// Rows of what `visit` hands to its visitor.
std::vector<OptionRow> optionRows(const std::function<void(OptionVisitor&)>& visit);

/// Rows of the verb's own options and of its common ones, in order, with defaults as they stand in the objects.
std::vector<OptionRow> optionRows(Verb& verb, CommonOptions& common, OptionGroups groups);

}  // namespace compress
