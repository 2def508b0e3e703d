#include "tools/reports.h"

#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "lib/base/error.h"
#include "lib/base/file.h"
#include "lib/base/text.h"
#include "lib/eval/report.h"
#include "tools/document.h"

namespace compress {
namespace {

struct Renderer {
  std::string_view suffix;
  std::string (*render)(const nlohmann::ordered_json&);
  std::string_view onlyVerb = {};  ///< empty: all verbs
};

constexpr Renderer kRenderers[] = {{".json", documentText},         {".html", renderHtml}, {".md", renderMarkdown},
                                   {".xml", renderJunit},           {".csv", renderCsv},   {".prom", renderPrometheus},
                                   {".sarif", renderSarif, "check"}};

const Renderer& rendererOf(const std::string& report) {
  const std::string suffix = std::filesystem::path(report).extension().string();
  for (const Renderer& renderer : kRenderers)
    if (renderer.suffix == suffix) return renderer;
  std::vector<std::string> known;
  for (const Renderer& renderer : kRenderers) known.emplace_back(renderer.suffix);
  throw Error(ErrorKind::usage, text("--report ", displayName(report), ": suffix '", displayName(suffix),
                                     "' names no type of report, expected one of ", join(known, ", ")));
}

}  // namespace

void checkReports(const CommonOptions& common, std::string_view verb) {
  for (const std::string& report : common.reports) {
    const Renderer& renderer = rendererOf(report);
    if (!renderer.onlyVerb.empty() && renderer.onlyVerb != verb)
      throw Error(ErrorKind::usage, text("--report ", displayName(report), ": ", renderer.suffix,
                                         " is for the findings of ", renderer.onlyVerb, " only"));
    if (!common.force && std::filesystem::exists(report))
      throw Error(ErrorKind::io, text(report, ": exists"), "name another file, or overwrite it with --force");
    requireWritableFolder(report);
  }
}

bool wantsPage(const CommonOptions& common) {
  return std::ranges::any_of(common.reports, [](const std::string& report) {
    const std::string_view suffix = rendererOf(report).suffix;
    return suffix == ".html" || suffix == ".json" || suffix == ".csv";
  });
}

void writeReports(const CommonOptions& common, const nlohmann::ordered_json& document) {
  for (const std::string& report : common.reports)
    writeFileAtomically(report, rendererOf(report).render(document), common.force);
}

}  // namespace compress
