#include "passes/prune/masked_check.h"

#include <algorithm>

#include "lib/eval/drift.h"
#include "lib/eval/head_of.h"
#include "lib/eval/run_over.h"
#include "passes/prune/remove.h"

namespace compress {
namespace {

constexpr int64_t kSamples = 2;  ///< of each kind

double largestDifference(const Model& masked, const Model& cut, const Dataset& samples, const PassContext& context) {
  double worst = 0;
  const std::array<const Model*, 2> models = {&masked, &cut};
  runOver(models, context.backend, samples, context.threads,
          [&](int64_t, const Sample&, std::span<const std::vector<Tensor>> outputs) {
            for (size_t i = 0; i < outputs[0].size(); ++i) {
              Drift drift;
              drift.add(outputs[0][i], outputs[1][i]);
              worst = std::max(
                  worst, drift.nonFinite() > 0 ? HUGE_VAL : drift.maxAbs() / std::max(drift.largestExpected(), 1e-30));
            }
          });
  return worst;
}

}  // namespace

double maskedDifference(const Model& whole, const Model& cut, const Slices& removed, const PassContext& context) {
  Model masked = whole;
  maskSlices(masked, removed);
  const auto random = randomDataset(inputSpecs(whole), kSamples, context.seed);
  double worst = largestDifference(masked, cut, *random, context);
  if (context.calibration != nullptr)
    worst = std::max(worst, largestDifference(masked, cut, HeadOf(*context.calibration, kSamples), context));
  return worst;
}

}  // namespace compress
