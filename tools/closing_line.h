// The one greppable line at the end of a verb that made a file (cli.md 3.3).
#pragma once
#include <string>
#include <string_view>

#include "tools/gain.h"

namespace compress {

/// `m.onnx -> m.int8.onnx  10.2 MB -> 2.7 MB (-73.6 %)  top1 71.88 -> 71.52 (-0.36 pt)  p50 4.81 -> 2.02 ms (2.38x, p<0.01)`:
/// `measured` is the part after the size. On stdout, or on stderr where stdout carries the model.
void printClosingLine(VerbContext& context, const InputModel& input, const OutputPlan& plan, const Outcome& outcome, std::string_view measured);

}  // namespace compress
