// The document of a run as tables for a terminal.
#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "lib/base/text.h"
#include "lib/eval/report.h"
#include "lib/eval/report_fields.h"

namespace compress {
namespace {

using Json = nlohmann::ordered_json;
using Rows = std::vector<std::vector<std::string>>;

bool looksNumeric(std::string_view cell) {
  return !cell.empty() && (std::isdigit(static_cast<unsigned char>(cell[0])) || cell[0] == '-' || cell[0] == '+');
}

/// Columns of UTF-8 text: continuation bytes take none.
size_t columns(std::string_view shown) {
  return static_cast<size_t>(
      std::ranges::count_if(shown, [](char c) { return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U; }));
}

std::string padded(const std::string& cell, size_t width, bool right) {
  const std::string blanks(width - std::min(width, columns(cell)), ' ');
  return right ? blanks + cell : cell + blanks;
}

std::string section(std::string_view title, const std::vector<std::string>& heading, const Rows& rows) {
  return rows.empty() ? std::string() : text("\n", title, "\n", renderTable(heading, rows));
}

std::string warningLines(const Json& document) {
  std::string lines;
  for (const Json& warning : items(document, "warnings"))
    lines += text(lines.empty() ? "\n" : "", displayName(string(warning, "code")), ": ",
                  displayText(string(warning, "text")), "\n");
  return lines;
}

}  // namespace

std::string renderTable(const std::vector<std::string>& heading, const std::vector<std::vector<std::string>>& rows) {
  Rows cells = {heading};
  for (const auto& row : rows) {
    cells.emplace_back();
    for (const std::string& cell : row) cells.back().push_back(displayName(cell));
    cells.back().resize(heading.size());
  }
  std::vector<size_t> widths(heading.size(), 0);
  std::vector<bool> isNumeric(heading.size(), rows.size() > 0);
  for (size_t r = 0; r < cells.size(); ++r)
    for (size_t c = 0; c < heading.size(); ++c) {
      widths[c] = std::max(widths[c], columns(cells[r][c]));
      if (r > 0 && !cells[r][c].empty() && cells[r][c] != "-" && !looksNumeric(cells[r][c])) isNumeric[c] = false;
    }
  std::string out;
  for (const auto& row : cells) {
    std::string line;
    for (size_t c = 0; c < row.size(); ++c)
      line += text(c == 0 ? "" : "  ", padded(row[c], widths[c], c > 0 && isNumeric[c]));
    while (line.ends_with(' ')) line.pop_back();
    out += line + "\n";
  }
  return out;
}

std::string renderText(const Json& document) {
  std::string out;
  for (const ReportTable& table : reportTables(document)) out += section(table.title, table.heading, table.rows);
  out += warningLines(document);
  if (document.contains("error")) out += text("\nerror: ", displayText(string(document["error"], "text")), "\n");
  return out.starts_with('\n') ? out.substr(1) : out;
}

}  // namespace compress
