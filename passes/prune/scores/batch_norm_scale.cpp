// bn-scale: the magnitude of the BatchNormalization factors of a channel (Liu et al. 2017).
#include <cmath>

#include "passes/prune/score.h"

namespace compress {
namespace {

bool isBatchNormScale(const Graph& graph, ValueId value) {
  for (const Use& use : graph.uses(value))
    if (graph.node(use.node).is("BatchNormalization") && use.index == 1) return true;
  return false;
}

}  // namespace

Criterion batchNormScaleCriterion() {
  return {"bn-scale", "magnitude of a channel's BatchNormalization factors", false, false,
          [](const ScoreContext& context) {
            Scores scores;
            for (const Family& family : context.prunable.families) {
              auto& ofFamily = scores.emplace_back();
              for (const PruneClass& one : family.classes) {
                double total = 0;
                for (const auto& [axis, slices] : one.slices)
                  if (isBatchNormScale(context.model.graph, axis.value))
                    forSlices(*context.model.graph.constant(axis.value), axis.axis, slices,
                              [&](int64_t, float element) { total += std::abs(element); });
                ofFamily.push_back(total);
              }
            }
            return scores;
          }};
}

}  // namespace compress
