#include "lib/eval/report_fields.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>

#include "lib/base/text.h"

namespace compress {
namespace {

using Json = nlohmann::ordered_json;

std::string megaBytes(const Json& object, std::string_view key) {
  const double bytes = number(object, key);
  return std::isnan(bytes) || bytes < 0 || bytes > 9e18 ? "-" : humanBytes(static_cast<int64_t>(bytes));
}

std::string whole(const Json& object, std::string_view key) {
  return shown(number(object, key), 0);
}

std::string range(const Json& object, std::string_view key, double factor, int decimals) {
  const Json& pair = items(object, key);
  if (pair.size() != 2 || !pair[0].is_number() || !pair[1].is_number()) return "-";
  return text(fixed(pair[0].get<double>() * factor, decimals), " to ", fixed(pair[1].get<double>() * factor, decimals));
}

double firstNumber(const Json& object, std::initializer_list<std::string_view> keys) {
  for (const std::string_view key : keys)
    if (!std::isnan(number(object, key))) return number(object, key);
  return std::nan("");
}

double layerSqnr(const Json& layer) {
  return firstNumber(layer, {"sqnr_db_local", "sqnr_db_cumulative"});
}
double layerMs(const Json& layer) {
  return firstNumber(layer, {"ms_after", "ms_before", "ms"});
}

/// Four digits that matter.
std::string significant(double value) {
  return std::isnan(value) ? "-" : fmt::format("{:.4g}", value);
}

/// "layout nhwc, scale 0.0039, ...", from the one-line form or from fields.
std::string preprocessing(const Json& data) {
  const std::string line = string(data, "preprocess");
  if (!line.empty()) return line;
  std::vector<std::string> parts;
  for (const auto& [key, value] : member(data, "preprocess").items()) {
    if (value.is_array() ? value.empty() : value.is_string() && value.get<std::string>().empty()) continue;
    parts.push_back(text(key, " ", value.is_string() ? value.get<std::string>() : value.dump()));
  }
  return join(parts, ", ");
}

/// What a layer is sorted by: the smaller, the earlier; layers without a number come last.
double sortKey(const Json& layer, LayerOrder order) {
  const double value = order == LayerOrder::sqnr   ? layerSqnr(layer)
                       : order == LayerOrder::time ? -layerMs(layer)
                                                   : -number(layer, "bytes");
  return std::isnan(value) ? std::numeric_limits<double>::infinity() : value;
}

}  // namespace

const Json& items(const Json& object, std::string_view key) {
  static const Json kNone = Json::array();
  if (!object.is_object()) return kNone;
  const auto found = object.find(std::string(key));
  return found != object.end() && found->is_array() ? *found : kNone;
}

const Json& member(const Json& object, std::string_view key) {
  static const Json kNone = Json::object();
  if (!object.is_object()) return kNone;
  const auto found = object.find(std::string(key));
  return found != object.end() && found->is_object() ? *found : kNone;
}

std::string string(const Json& object, std::string_view key) {
  if (!object.is_object()) return {};
  const auto found = object.find(std::string(key));
  if (found == object.end() || found->is_null() || found->is_structured()) return {};
  return found->is_string() ? found->get<std::string>() : found->dump();
}

double number(const Json& object, std::string_view key) {
  if (!object.is_object()) return std::nan("");
  const auto found = object.find(std::string(key));
  return found != object.end() && found->is_number() ? found->get<double>() : std::nan("");
}

std::string shown(double value, int decimals) {
  return std::isnan(value) ? "-" : fixed(value, decimals);
}

ReportTable gateTable(const Json& document) {
  ReportTable table{"Gates", {"gate", "limit", "value", "result", "why"}, {}};
  for (const Json& gate : items(document, "gates")) {
    const bool passed = gate.is_object() && gate.contains("passed") && gate["passed"] == true;
    table.rows.push_back({string(gate, "name"), string(gate, "limit"), string(gate, "value"),
                          passed                            ? "met"
                          : string(gate, "level") == "warn" ? "missed (warning)"
                                                            : "missed",
                          string(gate, "why")});
  }
  return table;
}

ReportTable modelTable(const Json& document) {
  ReportTable table{"Models", {"model", "size", "zstd", "parameters", "zeros %", "MACs", "opset", "file"}, {}};
  for (const Json& model : items(document, "models"))
    table.rows.push_back({string(model, "id"), megaBytes(model, "bytes"), megaBytes(model, "bytes_zstd"),
                          whole(model, "params"), shown(number(model, "zeros_pct"), 1), whole(model, "macs"),
                          whole(model, "opset"), string(model, "path")});
  return table;
}

ReportTable accuracyTable(const Json& document) {
  ReportTable table{"Accuracy", {"model", "metric", "value", "95 % interval", "samples", "change", "flips", "p"}, {}};
  for (const Json& entry : items(document, "accuracy")) {
    const bool isShare = string(entry, "unit").empty() && !std::isnan(number(entry, "value")) &&
                         string(entry, "metric").starts_with("top");
    const double factor = isShare ? 100 : 1;
    const int decimals = isShare ? 2 : 4;
    const std::string unit = isShare                         ? " %"
                             : string(entry, "unit").empty() ? std::string()
                                                             : text(" ", string(entry, "unit"));
    table.rows.push_back(
        {string(entry, "model"), string(entry, "metric"), text(shown(number(entry, "value") * factor, decimals), unit),
         range(entry, "ci95", factor, decimals), whole(entry, "n"), shown(number(entry, "delta") * factor, decimals),
         whole(entry, "flips"), shown(number(entry, "mcnemar_p"), 3)});
  }
  return table;
}

ReportTable latencyTable(const Json& document) {
  ReportTable table{"Latency", {"model", "device", "p50 ms", "95 % interval", "p90 ms", "p99 ms", "runs"}, {}};
  for (const Json& entry : items(document, "latency"))
    table.rows.push_back({string(entry, "model"), string(entry, "device"), shown(number(entry, "p50_ms"), 4),
                          range(entry, "ci95_ms", 1, 4), shown(number(entry, "p90_ms"), 4),
                          shown(number(entry, "p99_ms"), 4), whole(entry, "n")});
  return table;
}

ReportTable passTable(const Json& document) {
  ReportTable table{
      "Passes", {"pass", "changes", "seconds", "result", "SQNR dB", "cosine", "max error", "argmax agrees %"}, {}};
  for (const Json& pass : items(document, "passes")) {
    const Json& verify = member(pass, "verify");
    const std::string status = string(pass, "status"), why = string(pass, "why");
    table.rows.push_back({string(pass, "name"), whole(pass, "rewrites"), shown(number(pass, "seconds"), 2),
                          why.empty() ? status : text(status, ": ", why), shown(number(verify, "sqnr_db"), 1),
                          shown(number(verify, "cosine"), 6), significant(number(verify, "max_abs")),
                          shown(number(verify, "argmax_agree_pct"), 2)});
  }
  return table;
}

ReportTable skippedTable(const Json& document) {
  ReportTable table{"Left as it was", {"node", "op", "reason"}, {}};
  for (const Json& pass : items(document, "passes"))
    for (const Json& skipped : items(pass, "skipped"))
      table.rows.push_back({string(skipped, "node"), string(skipped, "op"), string(skipped, "reason")});
  for (const Json& layer : items(document, "layers"))
    if (!string(layer, "reason_kept_float").empty())
      table.rows.push_back({string(layer, "name"), string(layer, "op"), string(layer, "reason_kept_float")});
  return table;
}

ReportTable driftTable(const Json& document) {
  ReportTable table{"Drift of the outputs", {"output", "SQNR dB", "cosine", "largest error", "largest value"}, {}};
  for (const Json& output : items(member(document, "drift"), "outputs"))
    table.rows.push_back({string(output, "name"), shown(number(output, "sqnr_db"), 1),
                          shown(number(output, "cosine"), 6), significant(number(output, "max_abs")),
                          significant(number(output, "largest"))});
  return table;
}

ReportTable dataTable(const Json& document) {
  ReportTable table{"Data", {"use", "kind", "samples", "preprocessing", "path"}, {}};
  for (const Json& data : items(document, "data"))
    table.rows.push_back({string(data, "role"), string(data, "kind"), whole(data, "samples"), preprocessing(data),
                          string(data, "path")});
  return table;
}

std::vector<ReportTable> reportTables(const Json& document) {
  std::vector<ReportTable> tables;
  for (const auto make :
       {gateTable, modelTable, accuracyTable, latencyTable, driftTable, passTable, skippedTable, dataTable}) {
    ReportTable table = make(document);
    if (!table.rows.empty()) tables.push_back(std::move(table));
  }
  return tables;
}

ReportTable layerTable(const Json& document, LayerOrder order, size_t limit) {
  std::vector<std::pair<double, const Json*>> sorted;
  for (const Json& layer : items(document, "layers")) sorted.emplace_back(sortKey(layer, order), &layer);
  std::ranges::stable_sort(sorted, {}, [](const auto& entry) { return entry.first; });
  ReportTable table{
      "Layers", {"layer", "op", "type", "SQNR dB", "ms", "bytes", "MACs", "range", "scale", "float because"}, {}};
  for (const auto& [key, layer] : sorted) {
    if (table.rows.size() == limit) break;
    table.rows.push_back({string(*layer, "name"), string(*layer, "op"), string(*layer, "dtype"),
                          shown(layerSqnr(*layer), 1), shown(layerMs(*layer), 4), whole(*layer, "bytes"),
                          whole(*layer, "macs"), string(*layer, "range"), significant(number(*layer, "scale")),
                          string(*layer, "reason_kept_float")});
  }
  return table;
}

std::string verdictOf(const Json& document) {
  const std::string status = string(document, "status");
  if (status == "ok") return "ok";
  if (status == "gate_failed") return "negative: a gate failed or outputs differ";
  return status.empty() ? "unfinished" : status;
}

}  // namespace compress
