// Measurements as JSON records of schema 1. JSON has no NaN and no infinity: such numbers become null.
#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "lib/base/text.h"
#include "lib/eval/report.h"

namespace compress {
namespace {

using Json = nlohmann::ordered_json;

Json number(double value) {
  return std::isfinite(value) ? Json(value) : Json(nullptr);
}
Json interval(const Interval& range) {
  return Json::array({number(range.low), number(range.high)});
}

struct Flips {
  int64_t lost = 0, won = 0;
};

Flips flipsBetween(const MetricResult& before, const MetricResult& after) {
  Flips flips;
  for (size_t i = 0; i < before.samples.size(); ++i) {
    flips.lost += before.samples[i] > 0 && after.samples[i] == 0;
    flips.won += before.samples[i] == 0 && after.samples[i] > 0;
  }
  return flips;
}

void addComparison(Json& record, const MetricResult& before, const MetricResult& after) {
  record["delta"] = number(after.value - before.value);
  if (!before.isProportion || before.samples.size() != after.samples.size()) return;
  const Flips flips = flipsBetween(before, after);
  record["delta_pt"] = number((after.value - before.value) * 100);
  record["flips"] = flips.lost + flips.won;
  record["lost"] = flips.lost;
  record["won"] = flips.won;
  record["mcnemar_p"] = number(mcnemar(flips.lost, flips.won));
}

/// Counts of times from the shortest to a little beyond 99 % of them, or three times the median where that is less;
/// what took longer is in the last part.
Json distributionOf(const Latency& latency) {
  constexpr size_t kParts = 40;
  const double from = std::ranges::min(latency.ms),
               to = from + 1.05 * std::max(std::min(latency.p99, 3 * latency.p50) - from, 1e-6);
  std::vector<int64_t> counts(kParts, 0);
  for (const double ms : latency.ms)
    ++counts[std::min(kParts - 1, static_cast<size_t>((ms - from) / (to - from) * static_cast<double>(kParts)))];
  return {{"from_ms", from}, {"to_ms", to}, {"counts", counts}};
}

}  // namespace

Json toJson(const ModelRecord& record, const ModelFacts& facts) {
  Json json = {{"id", record.id}};
  if (!record.path.empty()) json["path"] = record.path;
  if (!record.sha256.empty()) json["sha256"] = record.sha256;
  if (record.bytes > 0) json["bytes"] = record.bytes;
  if (record.zstdBytes > 0) json["bytes_zstd"] = record.zstdBytes;
  json["params"] = facts.parameters;
  json["zeros_pct"] =
      facts.parameters == 0 ? 0.0 : 100.0 * static_cast<double>(facts.zeros) / static_cast<double>(facts.parameters);
  if (facts.macs) json["macs"] = *facts.macs;
  json["opset"] = facts.opset;
  json["ir"] = facts.irVersion;
  json["ops"] = Json::object();
  for (const auto& [op, count] : facts.ops) json["ops"][op] = count;
  json["dtype_bytes"] = Json::object();
  for (const auto& [dtype, bytes] : facts.dtypeBytes) json["dtype_bytes"][dtype] = bytes;
  return json;
}

Json verifyToJson(const std::vector<OutputDrift>& drift) {
  double maxAbs = 0, meanAbs = 0, cosine = 1, sqnr = std::numeric_limits<double>::infinity(), agreement = 1;
  int64_t nonFinite = 0;
  Json outputs = Json::array();
  for (const OutputDrift& output : drift) {
    maxAbs = std::max(maxAbs, output.drift.maxAbs());
    meanAbs = std::max(meanAbs, output.drift.meanAbs());
    cosine = std::min(cosine, output.drift.cosine());
    sqnr = std::min(sqnr, output.drift.sqnrDb());
    agreement = std::min(agreement, output.drift.argmaxAgreement());
    nonFinite += output.drift.nonFinite();
    Json worst = Json::array();
    for (const Mismatch& at : output.drift.worst())
      worst.push_back({{"index", at.index}, {"expected", number(at.expected)}, {"found", number(at.found)}});
    outputs.push_back({{"name", output.name},
                       {"max_abs", number(output.drift.maxAbs())},
                       {"largest", number(output.drift.largestExpected())},
                       {"sqnr_db", number(output.drift.sqnrDb())},
                       {"cosine", number(output.drift.cosine())},
                       {"worst", std::move(worst)}});
  }
  return {{"max_abs", number(maxAbs)},
          {"mean_abs", number(meanAbs)},
          {"cosine", number(cosine)},
          {"sqnr_db", number(sqnr)},
          {"argmax_agree_pct", number(agreement * 100)},
          {"non_finite", nonFinite},
          {"outputs", std::move(outputs)}};
}

Json accuracyToJson(const std::string& modelId, const std::vector<MetricResult>& metrics,
                    const std::vector<MetricResult>* before) {
  Json entries = Json::array();
  for (const MetricResult& metric : metrics) {
    Json record = {{"model", modelId},
                   {"metric", metric.name},
                   {"value", number(metric.value)},
                   {"unit", metric.unit},
                   {"higher_is_better", metric.higherIsBetter},
                   {"n", metric.count},
                   {"ci95", interval({metric.low, metric.high})}};
    if (before != nullptr) {
      const auto same = std::ranges::find(*before, metric.name, &MetricResult::name);
      if (same != before->end()) addComparison(record, *same, metric);
    }
    entries.push_back(std::move(record));
  }
  return entries;
}

Json latencyToJson(const std::string& modelId, std::string_view device, const Latency& latency, bool withSamples) {
  Json record = {{"model", modelId},
                 {"device", device},
                 {"batch", 1},
                 {"n", latency.ms.size()},
                 {"min_ms", number(latency.least)},
                 {"p50_ms", number(latency.p50)},
                 {"p90_ms", number(latency.p90)},
                 {"p99_ms", number(latency.p99)},
                 {"mean_ms", number(latency.mean)},
                 {"sd_ms", number(latency.deviation)},
                 {"ci95_ms", interval(latency.median95)}};
  if (!latency.ms.empty()) record["distribution"] = distributionOf(latency);
  if (withSamples) record["samples_ms"] = latency.ms;
  return record;
}

Json speedToJson(const SpeedMeasurement& speed) {
  return {{"speedup", number(speed.verdict.speedup)}, {"speedup_ci95", interval(speed.verdict.speedup95)},
          {"p_value", number(speed.verdict.pValue)},  {"significant", speed.verdict.significant},
          {"contended", speed.verdict.contended},     {"noise_pct", number(speed.noise * 100)}};
}

Json gatesToJson(const std::vector<GateResult>& gates) {
  Json entries = Json::array();
  for (const GateResult& gate : gates)
    entries.push_back({{"name", gate.name},
                       {"level", gate.level},
                       {"limit", gate.limit},
                       {"value", gate.value},
                       {"passed", gate.passed},
                       {"why", gate.why}});
  return entries;
}

Json dataToJson(std::string_view role, const std::string& path, const Dataset& dataset, std::string_view digest) {
  Json record = {{"role", role}, {"path", path}, {"kind", dataset.kind()}, {"samples", dataset.size()}};
  if (dataset.skippedCount() > 0) record["skipped"] = dataset.skippedCount();
  if (!digest.empty()) record["digest"] = digest;
  const Preprocess& done = dataset.preprocess();
  record["preprocess"] = {{"preset", done.preset},
                          {"layout", done.layout},
                          {"resize", done.resize},
                          {"crop", done.crop},
                          {"interp", done.interp},
                          {"scale", done.scale},
                          {"mean", done.mean},
                          {"std", done.std},
                          {"color_order", done.colorOrder},
                          {"source_order", done.sourceOrder}};
  return record;
}

}  // namespace compress
