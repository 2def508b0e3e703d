#include "tools/report_merge.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <nlohmann/json.hpp>

#include "lib/base/error.h"
#include "lib/base/text.h"
#include "lib/eval/report.h"
#include "tools/document.h"

namespace compress {
namespace {

using Json = nlohmann::ordered_json;
using Render = std::string (*)(const Json&);
using Merge = std::string (*)(const std::vector<std::string>&);

std::string oneAfterTheOther(const std::vector<std::string>& parts) {
  return join(parts, "\n");
}

/// The part of `page` between two marks; all of it where they are missing.
std::string between(const std::string& page, std::string_view open, std::string_view close) {
  const size_t first = page.find(open), last = page.rfind(close);
  if (first == std::string::npos || last == std::string::npos) return page;
  return page.substr(first + open.size(), last - first - open.size());
}

/// The bodies of all pages in the frame of the first.
std::string mergeHtml(const std::vector<std::string>& pages) {
  const std::string open = "<body>", close = "</body>";
  std::string body;
  for (const std::string& page : pages) body += text("<article>", between(page, open, close), "</article>\n");
  const std::string& first = pages.front();
  return first.substr(0, first.find(open) + open.size()) + body + first.substr(first.rfind(close));
}

std::string mergeJunit(const std::vector<std::string>& suites) {
  std::string out = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n";
  for (const std::string& suite : suites) out += suite.substr(suite.find("<testsuite"));
  return out + "</testsuites>\n";
}

/// One heading, where all have the same.
std::string mergeCsv(const std::vector<std::string>& tables) {
  const std::string heading = tables.front().substr(0, tables.front().find('\n') + 1);
  std::string out = heading;
  for (const std::string& table : tables) out += table.starts_with(heading) ? table.substr(heading.size()) : table;
  return out;
}

std::string mergeJson(const std::vector<std::string>& documents) {
  Json list = Json::array();
  for (const std::string& document : documents) list.push_back(Json::parse(document));
  return documentText({{"schema", 1}, {"reports", std::move(list)}});
}

struct Format {
  std::string_view name;
  Render render;
  Merge merge;  ///< null: one document only
};
constexpr Format kFormats[] = {
    {"text", renderText, oneAfterTheOther}, {"html", renderHtml, mergeHtml}, {"md", renderMarkdown, oneAfterTheOther},
    {"junit", renderJunit, mergeJunit},     {"csv", renderCsv, mergeCsv},    {"prom", renderPrometheus, nullptr},
    {"json", documentText, mergeJson}};

/// Differ from run to run, or say what was asked for, not what was found.
constexpr std::string_view kVolatile[] = {"/tool",   "/command", "/started_at",       "/duration_s", "/env",
                                          "/memory", "/inputs",  "/effective_config", "/outputs",    "/data"};

bool isVolatile(std::string_view path) {
  if (path.ends_with("/path") || path.ends_with("/seconds")) return true;
  return std::ranges::any_of(kVolatile, [&](std::string_view part) {
    return path.starts_with(part) && (path.size() == part.size() || path[part.size()] == '/');
  });
}

std::string shown(const Json* value) {
  if (value == nullptr) return "-";
  return value->is_string() ? value->get<std::string>() : value->dump();
}

std::string changeOf(const Json& before, const Json& after) {
  if (!before.is_number() || !after.is_number() || before.get<double>() == 0) return "";
  const double percent = 100 * (after.get<double>() / before.get<double>() - 1);
  return text(percent >= 0 ? "+" : "", fixed(percent, 1), " %");
}

/// Leaves by path, in the document's order.
std::vector<std::pair<std::string, const Json*>> leavesOf(const Json& document) {
  std::vector<std::pair<std::string, const Json*>> leaves, open = {{"", &document}};
  while (!open.empty()) {
    const auto [path, value] = open.back();
    open.pop_back();
    if (isVolatile(path)) continue;
    if (!value->is_structured()) {
      leaves.emplace_back(path, value);
      continue;
    }
    const size_t start = open.size();
    for (const auto& [key, child] : value->items()) open.emplace_back(text(path, '/', key), &child);
    std::reverse(open.begin() + static_cast<std::ptrdiff_t>(start), open.end());
  }
  return leaves;
}

}  // namespace

std::vector<std::string> reportFormats() {
  std::vector<std::string> names;
  for (const Format& format : kFormats) names.emplace_back(format.name);
  return names;
}

std::string renderReports(std::string_view name, std::span<const Json> documents) {
  const auto format = std::ranges::find(kFormats, name, &Format::name);
  if (format == std::end(kFormats))
    throw Error(ErrorKind::usage, text("'", displayName(name), "' is no format of a report"),
                text("one of ", join(reportFormats(), ", "), "; or diff"));
  if (documents.size() > 1 && format->merge == nullptr)
    throw Error(ErrorKind::usage, text(name, " holds one report, found ", documents.size()), "give one at a time");
  if (documents.empty()) return {};
  std::vector<std::string> parts;
  for (const Json& document : documents) parts.push_back(format->render(document));
  return parts.size() == 1 ? parts.front() : format->merge(parts);
}

std::vector<ReportDifference> differences(const Json& before, const Json& after) {
  const auto first = leavesOf(before), second = leavesOf(after);
  std::map<std::string, const Json*> later(second.begin(), second.end());
  std::vector<ReportDifference> found;
  for (const auto& [path, value] : first) {
    const auto match = later.find(path);
    const Json* other = match == later.end() ? nullptr : match->second;
    if (other == nullptr || *value != *other)
      found.push_back({path, shown(value), shown(other), other == nullptr ? "" : changeOf(*value, *other)});
    if (match != later.end()) later.erase(match);
  }
  for (const auto& [path, value] : second)
    if (later.contains(path)) found.push_back({path, "-", shown(value), ""});
  return found;
}

}  // namespace compress
