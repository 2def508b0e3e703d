#include "tools/gain.h"

#include <nlohmann/json.hpp>

#include "lib/base/text.h"

namespace compress {

void GainOptions::options(OptionVisitor& visitor) {
  visitor.visit(keepLarger_, {.name = "keep-larger", .help = "write the result though it is not smaller than MODEL"});
  visitor.visit(requireGain_,
                {.name = "require-gain", .help = "where the result is not smaller: write nothing, exit code 1"});
}

Outcome GainOptions::write(VerbContext& context, const OutputPlan& plan, const InputModel& input, const Model& model,
                           bool isAsked) const {
  const int64_t bytes = modelFileBytes(model);
  const bool isSmaller = bytes < input.bytes;
  context.document["improved"] = isSmaller;
  if (!isSmaller && requireGain_) {
    context.console.note(
        text("not smaller: ", humanBytes(input.bytes), " -> ", humanBytes(bytes), "; nothing written"));
    return {.bytes = bytes, .isOriginal = false, .isAccepted = false};
  }
  if (isSmaller || keepLarger_ || isAsked) {
    writeOutput(context, plan, model);
    return {.bytes = bytes, .isOriginal = false, .isAccepted = true};
  }
  context.console.note(text("kept original: the result has ", bytes, " bytes, the input ", input.bytes));
  writeOriginal(context, plan, input);
  return {.bytes = input.bytes, .isOriginal = true, .isAccepted = true};
}

}  // namespace compress
