#include "tools/reports.h"

#include <filesystem>
#include <nlohmann/json.hpp>

#include "lib/base/error.h"
#include "lib/base/file.h"
#include "lib/base/text.h"
#include "tools/document.h"

namespace compress {

void checkReports(const CommonOptions& common) {
  for (const std::string& report : common.reports) {
    const std::filesystem::path path(report);
    if (path.extension() != ".json")
      throw Error(ErrorKind::usage, text("--report ", report, ": suffix '", path.extension().string(), "' names no report type, expected .json"));
    if (!common.force && std::filesystem::exists(path))
      throw Error(ErrorKind::io, text(report, ": exists"), "remove it, or overwrite it with --force");
  }
}

void writeReports(const CommonOptions& common, const nlohmann::ordered_json& document) {
  for (const std::string& report : common.reports) writeFileAtomically(report, documentText(document), common.force);
}

}  // namespace compress
