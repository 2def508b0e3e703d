// Passes as verbs use them: the lossless steps, their context, and what they did as text and JSON.
#pragma once
#include <string>
#include <vector>

#include "lib/pass/pipeline.h"
#include "tools/verb.h"

namespace compress {

/// Lets a pipeline own a step whose pass, with its report, outlives it.
class BorrowedPass : public Pass {
 public:
  explicit BorrowedPass(Pass& pass) : pass_(pass) {}
  int64_t run(Model& model, PassContext& context) override { return pass_.run(model, context); }

 private:
  Pass& pass_;
};

/// The lossless passes of the catalog without those called in `skipped`. Throws Error(usage) with near names for one
/// that is none.
std::vector<PipelineStep> losslessSteps(const std::vector<std::string>& skipped);

/// Backend, threads, seed, progress and --timeout of the command line; `calibration` may be null.
PassContext passContext(const VerbContext& context, Backend& backend, const Dataset* calibration);

/// --verify as pipeline options.
PipelineOptions pipelineOptions(const CommonOptions& common);

/// Adds the records to the document's "passes" and their warnings to "warnings"; prints warnings and dropped passes.
/// Whether no pass was dropped.
bool reportPasses(VerbContext& context, const std::vector<PassRecord>& records);

}  // namespace compress
