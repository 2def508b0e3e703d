#include "tools/model_job.h"

namespace compress {

ModelJob openJob(VerbContext& context, const DataOptions& data, std::string_view suffix) {
  InputModel input = readInputModel(context, context.operands[0]);
  OutputPlan plan = planOutput(context, input, suffix);
  std::unique_ptr<Dataset> calibration = data.hasCalibration() ? data.openCalibration(context, input.model) : nullptr;
  std::unique_ptr<Dataset> evaluation = data.hasEvaluation() ? data.openLabelled(context, input.model) : nullptr;
  return {std::move(input), std::move(plan), std::move(calibration), std::move(evaluation)};
}

}  // namespace compress
