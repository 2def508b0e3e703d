// --report FILE: the document of a run written to files, their type by suffix.
#pragma once
#include <nlohmann/json_fwd.hpp>
#include <string_view>

#include "tools/common_options.h"

namespace compress {

/// Refuses, before any work, files of a type that does not exist, those that `verb` cannot fill, and those that exist
/// already without --force.
void checkReports(const CommonOptions& common, std::string_view verb);
void writeReports(const CommonOptions& common, const nlohmann::ordered_json& document);

}  // namespace compress
