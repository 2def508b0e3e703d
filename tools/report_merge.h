// Documents of earlier runs, rendered again, several in one, or one against another.
#pragma once
#include <nlohmann/json_fwd.hpp>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace compress {

/// Formats that renderReports() knows: text, html, md, junit, csv, prom, json.
std::vector<std::string> reportFormats();

/// All `documents` as one file of `format`; nothing for none, which only checks the name. Throws Error(usage) for an
/// unknown format, with near names, and for several documents where the format holds one only (prom).
std::string renderReports(std::string_view format, std::span<const nlohmann::ordered_json> documents);

/// A number or word that differs.
struct ReportDifference {
  std::string path;           ///< "/models/1/bytes"
  std::string before, after;  ///< "-" where it is missing
  std::string change;         ///< "+12.5 %" of numbers, else empty
};

/// What differs between two runs, in the order of the documents; without times, environment, command, paths and
/// settings, which differ from run to run.
std::vector<ReportDifference> differences(const nlohmann::ordered_json& before, const nlohmann::ordered_json& after);

}  // namespace compress
