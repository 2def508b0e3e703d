#include "tools/passes.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "lib/base/error.h"
#include "lib/base/memory.h"
#include "lib/base/text.h"
#include "lib/eval/gates.h"
#include "lib/eval/report.h"

namespace compress {
namespace {

using Json = nlohmann::ordered_json;

std::string_view nameOf(PassRecord::Status status) {
  switch (status) {
    case PassRecord::Status::unchanged:
      return "unchanged";
    case PassRecord::Status::applied:
      return "applied";
    case PassRecord::Status::dropped:
      return "dropped";
  }
  return "unchanged";
}

Json toJson(const PassRecord& record) {
  Json out = {{"name", record.name},
              {"status", nameOf(record.status)},
              {"seconds", record.seconds},
              {"rewrites", record.changes},
              {"before", {{"bytes", record.bytesBefore}, {"nodes", record.nodesBefore}}},
              {"after", {{"bytes", record.bytesAfter}, {"nodes", record.nodesAfter}}}};
  if (!record.why.empty()) out["why"] = record.why;
  for (const Skipped& skipped : record.skipped)
    out["skipped"].push_back({{"node", skipped.node}, {"op", skipped.op}, {"reason", skipped.reason}});
  if (!record.drift.empty()) out["verify"] = verifyToJson(record.drift);
  if (!record.comparedAt.empty()) out["verify"]["inputs"] = record.comparedAt;
  return out;
}

}  // namespace

std::vector<PipelineStep> losslessSteps(const std::vector<std::string>& skipped) {
  std::vector<std::string> names;
  std::vector<PipelineStep> steps;
  for (const PassSpec& spec : allPasses()) {
    if (!spec.lossless) continue;
    names.emplace_back(spec.name);
    if (std::ranges::find(skipped, spec.name) == skipped.end()) steps.push_back(makeStep(spec));
  }
  for (const std::string& name : skipped)
    if (std::ranges::find(names, name) == names.end())
      throw Error(ErrorKind::usage, text("--skip: '", displayName(name), "' is no lossless pass"),
                  text("near: ", join(nearest(name, names), ", ")));
  return steps;
}

PassContext passContext(const VerbContext& context, Backend& backend, const Dataset* calibration) {
  return {.backend = backend,
          .threads = static_cast<int>(context.common.threads),
          .seed = static_cast<uint64_t>(context.common.seed),
          .calibration = calibration,
          .progress =
              [&console = context.console, &budget = context.budget](std::string_view line) {
                budget.check();
                console.progress(line);
              },
          .skipped = {},
          .warnings = {}};
}

PipelineOptions pipelineOptions(const CommonOptions& common) {
  PipelineOptions options;
  options.compareOutputs = common.verify;
  if (common.verifyMemory)
    options.memoryBytes = parseSize(*common.verifyMemory, "verify-memory");
  else
    options.memoryBytes = std::min(options.memoryBytes, memoryLimit(common).value_or(availableMemory()) / 4);
  return options;
}

bool reportPasses(VerbContext& context, const std::vector<PassRecord>& records) {
  bool allKept = true;
  const auto isSmaller = [](const PassRecord& record) { return !record.comparedAt.empty(); };
  if (const auto record = std::ranges::find_if(records, isSmaller); record != records.end())
    warnAs(context, text("W-VERIFIED-SMALLER: outputs were compared at ", record->comparedAt,
                         ": the declared shapes need more than --verify-memory"));
  for (const PassRecord& record : records) {
    const Json entry = toJson(record);
    context.console.event("pass", entry);
    context.document["passes"].push_back(entry);
    context.console.detail(text(record.name, ": ", record.changes, " changes, ", fixed(record.seconds * 1e3, 1),
                                " ms, ", nameOf(record.status)));
    for (const Warning& warning : record.warnings)
      warnAs(context, text(warning.code, ": ", warning.text), warning.node);
    if (record.status != PassRecord::Status::dropped) continue;
    allKept = false;
    context.console.warn(text(record.name, " was dropped: ", record.why));
  }
  return allKept;
}

}  // namespace compress
