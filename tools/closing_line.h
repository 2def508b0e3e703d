// The end of a verb that made a model: the file, where it is good, and the one greppable line.
#pragma once
#include "tools/gain.h"
#include "tools/measuring.h"

namespace compress {

/// On stdout, or on stderr where stdout carries the model. `findings` may be null: what was not measured shows as "-".
void printClosingLine(VerbContext& context, const InputModel& input, const OutputPlan& plan, const Outcome& outcome,
                      const Findings* findings);

/// Writes `model` where it `isGood` (`isAsked` as for GainOptions::write), prints the closing line; the exit code.
int writeJudged(VerbContext& context, const GainOptions& gain, const OutputPlan& plan, const InputModel& input,
                const Model& model, const Findings& findings, bool isGood, bool isAsked);

}  // namespace compress
