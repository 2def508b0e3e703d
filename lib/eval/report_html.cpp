// The document of a run as one HTML page: no script, no network, light and dark, readable on a phone and on paper.
// Every string goes through escapeHtml.
#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "lib/base/escape.h"
#include "lib/base/text.h"
#include "lib/eval/report.h"
#include "lib/eval/report_charts.h"
#include "lib/eval/report_fields.h"

namespace compress {
namespace {

using Json = nlohmann::ordered_json;

constexpr size_t kLayerLimit = 1000;
/// The page stays below 2 MB: so much for each of the three tables of layers, for every other table, for pictures, and
/// for the whole with the raw document, which is left out where it would not fit.
constexpr size_t kLayerBytes = 300'000, kTableBytes = 60'000, kPictureBytes = 200'000, kPageBytes = 1'900'000;

constexpr std::string_view kStyle =
    R"(:root{color-scheme:light dark;--ink:#1b1f24;--page:#fff;--soft:#f1f3f5;--line:#d5d9de;--good:#1a7f37;--bad:#c9302c;--one:#7a8694;--two:#2f6fde}
@media(prefers-color-scheme:dark){:root{--ink:#e6e9ec;--page:#14171a;--soft:#20252a;--line:#3a4148;--good:#4ac26b;--bad:#ff6b66;--one:#8b97a5;--two:#6ea0ff}}
*{box-sizing:border-box}body{font:15px/1.5 system-ui,sans-serif;color:var(--ink);background:var(--page);margin:0 auto;max-width:1100px;padding:16px}
h1{font-size:1.4em;margin:.2em 0;overflow-wrap:anywhere}h2{font-size:1.1em;margin:1.6em 0 .4em;border-bottom:1px solid var(--line)}
.scroll{overflow-x:auto}table{border-collapse:collapse;font-variant-numeric:tabular-nums;font-size:.92em}th,td{padding:3px 10px 3px 0;text-align:left;vertical-align:top;border-bottom:1px solid var(--line);overflow-wrap:break-word;max-width:24em}th{background:var(--page);font-weight:600;white-space:nowrap}
.verdict{display:inline-block;padding:2px 10px;border-radius:4px;color:#fff;background:var(--good)}.verdict.bad{background:var(--bad)}
.cards{display:grid;grid-template-columns:repeat(auto-fit,minmax(230px,1fr));gap:12px}.card{background:var(--soft);padding:10px 14px;border-radius:6px}.card b{display:block;font-size:1.25em}
svg{width:100%;min-width:560px;max-width:720px;height:auto;display:block}svg text{fill:var(--ink);font:12px system-ui,sans-serif}.one{fill:var(--one)}.two{fill:var(--two)}.rule{stroke:var(--ink);stroke-width:1.5}
.pictures{display:flex;flex-wrap:wrap;gap:10px}figure{margin:0;width:96px;font-size:.8em;overflow-wrap:anywhere}figure img{width:96px;height:auto;image-rendering:pixelated;background:var(--soft)}h3{font-size:1em;margin:.6em 0 .3em}
pre{background:var(--soft);padding:10px;overflow-x:auto;white-space:pre-wrap;overflow-wrap:anywhere}
.tabs>input{position:absolute;opacity:0}.tabs>label{display:inline-block;padding:3px 12px;border:1px solid var(--line);border-radius:4px;cursor:pointer}.tabs>.tab{display:none}
#by-sqnr:checked~label[for=by-sqnr],#by-time:checked~label[for=by-time],#by-bytes:checked~label[for=by-bytes]{background:var(--two);color:#fff}
#by-sqnr:checked~.tab.sqnr,#by-time:checked~.tab.time,#by-bytes:checked~.tab.bytes{display:block}.tabs>input:focus-visible+label{outline:2px solid var(--two)}
@media print{.tabs>.tab{display:block}.tabs>input,.tabs>label{display:none}body{max-width:none}})";

std::string cells(const std::vector<std::string>& row, std::string_view tag) {
  std::string out = "<tr>";
  for (const std::string& cell : row) out += text("<", tag, ">", escapeHtml(cell), "</", tag, ">");
  return out + "</tr>\n";
}

/// As many rows as fit into `limit` bytes; `total` is the count that the table would have.
std::string tableHtml(const ReportTable& table, size_t total, size_t limit) {
  std::string out = "<div class=\"scroll\"><table><thead>" + cells(table.heading, "th") + "</thead><tbody>\n";
  size_t rows = 0;
  for (; rows < table.rows.size(); ++rows) {
    const std::string row = cells(table.rows[rows], "td");
    if (out.size() + row.size() > limit) break;
    out += row;
  }
  out += "</tbody></table></div>\n";
  if (total > rows) out += text("<p>", total - rows, " more are in the JSON report.</p>\n");
  return out;
}

std::string section(const ReportTable& table) {
  return table.rows.empty()
             ? std::string()
             : text("<h2>", escapeHtml(table.title), "</h2>\n", tableHtml(table, table.rows.size(), kTableBytes));
}

/// The last entry of `list` whose `key` is `wanted`; an empty object when there is none.
const Json& entryOf(const Json& document, std::string_view list, std::string_view key, std::string_view wanted) {
  static const Json kNone = Json::object();
  const Json* found = &kNone;
  for (const Json& entry : items(document, list))
    if (string(entry, key) == wanted) found = &entry;
  return *found;
}

std::string card(std::string_view title, const std::string& headline, const std::string& detail) {
  return text("<div class=\"card\">", title, "<b>", escapeHtml(headline), "</b>", escapeHtml(detail), "</div>\n");
}

std::string sizeCard(const Json& document) {
  const double before = number(entryOf(document, "models", "id", "before"), "bytes"),
               after = number(entryOf(document, "models", "id", "after"), "bytes");
  if (!(before > 0) || !(after > 0)) return {};
  return card("Size", text(humanBytes(static_cast<int64_t>(before)), " → ", humanBytes(static_cast<int64_t>(after))),
              text(fixed(100 * (after / before - 1), 1), " %"));
}

std::string accuracyCard(const Json& document) {
  const Json &before = entryOf(document, "accuracy", "model", "before"),
             &after = entryOf(document, "accuracy", "model", "after");
  if (std::isnan(number(after, "value"))) return {};
  const double factor = std::isnan(number(after, "delta_pt")) ? 1 : 100;
  return card("Accuracy",
              text(string(after, "metric"), " ", shown(number(before, "value") * factor, 2), " → ",
                   shown(number(after, "value") * factor, 2)),
              text("change ", shown(number(after, "delta") * factor, 2), ", ", string(after, "n"), " samples, ",
                   string(after, "flips"), " flips, p ", shown(number(after, "mcnemar_p"), 3)));
}

std::string speedCard(const Json& document) {
  const Json &before = entryOf(document, "latency", "model", "before"),
             &after = entryOf(document, "latency", "model", "after"), &compared = member(document, "compare");
  if (std::isnan(number(after, "p50_ms"))) return {};
  const bool isSignificant = string(compared, "significant") == "true";
  return card(
      "Latency, median", text(shown(number(before, "p50_ms"), 3), " → ", shown(number(after, "p50_ms"), 3), " ms"),
      isSignificant
          ? text(shown(number(compared, "speedup"), 2), " times as fast, p ", shown(number(compared, "p_value"), 4))
          : std::string("no significant difference"));
}

std::string memoryCard(const Json& document) {
  const double bytes = number(member(document, "memory"), "peak_rss_bytes");
  return bytes > 0 ? card("Memory of this run", text(fixed(bytes / 1048576, 0), " MiB"), "largest resident size")
                   : std::string();
}

std::string layerTabs(const Json& document) {
  const size_t count = items(document, "layers").size();
  if (count == 0) return {};
  struct Tab {
    std::string_view id, label;
    LayerOrder order;
  };
  constexpr Tab kTabs[] = {{"sqnr", "lowest SQNR first", LayerOrder::sqnr},
                           {"time", "slowest first", LayerOrder::time},
                           {"bytes", "largest first", LayerOrder::bytes}};
  std::string out = "<h2>Layers</h2>\n<div class=\"tabs\">\n";
  for (const Tab& tab : kTabs)
    out += text("<input type=\"radio\" name=\"layers\" id=\"by-", tab.id, "\"", tab.id == "sqnr" ? " checked" : "",
                "><label for=\"by-", tab.id, "\">", tab.label, "</label>\n");
  for (const Tab& tab : kTabs)
    out += text("<div class=\"tab ", tab.id, "\">",
                tableHtml(layerTable(document, tab.order, kLayerLimit), count, kLayerBytes), "</div>\n");
  return out + "</div>\n";
}

bool isBase64(std::string_view content) {
  return std::ranges::all_of(content, [](char c) {
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '+' || c == '/' ||
           c == '=';
  });
}

/// Samples as the model sees them.
std::string pictureSection(const Json& document) {
  std::string out;
  for (const Json& data : items(document, "data")) {
    std::string figures;
    for (const Json& picture : items(data, "pictures")) {
      const std::string png = string(picture, "png"), path = string(picture, "name");
      const std::string name = escapeHtml(displayName(path.substr(path.rfind('/') + 1)));
      if (png.empty() || !isBase64(png) || out.size() + figures.size() + png.size() > kPictureBytes) continue;
      figures += text("<figure><img alt=\"", name, "\" src=\"data:image/png;base64,", png, "\"><figcaption>", name,
                      "</figcaption></figure>\n");
    }
    if (!figures.empty())
      out += text("<h3>", escapeHtml(string(data, "role")), "</h3>\n<div class=\"pictures\">\n", figures, "</div>\n");
  }
  return out.empty() ? out : "<h2>Samples, as the model sees them</h2>\n" + out;
}

/// The document, without the pictures that the page shows anyway.
std::string rawSection(Json document, size_t room) {
  if (document.is_object() && document.contains("data") && document["data"].is_array())
    for (Json& data : document["data"])
      if (data.is_object()) data.erase("pictures");
  const std::string raw = escapeJsonForHtml(document.dump(-1, ' ', true, Json::error_handler_t::replace));
  return raw.size() > room ? std::string()
                           : text("<script type=\"application/json\" id=\"report\">", raw, "</script>\n");
}

std::string quotedForShell(const std::string& argument) {
  constexpr std::string_view kPlain = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-./=,:+%@";
  if (!argument.empty() && argument.find_first_not_of(kPlain) == std::string::npos) return argument;
  std::string quoted = "'";
  for (const char c : argument) {
    if (c == '\'')
      quoted += "'\\''";
    else
      quoted += c;
  }
  return quoted + "'";
}

std::string commandSection(const Json& document) {
  std::string line;
  for (const Json& argument : items(document, "command"))
    if (argument.is_string()) line += text(line.empty() ? "" : " ", quotedForShell(argument.get<std::string>()));
  return line.empty() ? std::string() : text("<h2>To do it again</h2>\n<pre>", escapeHtml(line), "</pre>\n");
}

std::string environmentSection(const Json& document) {
  ReportTable table{"Environment", {"what", "value"}, {}};
  for (const auto& [key, value] : member(document, "env").items())
    if (!value.is_structured()) table.rows.push_back({key, string(member(document, "env"), key)});
  for (const auto& [key, value] : member(document, "tool").items())
    if (value.is_string()) table.rows.push_back({"compress " + key, value.get<std::string>()});
  if (!string(document, "config_hash").empty())
    table.rows.push_back({"configuration", string(document, "config_hash")});
  if (document.contains("started_at")) table.rows.push_back({"started at", string(document, "started_at")});
  return section(table);
}

std::string messages(const Json& document) {
  std::string out;
  const Json& error = member(document, "error");
  if (!string(error, "text").empty())
    out +=
        text("<p><b>Error.</b> ", escapeHtml(string(error, "text")), " ", escapeHtml(string(error, "hint")), "</p>\n");
  for (const Json& warning : items(document, "warnings"))
    out += text("<p><b>", escapeHtml(string(warning, "code")), "</b> ", escapeHtml(string(warning, "text")), "</p>\n");
  return out;
}

}  // namespace

std::string renderHtml(const Json& document) {
  const Json& command = items(document, "command");
  const std::string verb = command.size() > 1 && command[1].is_string() ? command[1].get<std::string>() : "report";
  const bool isGood = string(document, "status") == "ok";
  std::string page = text(
      "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\n<meta http-equiv=\"Content-Security-Policy\" "
      "content=\"default-src 'none'; style-src "
      "'unsafe-inline'; img-src data:\">\n<meta name=\"viewport\" "
      "content=\"width=device-width,initial-scale=1\">\n<title>compress ",
      escapeHtml(verb), "</title>\n<style>", kStyle, "</style></head><body>\n<h1>compress ", escapeHtml(verb),
      "</h1>\n<p><span class=\"verdict", isGood ? "" : " bad", "\">", escapeHtml(verdictOf(document)), "</span></p>\n");
  page += messages(document) + section(gateTable(document));
  const std::string cards = sizeCard(document) + accuracyCard(document) + speedCard(document) + memoryCard(document);
  if (!cards.empty()) page += text("<h2>Before and after</h2>\n<div class=\"cards\">\n", cards, "</div>\n");
  page += section(modelTable(document)) + section(accuracyTable(document)) + section(driftTable(document)) +
          sizeWaterfall(document) + section(passTable(document));
  page += section(latencyTable(document)) + latencyChart(document) + layerTabs(document) +
          section(skippedTable(document)) + rangeCharts(document);
  page +=
      section(dataTable(document)) + pictureSection(document) + environmentSection(document) + commandSection(document);
  page += rawSection(document, kPageBytes - std::min(page.size(), kPageBytes));
  return page + "</body></html>\n";
}

}  // namespace compress
