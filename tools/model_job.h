// What a verb starts from that makes a model and measures it: the model, the place of the result, and samples.
#pragma once
#include <memory>
#include <string_view>

#include "tools/data_options.h"
#include "tools/input_model.h"
#include "tools/output_plan.h"

namespace compress {

struct ModelJob {
  InputModel input;
  OutputPlan plan;
  std::unique_ptr<Dataset> calibration;  ///< null without --calib
  std::unique_ptr<Dataset> evaluation;   ///< null without --data; with labels
};

/// Reads the operand, plans the output (`suffix`: ".int8.onnx") and opens the samples that `data` names.
ModelJob openJob(VerbContext& context, const DataOptions& data, std::string_view suffix);

}  // namespace compress
