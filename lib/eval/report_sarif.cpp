// What check found in a model as SARIF 2.1.0, for code scanning: one result per finding.
#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>

#include "lib/base/text.h"
#include "lib/eval/report.h"
#include "lib/eval/report_fields.h"

namespace compress {
namespace {

using Json = nlohmann::ordered_json;

/// Kinds of failure that say something about the model; others say that it could not be looked at.
constexpr std::array<std::string_view, 3> kFindings = {"E-INPUT", "E-UNSUPPORTED", "E-NUMERIC"};

/// A path as a URI reference.
std::string uriOf(std::string_view path) {
  constexpr std::string_view kPlain = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~/";
  constexpr std::string_view kDigits = "0123456789ABCDEF";
  std::string uri;
  for (const char c : path) {
    const auto byte = static_cast<unsigned char>(c);
    if (kPlain.find(c) != std::string_view::npos)
      uri += c;
    else
      uri += {'%', kDigits[byte >> 4U], kDigits[byte & 15U]};
  }
  return uri;
}

Json message(const std::string& words) {
  return {{"text", displayText(words)}};
}

Json result(const Json& finding, std::string_view level, const std::string& path) {
  Json location = {{"physicalLocation", {{"artifactLocation", {{"uri", uriOf(path)}}}}}};
  const std::string node = string(finding, "node");
  if (!node.empty())
    location["logicalLocations"] = Json::array({{{"fullyQualifiedName", displayName(node)}, {"kind", "element"}}});
  return {{"ruleId", string(finding, "code")},
          {"level", level},
          {"message", message(string(finding, "text"))},
          {"locations", Json::array({location})}};
}

Json rulesOf(const Json& results) {
  Json rules = Json::array();
  for (const Json& found : results)
    if (std::ranges::find(rules, found["ruleId"], [](const Json& rule) { return rule["id"]; }) == rules.end())
      rules.push_back({{"id", found["ruleId"]}});
  return rules;
}

}  // namespace

std::string renderSarif(const Json& document) {
  const std::string path = string(member(document, "check"), "path");
  const Json& error = member(document, "error");
  Json results = Json::array(), notifications = Json::array();
  for (const Json& warning : items(document, "warnings")) results.push_back(result(warning, "warning", path));
  if (std::ranges::find(kFindings, string(error, "code")) != kFindings.end())
    results.push_back(result(error, "error", path));
  else if (!error.empty())
    notifications.push_back({{"level", "error"}, {"message", message(string(error, "text"))}});
  const Json driver = {
      {"name", "compress"}, {"version", string(member(document, "tool"), "version")}, {"rules", rulesOf(results)}};
  const Json invocation = {{"executionSuccessful", notifications.empty()},
                           {"toolExecutionNotifications", notifications}};
  const Json log = {
      {"version", "2.1.0"},
      {"$schema", "https://json.schemastore.org/sarif-2.1.0.json"},
      {"runs",
       Json::array(
           {{{"tool", {{"driver", driver}}}, {"invocations", Json::array({invocation})}, {"results", results}}})}};
  return log.dump(2, ' ', false, Json::error_handler_t::replace) + '\n';
}

}  // namespace compress
