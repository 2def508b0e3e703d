#include "tools/precision_option.h"

#include <nlohmann/json.hpp>

#include "lib/runtime/precision.h"

namespace compress {

void PrecisionOption::options(OptionVisitor& visitor) {
  visitor.visit(precision_, {.name = "precision",
                             .help = "what Convs and products of f32 models are computed in; sums stay f32",
                             .choices = {"f32", "bf16"}});
}

std::unique_ptr<Backend> PrecisionOption::makeBackend(VerbContext& context) const {
  context.document["precision"] = precision_;
  return makeCpuBackend(precision_ == "bf16" ? Precision::bf16 : Precision::f32);
}

}  // namespace compress
