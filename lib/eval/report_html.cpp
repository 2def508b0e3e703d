// The document of a run as one HTML page: no script, no network, light and dark, readable on a phone and on paper.
// Every string goes through escapeHtml.
#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "lib/base/escape.h"
#include "lib/base/text.h"
#include "lib/eval/report.h"
#include "lib/eval/report_fields.h"

namespace compress {
namespace {

using Json = nlohmann::ordered_json;

constexpr size_t kLayerLimit = 1000;
constexpr size_t kRowLimit = 2000;
/// The raw document is left out where it would make the page heavy.
constexpr size_t kRawLimit = 600 << 10;

constexpr std::string_view kStyle =
    R"(:root{color-scheme:light dark;--ink:#1b1f24;--page:#fff;--soft:#f1f3f5;--line:#d5d9de;--good:#1a7f37;--bad:#c9302c;--one:#7a8694;--two:#2f6fde}
@media(prefers-color-scheme:dark){:root{--ink:#e6e9ec;--page:#14171a;--soft:#20252a;--line:#3a4148;--good:#4ac26b;--bad:#ff6b66;--one:#8b97a5;--two:#6ea0ff}}
*{box-sizing:border-box}body{font:15px/1.5 system-ui,sans-serif;color:var(--ink);background:var(--page);margin:0 auto;max-width:1100px;padding:16px}
h1{font-size:1.4em;margin:.2em 0;overflow-wrap:anywhere}h2{font-size:1.1em;margin:1.6em 0 .4em;border-bottom:1px solid var(--line)}
.scroll{overflow-x:auto}table{border-collapse:collapse;font-variant-numeric:tabular-nums;font-size:.92em}th,td{padding:3px 10px 3px 0;text-align:left;vertical-align:top;border-bottom:1px solid var(--line);overflow-wrap:anywhere;min-width:3em}th{background:var(--page);font-weight:600}
.verdict{display:inline-block;padding:2px 10px;border-radius:4px;color:#fff;background:var(--good)}.verdict.bad{background:var(--bad)}
.cards{display:grid;grid-template-columns:repeat(auto-fit,minmax(230px,1fr));gap:12px}.card{background:var(--soft);padding:10px 14px;border-radius:6px}.card b{display:block;font-size:1.25em}
svg{max-width:100%;height:auto;display:block}svg text{fill:var(--ink);font:12px system-ui,sans-serif}.one{fill:var(--one)}.two{fill:var(--two)}.rule{stroke:var(--ink);stroke-width:1.5}
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

std::string tableHtml(const ReportTable& table, size_t limit) {
  std::string out = "<div class=\"scroll\"><table><thead>" + cells(table.heading, "th") + "</thead><tbody>\n";
  for (size_t i = 0; i < std::min(table.rows.size(), limit); ++i) out += cells(table.rows[i], "td");
  out += "</tbody></table></div>\n";
  if (table.rows.size() > limit)
    out += text("<p>", table.rows.size() - limit, " more rows are in the JSON report.</p>\n");
  return out;
}

std::string section(const ReportTable& table) {
  return table.rows.empty() ? std::string()
                            : text("<h2>", escapeHtml(table.title), "</h2>\n", tableHtml(table, kRowLimit));
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

/// Horizontal bars from 0; `labels`, `values` and `shownValues` go together.
std::string barChart(const std::vector<std::string>& labels, const std::vector<double>& values,
                     const std::vector<std::string>& shownValues, std::string_view title) {
  const double largest = values.empty() ? 0 : *std::ranges::max_element(values);
  if (!(largest > 0)) return {};
  std::string out = text("<svg viewBox=\"0 0 720 ", 24 * labels.size() + 6, "\" role=\"img\" aria-label=\"",
                         escapeHtml(title), "\">\n");
  for (size_t i = 0; i < labels.size(); ++i) {
    const auto y = static_cast<double>(24 * i);
    out += text("<text x=\"0\" y=\"", y + 16, "\">", escapeHtml(displayName(labels[i]).substr(0, 28)),
                "</text><rect class=\"", i + 1 == labels.size() ? "two" : "one", "\" x=\"200\" y=\"", y + 4,
                "\" width=\"", fixed(std::max(0.0, values[i]) / largest * 400, 1), "\" height=\"16\"/><text x=\"",
                fixed(206 + std::max(0.0, values[i]) / largest * 400, 1), "\" y=\"", y + 16, "\">",
                escapeHtml(shownValues[i]), "</text>\n");
  }
  return out + "</svg>\n";
}

/// Bytes of the constants after each pass.
std::string waterfall(const Json& document) {
  std::vector<std::string> labels, shownValues;
  std::vector<double> values;
  const auto add = [&](const std::string& label, double bytes) {
    labels.push_back(label);
    values.push_back(bytes);
    shownValues.push_back(humanBytes(static_cast<int64_t>(bytes)));
  };
  for (const Json& pass : items(document, "passes")) {
    const double before = number(member(pass, "before"), "bytes"), after = number(member(pass, "after"), "bytes");
    if (!(before >= 0) || !(after >= 0) || after > 9e15 || before > 9e15) continue;
    if (labels.empty()) add("as it came", before);
    add(string(pass, "name"), after);
  }
  return labels.empty()
             ? std::string()
             : "<h2>Size pass by pass</h2>\n" + barChart(labels, values, shownValues, "size after each pass");
}

/// 5 % to 95 % of the times as a bar, the median as a line; from p50, p90 and p99 where single times were not kept.
std::string latencyChart(const Json& document) {
  const Json& entries = items(document, "latency");
  double largest = 0;
  for (const Json& entry : entries) largest = std::max(largest, number(entry, "p99_ms"));
  if (!(largest > 0)) return {};
  std::string out = text("<svg viewBox=\"0 0 720 ", 26 * entries.size() + 6,
                         "\" role=\"img\" aria-label=\"latency: median, 90 and 99 % of the runs\">\n");
  size_t row = 0;
  for (const Json& entry : entries) {
    const auto x = [&](std::string_view key) { return 200 + number(entry, key) / largest * 480; };
    if (std::isnan(x("p50_ms")) || std::isnan(x("p99_ms")) || std::isnan(x("p90_ms"))) continue;
    const auto y = static_cast<double>(26 * row++);
    out +=
        text("<text x=\"0\" y=\"", y + 17, "\">", escapeHtml(displayName(string(entry, "model")).substr(0, 28)),
             "</text><rect class=\"one\" x=\"", fixed(x("p50_ms"), 1), "\" y=\"", y + 9, "\" width=\"",
             fixed(std::max(1.0, x("p99_ms") - x("p50_ms")), 1), "\" height=\"6\"/><rect class=\"two\" x=\"",
             fixed(x("p50_ms"), 1), "\" y=\"", y + 5, "\" width=\"", fixed(std::max(1.0, x("p90_ms") - x("p50_ms")), 1),
             "\" height=\"14\"/><line class=\"rule\" x1=\"", fixed(x("p50_ms"), 1), "\" x2=\"", fixed(x("p50_ms"), 1),
             "\" y1=\"", y + 2, "\" y2=\"", y + 22, "\"/>\n");
  }
  return out + "</svg>\n<p>Line: median. Wide bar: to 90 % of the runs. Thin bar: to 99 %.</p>\n";
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
                tableHtml(layerTable(document, tab.order, kLayerLimit), kLayerLimit), "</div>\n");
  if (count > kLayerLimit) out += text("<p>", count - kLayerLimit, " more layers are in the JSON report.</p>\n");
  return out + "</div>\n";
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
          waterfall(document) + section(passTable(document));
  page += section(latencyTable(document)) + latencyChart(document) + layerTabs(document) +
          section(skippedTable(document)) + section(dataTable(document));
  page += environmentSection(document) + commandSection(document);
  const std::string raw = escapeJsonForHtml(document.dump(-1, ' ', true, Json::error_handler_t::replace));
  if (raw.size() <= kRawLimit) page += text("<script type=\"application/json\" id=\"report\">", raw, "</script>\n");
  return page + "</body></html>\n";
}

}  // namespace compress
