// The layers of a run as a CSV file: one row per layer, the same columns for every verb; what was not measured is
// empty.
#include <array>
#include <cmath>
#include <nlohmann/json.hpp>

#include "lib/base/escape.h"
#include "lib/base/text.h"
#include "lib/eval/report.h"
#include "lib/eval/report_fields.h"

namespace compress {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::array<std::string_view, 18> kColumns = {"model",
                                                       "name",
                                                       "op",
                                                       "dtype",
                                                       "kernel",
                                                       "bytes",
                                                       "macs",
                                                       "ms",
                                                       "ms_before",
                                                       "ms_after",
                                                       "share_pct",
                                                       "sqnr_db_local",
                                                       "sqnr_db_cumulative",
                                                       "sparsity_pct",
                                                       "clipped_share",
                                                       "range",
                                                       "scale",
                                                       "zero_point"};
constexpr std::string_view kReason = "reason_kept_float";

/// Numbers as they are, also negative ones; text through the escaper.
std::string cell(const Json& layer, std::string_view key) {
  return std::isnan(number(layer, key)) ? escapeCsv(string(layer, key)) : string(layer, key);
}

}  // namespace

std::string renderCsv(const Json& document) {
  std::string out;
  for (const std::string_view column : kColumns) out += text(column, ',');
  out += text(kReason, '\n');
  for (const Json& layer : items(document, "layers")) {
    for (const std::string_view column : kColumns) out += cell(layer, column) + ',';
    out += cell(layer, kReason) + '\n';
  }
  return out;
}

}  // namespace compress
