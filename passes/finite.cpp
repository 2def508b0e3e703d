#include "passes/finite.h"

#include <algorithm>
#include <cmath>

#include "lib/base/error.h"
#include "lib/base/text.h"

namespace compress {

void requireFiniteWeights(const Graph& graph) {
  for (const ValueId id : graph.values()) {
    const Tensor* constant = graph.constant(id);
    if (constant == nullptr || constant->dtype() != DType::f32) continue;
    const auto values = constant->as<float>();
    const auto it = std::ranges::find_if(values, [](float value) { return !std::isfinite(value); });
    if (it == values.end()) continue;
    throw Error(ErrorKind::numeric,
                text("weight '", displayName(graph.value(id).name), "' holds ", std::isnan(*it) ? "NaN" : "Inf",
                     " at index ", it - values.begin()),
                "finite weights are needed; exporting the model again may help");
  }
}

}  // namespace compress
