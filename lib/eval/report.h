// Reports: measurements as JSON records of schema 1 (docs/cli.md), and that document as text, HTML, Markdown, JUnit, CSV,
// Prometheus text and SARIF.
// Everything here returns strings; only tools/ prints. A renderer shows what the document holds and leaves out the
// rest.
#pragma once
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

#include "lib/eval/gates.h"
#include "lib/eval/validator.h"

namespace compress {

// Records
// ---------------------------------------------------------------------------------------------------------------------------
/// An entry of "models": id, path, sha256, bytes, bytes_zstd, params, zeros_pct, macs, opset, ir, ops, dtype_bytes.
/// Empty or 0: left out.
struct ModelRecord {
  std::string id, path, sha256;
  int64_t bytes = 0, zstdBytes = 0;
};
nlohmann::ordered_json toJson(const ModelRecord& record, const ModelFacts& facts);
/// "verify" of a pass: the worst over the outputs.
nlohmann::ordered_json verifyToJson(const std::vector<OutputDrift>& drift);
/// Entries of "accuracy" for one model; `before` adds flips, delta_pt and McNemar's p where both are proportions over
/// the same samples.
nlohmann::ordered_json accuracyToJson(const std::string& modelId, const std::vector<MetricResult>& metrics,
                                      const std::vector<MetricResult>* before);
/// An entry of "latency". `withSamples` adds every time.
nlohmann::ordered_json latencyToJson(const std::string& modelId, std::string_view device, const Latency& latency,
                                     bool withSamples);
nlohmann::ordered_json speedToJson(const SpeedMeasurement& speed);
nlohmann::ordered_json gatesToJson(const std::vector<GateResult>& gates);
/// An entry of "data".
nlohmann::ordered_json dataToJson(std::string_view role, const std::string& path, const Dataset& dataset,
                                  std::string_view digest);

// The closing line
// ------------------------------------------------------------------------------------------------------------------
/// What the closing line says behind the sizes: "top1 71.88 -> 71.52 (-0.36 pt)  p50 4.81 -> 2.02 ms (2.38x, p<0.01)";
/// "-" for what was not measured (null), "~" for a difference in speed that is not significant.
std::string closingMeasures(const MetricResult* before, const MetricResult* after, const SpeedMeasurement* speed);

// Renderers of a whole document
// -----------------------------------------------------------------------------------------------------
/// Tables for a terminal, no colour.
std::string renderText(const nlohmann::ordered_json& document);
/// One file: no script, no network, light and dark, prints.
std::string renderHtml(const nlohmann::ordered_json& document);
/// At most 60 lines and 60 kB: it fits in a comment on a pull request.
std::string renderMarkdown(const nlohmann::ordered_json& document);
/// One test case per gate.
std::string renderJunit(const nlohmann::ordered_json& document);
/// One row per layer.
std::string renderCsv(const nlohmann::ordered_json& document);
/// Gauges for node_exporter's textfile collector; what was not measured is absent.
std::string renderPrometheus(const nlohmann::ordered_json& document);
/// Warnings and error of `check` as SARIF 2.1.0.
std::string renderSarif(const nlohmann::ordered_json& document);

/// A table with aligned columns: the first to the left, numbers to the right. Cells are shown as displayName().
std::string renderTable(const std::vector<std::string>& heading, const std::vector<std::vector<std::string>>& rows);

}  // namespace compress
