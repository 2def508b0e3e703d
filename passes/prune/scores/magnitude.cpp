// l1 and l2: the norm of all weights of a class, its own outputs and what reads them alike (Li et al. 2017; over the
// whole group: Fang et al. 2023). Vectors (biases, norms) do not count: they say little about a channel's use.
#include <cmath>

#include "passes/prune/score.h"

namespace compress {
namespace {

template <typename Sum>
Scores score(const ScoreContext& context, Sum&& sum) {
  Scores scores;
  for (const Family& family : context.prunable.families) {
    auto& ofFamily = scores.emplace_back();
    for (const PruneClass& one : family.classes) {
      double total = 0;
      for (const auto& [axis, slices] : one.slices) {
        const Tensor* weight = context.model.graph.constant(axis.value);
        if (weight == nullptr || weight->dtype() != DType::f32 || weight->shape().rank() < 2) continue;
        forSlices(*weight, axis.axis, slices, [&](int64_t, float element) { total += sum(element); });
      }
      ofFamily.push_back(total);
    }
  }
  return scores;
}

}  // namespace

Criterion l1Criterion() {
  return {"l1", "sum of the magnitudes of a channel's weights, those that read it included", false, false,
          [](const ScoreContext& context) { return score(context, [](double w) { return std::abs(w); }); }};
}

Criterion l2Criterion() {
  return {"l2", "norm of a channel's weights, those that read it included", false, false,
          [](const ScoreContext& context) {
            Scores scores = score(context, [](double w) { return w * w; });
            for (auto& family : scores)
              for (double& one : family) one = std::sqrt(one);
            return scores;
          }};
}

}  // namespace compress
