#include "tools/config_hash.h"

#include <map>
#include <nlohmann/json.hpp>
#include <set>

#include "lib/base/file.h"
#include "lib/base/text.h"
#include "tools/help.h"

namespace compress {
namespace {

using Names = std::set<std::string, std::less<>>;

/// Options that no byte of a result depends on.
const Names kWithoutEffect = {"threads",      "output",  "force",   "in-place",     "dry-run", "report",
                              "json",         "quiet",   "verbose", "progress",     "color",   "config",
                              "print-config", "timeout", "bench",   "memory-limit", "limits",  "allow-linked-data",
                              "untrusted",    "explain", "verify-memory"};

/// Options that only measure, where no budget makes the result depend on what is measured.
const Names kMeasuring = {"data", "labels", "input", "samples", "skip", "label-offset", "metric", "gate-level"};
const Names kBudgets = {"max-drop", "min-metric", "max-size", "min-speedup", "max-latency-p95"};

bool isGiven(const nlohmann::ordered_json& setting) {
  return !setting["value"].is_null() && !setting["value"].empty();
}

}  // namespace

std::string configHash(std::string_view verb, const nlohmann::ordered_json& settings) {
  bool hasBudget = false;
  for (const auto& [name, setting] : settings.items())
    hasBudget = hasBudget || (kBudgets.contains(name) && isGiven(setting));
  std::map<std::string, std::string> counted;
  for (const auto& [name, setting] : settings.items())
    if (!kWithoutEffect.contains(name) && (hasBudget || !kMeasuring.contains(name)))
      counted[name] = setting["value"].dump();
  std::string all = text("compress ", programVersion(), ' ', verb, '\n');
  for (const auto& [name, value] : counted) all += text(name, " = ", value, '\n');
  return sha256(all);
}

}  // namespace compress
