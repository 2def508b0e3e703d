// --report FILE: the document of a run written to files, their type by suffix.
#pragma once
#include <nlohmann/json_fwd.hpp>
#include <string_view>

#include "tools/common_options.h"

namespace compress {

/// Refuses, before any work, files of a type that does not exist, those that `verb` cannot fill, and those that exist
/// already without --force.
void checkReports(const CommonOptions& common, std::string_view verb);
/// Will a report show layers and pictures: HTML, or the JSON that HTML can be made from?
bool wantsPage(const CommonOptions& common);
void writeReports(const CommonOptions& common, const nlohmann::ordered_json& document);

}  // namespace compress
