// The document of a run as Markdown for a pull request, and its gates as JUnit XML.
#include <algorithm>
#include <nlohmann/json.hpp>

#include "lib/base/escape.h"
#include "lib/base/text.h"
#include "lib/eval/report.h"
#include "lib/eval/report_fields.h"

namespace compress {
namespace {

using Json = nlohmann::ordered_json;

constexpr size_t kLineLimit = 60;
/// Rows of one table: what stayed float can be thousands.
constexpr size_t kRowLimit = 12;

std::string markdownRow(const std::vector<std::string>& row) {
  std::string line = "|";
  for (const std::string& cell : row) line += text(" ", escapeMarkdown(displayName(cell)), " |");
  return line;
}

void addTable(const ReportTable& table, std::vector<std::string>& lines) {
  lines.push_back("");
  lines.push_back(text("**", table.title, "**"));
  lines.push_back("");
  lines.push_back(markdownRow(table.heading));
  std::string rule = "|";
  for (size_t i = 0; i < table.heading.size(); ++i) rule += " --- |";
  lines.push_back(rule);
  for (size_t i = 0; i < std::min(table.rows.size(), kRowLimit); ++i) lines.push_back(markdownRow(table.rows[i]));
  if (table.rows.size() > kRowLimit)
    lines.push_back(text("\n", table.rows.size() - kRowLimit, " more in the JSON report."));
}

}  // namespace

std::string renderMarkdown(const Json& document) {
  const Json& command = items(document, "command");
  std::vector<std::string> lines = {text("### compress ",
                                         command.size() > 1 && command[1].is_string()
                                             ? escapeMarkdown(displayName(command[1].get<std::string>()))
                                             : std::string(),
                                         ": ", escapeMarkdown(verdictOf(document)))};
  const std::string error = string(member(document, "error"), "text");
  if (!error.empty()) lines.push_back(text("\n", escapeMarkdown(displayName(error))));
  for (const Json& warning : items(document, "warnings"))
    if (lines.size() < 8)
      lines.push_back(text("- ", escapeMarkdown(displayName(string(warning, "code"))), " ",
                           escapeMarkdown(displayName(string(warning, "text")))));
  for (const ReportTable& table : reportTables(document)) addTable(table, lines);
  std::string out;
  size_t count = 0;
  for (const std::string& line : lines) {
    count += 1 + static_cast<size_t>(std::ranges::count(line, '\n'));
    if (count > kLineLimit) break;
    out += line + "\n";
  }
  return out;
}

std::string renderJunit(const Json& document) {
  const Json& gates = items(document, "gates");
  const std::string error = string(member(document, "error"), "text");
  std::string cases;
  size_t failures = 0;
  for (const Json& gate : gates) {
    const bool passed = string(gate, "passed") == "true", counts = string(gate, "level") != "warn";
    cases += text("  <testcase classname=\"compress\" name=\"", escapeXml(string(gate, "name")), " ",
                  escapeXml(string(gate, "limit")), "\">");
    if (!passed && counts) {
      ++failures;
      cases += text("<failure message=\"", escapeXml(string(gate, "why")), "\">", escapeXml(string(gate, "value")),
                    "</failure>");
    } else if (!passed) {
      cases += text("<system-out>warning: ", escapeXml(string(gate, "why")), "</system-out>");
    }
    cases += "</testcase>\n";
  }
  if (!error.empty())
    cases += text("  <testcase classname=\"compress\" name=\"run\"><error message=\"", escapeXml(error),
                  "\"/></testcase>\n");
  const size_t errors = error.empty() ? 0 : 1;
  return text("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuite name=\"compress\" tests=\"",
              gates.size() + errors, "\" failures=\"", failures, "\" errors=\"", errors, "\">\n", cases,
              "</testsuite>\n");
}

}  // namespace compress
