// The JSON document of a run (docs/cli.md): one per process, printed with --json and stored by --report.
#pragma once
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "lib/base/error.h"
#include "tools/common_options.h"

namespace compress {

/// Since the program started: steady, unlike the wall clock.
double secondsSinceStart();
/// Schema, tool, command and start time.
nlohmann::ordered_json startDocument(const std::vector<std::string>& arguments);
nlohmann::ordered_json toolRecord();
/// Exit code, status, duration and environment.
void finishDocument(nlohmann::ordered_json& document, const CommonOptions& common, int exitCode);
void recordError(nlohmann::ordered_json& document, const Error& error);
/// Adds to "warnings". Codes are stable: W-CALIB-RANDOM, W-SLOWER ...
void recordWarning(nlohmann::ordered_json& document, std::string_view code, std::string_view text,
                   std::string_view node = {});
/// Indented, a line end behind it; what is not UTF-8 becomes U+FFFD.
std::string documentText(const nlohmann::ordered_json& document);

}  // namespace compress
