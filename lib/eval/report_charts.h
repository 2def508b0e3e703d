// Charts of the HTML report: SVG inside the page, no script. Each is empty where the document has nothing to show.
#pragma once
#include <nlohmann/json_fwd.hpp>
#include <string>

namespace compress {

/// Bytes of the constants before the first pass and after each.
std::string sizeWaterfall(const nlohmann::ordered_json& document);
/// How often each time came, for all entries of "latency" on one axis, with median and 99 % marked.
std::string latencyChart(const nlohmann::ordered_json& document);
/// Calibration's counts of the tensors in "calibration", the chosen range marked.
std::string rangeCharts(const nlohmann::ordered_json& document);

}  // namespace compress
