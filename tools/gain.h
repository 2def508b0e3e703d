// The rule that nothing grows: a result that is not smaller gives way to a copy of the input, unless told otherwise.
#pragma once
#include "tools/output_plan.h"

namespace compress {

struct Outcome {
  int64_t bytes = 0;        ///< of the file that was written
  bool isOriginal = false;  ///< "kept original"
  bool isAccepted = true;   ///< false: --require-gain, and nothing was written
};

class GainOptions {
 public:
  void options(OptionVisitor& visitor);
  /// Writes `model`, or the input's bytes where `model` is not smaller and was not asked for in another way (`isAsked`:
  /// a shape, an opset, a speed gate). Fills in the document's "improved".
  Outcome write(VerbContext& context, const OutputPlan& plan, const InputModel& input, const Model& model,
                bool isAsked) const;

 private:
  bool keepLarger_ = false;
  bool requireGain_ = false;
};

}  // namespace compress
