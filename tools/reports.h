// --report FILE: the document of a run written to files, their type by suffix.
#pragma once
#include <nlohmann/json_fwd.hpp>

#include "tools/common_options.h"

namespace compress {

/// Refuses, before any work, files of a type that does not exist, and those that exist already without --force.
void checkReports(const CommonOptions& common);
void writeReports(const CommonOptions& common, const nlohmann::ordered_json& document);

}  // namespace compress
