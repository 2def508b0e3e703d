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
/// GitHub refuses comments of 64 kB.
constexpr size_t kByteLimit = 60'000;
/// Rows of one table: what stayed float can be thousands.
constexpr size_t kRowLimit = 12;
constexpr size_t kWarningLimit = 7;

std::string markdownRow(const std::vector<std::string>& row) {
  std::string line = "|";
  for (const std::string& cell : row) line += text(" ", escapeMarkdown(displayName(cell)), " |");
  return line;
}

/// Lines of the page, as many as it may have.
class Page {
 public:
  void add(const std::string& line) {
    out_ += line + "\n";
    lines_ += 1;
  }
  bool hasRoomFor(size_t lines, size_t bytes) const {
    return lines_ + lines <= kLineLimit && out_.size() + bytes <= kByteLimit;
  }
  std::string take() { return std::move(out_); }

 private:
  std::string out_;
  size_t lines_ = 0;
};

/// Lines of a table besides its rows, with the line that counts the rows left out.
constexpr size_t kFrameLines = 9;

/// What decides is shown; the rest is folded.
bool isFolded(const ReportTable& table) {
  constexpr std::string_view kOpen[] = {"Gates", "Models", "Accuracy", "Latency"};
  return std::ranges::find(kOpen, table.title) == std::end(kOpen);
}

void addTable(const ReportTable& table, Page& page) {
  std::vector<std::string> rows;
  size_t bytes = 1000;  // of the frame
  for (const auto& cells : table.rows) {
    const std::string row = markdownRow(cells);
    if (rows.size() == kRowLimit || !page.hasRoomFor(kFrameLines + rows.size() + 1, bytes + row.size())) break;
    bytes += row.size() + 1;
    rows.push_back(row);
  }
  if (rows.empty()) return;
  page.add("");
  page.add(isFolded(table) ? text("<details><summary>", table.title, "</summary>") : text("**", table.title, "**"));
  page.add("");
  page.add(markdownRow(table.heading));
  std::string rule = "|";
  for (size_t i = 0; i < table.heading.size(); ++i) rule += " --- |";
  page.add(rule);
  for (const std::string& row : rows) page.add(row);
  if (table.rows.size() > rows.size()) {
    page.add("");
    page.add(text(table.rows.size() - rows.size(), " more in the JSON report."));
  }
  if (!isFolded(table)) return;
  page.add("");
  page.add("</details>");
}

}  // namespace

std::string renderMarkdown(const Json& document) {
  Page page;
  const Json& command = items(document, "command");
  const std::string verb = command.size() > 1 && command[1].is_string() ? command[1].get<std::string>() : "";
  page.add(text("### compress ", escapeMarkdown(displayName(verb)), ": ", escapeMarkdown(verdictOf(document))));
  const std::string error = string(member(document, "error"), "text");
  if (!error.empty()) {
    page.add("");
    page.add(escapeMarkdown(displayName(error)));
  }
  size_t warnings = 0;
  for (const Json& warning : items(document, "warnings"))
    if (warnings++ < kWarningLimit)
      page.add(text("- ", escapeMarkdown(displayName(string(warning, "code"))), " ",
                    escapeMarkdown(displayName(string(warning, "text")))));
  for (const ReportTable& table : reportTables(document)) addTable(table, page);
  return page.take();
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
