#include "tools/document.h"

#include <sys/resource.h>
#include <sys/utsname.h>

#include <chrono>
#include <ctime>
#include <nlohmann/json.hpp>

#include "lib/base/parallel.h"
#include "lib/base/text.h"
#include "tools/help.h"

namespace compress {
namespace {

using Json = nlohmann::ordered_json;

std::string utcNow() {
  const std::time_t now = std::time(nullptr);
  std::tm parts{};
  gmtime_r(&now, &parts);
  char shown[32];
  std::strftime(shown, sizeof shown, "%Y-%m-%dT%H:%M:%SZ", &parts);
  return shown;
}

double uptimeSeconds() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

Json environment(const CommonOptions& common) {
  utsname system{};
  uname(&system);
  return {{"threads", common.threads},
          {"processors", availableProcessors()},
          {"os", text(system.sysname, ' ', system.release)},
          {"machine", system.machine}};
}

int64_t peakBytes() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return int64_t{usage.ru_maxrss} * 1024;
}

std::string_view statusOf(int exitCode) {
  if (exitCode == 0) return "ok";
  return exitCode == static_cast<int>(ErrorKind::negative) ? "gate_failed" : "error";
}

std::string_view codeName(ErrorKind kind) {
  switch (kind) {
    case ErrorKind::negative:
      return "E-NEGATIVE";
    case ErrorKind::usage:
      return "E-USAGE";
    case ErrorKind::input:
      return "E-INPUT";
    case ErrorKind::unsupported:
      return "E-UNSUPPORTED";
    case ErrorKind::io:
      return "E-IO";
    case ErrorKind::resource:
      return "E-RESOURCE";
    case ErrorKind::numeric:
      return "E-NUMERIC";
    case ErrorKind::bug:
      return "E-BUG";
    case ErrorKind::interrupted:
      return "E-INTERRUPTED";
  }
  return "E-BUG";
}

}  // namespace

double secondsSinceStart() {
  static const double start = uptimeSeconds();
  return uptimeSeconds() - start;
}

Json toolRecord() {
  return {{"name", "compress"}, {"version", programVersion()}};
}

Json startDocument(const std::vector<std::string>& arguments) {
  secondsSinceStart();
  Json command = Json::array({"compress"});
  for (const std::string& argument : arguments) command.push_back(argument);
  return {{"schema", 1}, {"tool", toolRecord()}, {"command", command}, {"started_at", utcNow()}};
}

void finishDocument(Json& document, const CommonOptions& common, int exitCode) {
  document["duration_s"] = secondsSinceStart();
  document["exit_code"] = exitCode;
  document["status"] = statusOf(exitCode);
  document["env"] = environment(common);
  document["memory"]["peak_rss_bytes"] = peakBytes();
}

void recordError(Json& document, const Error& error) {
  document["exit_code"] = static_cast<int>(error.kind());
  document["status"] = error.kind() == ErrorKind::interrupted ? "interrupted" : "error";
  document["duration_s"] = secondsSinceStart();
  document["error"] = {{"code", codeName(error.kind())}, {"text", error.message()}, {"hint", error.hint()}};
}

void recordWarning(Json& document, std::string_view code, std::string_view warning, std::string_view node) {
  Json record = {{"code", code}, {"text", warning}};
  if (!node.empty()) record["node"] = node;
  document["warnings"].push_back(std::move(record));
}

std::string documentText(const Json& document) {
  return document.dump(2, ' ', false, Json::error_handler_t::replace) + '\n';
}

}  // namespace compress
