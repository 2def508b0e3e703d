// Where a result goes, decided before any work: never over a file that exists without --force, never over the input
// without
// --in-place.
#pragma once
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

#include "lib/ir/model.h"
#include "tools/input_model.h"

namespace compress {

struct OutputPlan {
  std::optional<std::filesystem::path> path;  ///< nothing: standard output
  bool overwrite = false;
  bool isDryRun = false;
  std::string shown() const { return path ? path->string() : "standard output"; }
};

/// -o, --in-place or, without both, the input's stem with `suffix` (".int8.onnx") beside the input. Throws Error(usage)
/// for the input itself and for a model from standard input without -o, Error(io) for what exists.
OutputPlan planOutput(const VerbContext& context, const InputModel& input, std::string_view suffix);

/// Bytes of the model as a file.
int64_t modelFileBytes(const Model& model);

/// Writes the model where the plan says and adds it to the document's "outputs". Nothing on a dry run.
void writeOutput(VerbContext& context, const OutputPlan& plan, const Model& model);
/// The input's own bytes as the result: what is written where nothing better was found.
void writeOriginal(VerbContext& context, const OutputPlan& plan, const InputModel& input);
/// Text, such as a calibration table, where the plan says.
void writeOutput(VerbContext& context, const OutputPlan& plan, std::string_view content);

}  // namespace compress
