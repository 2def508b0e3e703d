// The one greppable line at the end of a verb that made a file.
#pragma once
#include "tools/gain.h"
#include "tools/measuring.h"

namespace compress {

/// On stdout, or on stderr where stdout carries the model. `findings` may be null: what was not measured shows as "-".
void printClosingLine(VerbContext& context, const InputModel& input, const OutputPlan& plan, const Outcome& outcome,
                      const Findings* findings);

}  // namespace compress
