// Compares the outputs of changed models with those of the model that a pipeline was given.
#pragma once
#include <memory>
#include <optional>

#include "lib/eval/verification_plan.h"
#include "lib/pass/pipeline.h"

namespace compress {

/// Reads no sample and runs nothing before the first comparison. `context` and `options` outlive it.
class OutputJudge {
 public:
  OutputJudge(const Model& reference, const PassContext& context, const PipelineOptions& options)
      : reference_(reference), context_(context), options_(options) {}

  /// Fills in the record's drift and where it was taken; the reason to drop the model, or empty. Throws when it is the
  /// model as it came that cannot be run.
  std::string findFault(const Model& model, bool lossless, PassRecord& record);

 private:
  void prepare();
  /// "not verified numerically: would need 3.2 GB, ...".
  std::string shortage() const;
  std::string compare(const Model& model, bool lossless, PassRecord& record);
  void requireRunnableReference();

  Model reference_;
  const PassContext& context_;
  const PipelineOptions& options_;
  VerificationPlan plan_;
  std::unique_ptr<Dataset> samples_;
  std::unique_ptr<Validator> validator_;
};

}  // namespace compress
