#include "tools/output_plan.h"

#include <nlohmann/json.hpp>

#include "lib/base/error.h"
#include "lib/base/file.h"
#include "lib/base/text.h"
#include "lib/onnx/write.h"

namespace compress {
namespace {

void requireFree(const std::filesystem::path& path, const InputModel& input, bool force) {
  if (!std::filesystem::exists(std::filesystem::symlink_status(path))) return;
  if (input.path && std::filesystem::exists(path) && isSameFile(path, *input.path))
    throw Error(ErrorKind::usage, text(path.string(), ": is the input itself"),
                "name another file, or replace it with --in-place");
  if (!force)
    throw Error(ErrorKind::io, text(path.string(), ": exists"),
                "name another file with -o, or overwrite it with --force");
}

WriteOptions writeOptions(const CommonOptions& common, const OutputPlan& plan) {
  using ExternalData = WriteOptions::ExternalData;
  const ExternalData external = common.externalData == "always"  ? ExternalData::always
                                : common.externalData == "never" ? ExternalData::never
                                                                 : ExternalData::automatic;
  return {.overwrite = plan.overwrite, .externalData = external};
}

void record(VerbContext& context, const OutputPlan& plan, int64_t bytes) {
  nlohmann::ordered_json output = {{"path", plan.path ? plan.path->string() : "-"}, {"bytes", bytes}};
  if (plan.path && !plan.isDryRun) output["sha256"] = sha256File(*plan.path);
  context.document["outputs"].push_back(std::move(output));
}

}  // namespace

OutputPlan planOutput(const VerbContext& context, const InputModel& input, std::string_view suffix) {
  const CommonOptions& common = context.common;
  OutputPlan plan{.path = std::nullopt, .overwrite = common.force || common.inPlace, .isDryRun = common.dryRun};
  if (common.inPlace) {
    if (!input.path)
      throw Error(ErrorKind::usage, "--in-place: a model from standard input has no place", "give -o FILE");
    plan.path = std::filesystem::canonical(*input.path);
    return plan;
  }
  if (common.output == "-") return plan;
  if (!common.output && !input.path)
    throw Error(ErrorKind::usage, "a model from standard input needs -o", "give -o FILE, or -o - for standard output");
  plan.path = common.output ? std::filesystem::path(*common.output)
                            : input.path->parent_path() / text(input.path->stem().string(), suffix);
  requireFree(*plan.path, input, common.force);
  if (!plan.isDryRun) requireWritableFolder(*plan.path);
  return plan;
}

int64_t modelFileBytes(const Model& model) {
  return static_cast<int64_t>(serializeModel(model).size());
}

void writeOutput(VerbContext& context, const OutputPlan& plan, const Model& model) {
  if (plan.isDryRun) return record(context, plan, modelFileBytes(model));
  if (!plan.path) {
    const std::string bytes = serializeModel(model);
    context.console.write(bytes);
    return record(context, plan, static_cast<int64_t>(bytes.size()));
  }
  writeModel(model, *plan.path, writeOptions(context.common, plan));
  record(context, plan, static_cast<int64_t>(std::filesystem::file_size(*plan.path)));
}

void writeOriginal(VerbContext& context, const OutputPlan& plan, const InputModel& input) {
  const bool isPlainFile = input.path && static_cast<int64_t>(std::filesystem::file_size(*input.path)) == input.bytes;
  if (!isPlainFile) return writeOutput(context, plan, input.model);
  writeOutput(context, plan, readFile(*input.path));
}

void writeOutput(VerbContext& context, const OutputPlan& plan, std::string_view content) {
  if (!plan.path && !plan.isDryRun) context.console.write(content);
  if (plan.path && !plan.isDryRun) writeFileAtomically(*plan.path, content, plan.overwrite);
  record(context, plan, static_cast<int64_t>(content.size()));
}

}  // namespace compress
