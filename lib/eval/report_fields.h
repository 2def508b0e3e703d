// What the renderers of a document share: reading fields that may be absent, and the tables that every form of the
// report shows.
#pragma once
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>
#include <vector>

namespace compress {

/// The array at `key`; empty when absent or of another type.
const nlohmann::ordered_json& items(const nlohmann::ordered_json& object, std::string_view key);
/// The object at `key`; an empty one when absent or of another type.
const nlohmann::ordered_json& member(const nlohmann::ordered_json& object, std::string_view key);
/// The string at `key`; numbers and booleans as text, "" when absent.
std::string string(const nlohmann::ordered_json& object, std::string_view key);
/// The number at `key`; NaN when absent, null or no number.
double number(const nlohmann::ordered_json& object, std::string_view key);
/// `value` with `decimals`, "-" for NaN.
std::string shown(double value, int decimals);

struct ReportTable {
  std::string title;
  std::vector<std::string> heading;
  std::vector<std::vector<std::string>> rows;
};

ReportTable gateTable(const nlohmann::ordered_json& document);
ReportTable modelTable(const nlohmann::ordered_json& document);
ReportTable accuracyTable(const nlohmann::ordered_json& document);
ReportTable latencyTable(const nlohmann::ordered_json& document);
/// Drift per output.
ReportTable driftTable(const nlohmann::ordered_json& document);
ReportTable passTable(const nlohmann::ordered_json& document);
/// Nodes that stayed float or were left alone, and why.
ReportTable skippedTable(const nlohmann::ordered_json& document);
ReportTable dataTable(const nlohmann::ordered_json& document);
/// All of these: those that the document has rows for, in the order above.
std::vector<ReportTable> reportTables(const nlohmann::ordered_json& document);

/// By what the per-layer table is sorted: lowest SQNR, longest time, most bytes first.
enum class LayerOrder { sqnr, time, bytes };
/// At most `limit` layers.
ReportTable layerTable(const nlohmann::ordered_json& document, LayerOrder order, size_t limit);
/// "ok", "gate failed", "error", "interrupted" and the exit code in words.
std::string verdictOf(const nlohmann::ordered_json& document);

}  // namespace compress
