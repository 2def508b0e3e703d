// All passes, in the order in which `optimize` runs the lossless ones: names first, so that they refer to the model as
// it came; then what makes others see more. Lossy ones follow; a verb of the same name runs each.
#include "passes/catalog.h"

#include <array>

namespace compress {

std::span<const PassSpec> allPasses() {
  static const std::array kPasses = {
      nameNodesSpec(),     foldConstantsSpec(), removeNoOpsSpec(),    mergeMovementSpec(),   fusePadSpec(),
      foldBatchNormSpec(), foldAffineSpec(),    poolReduceMeanSpec(), mergeDuplicatesSpec(), removeDeadSpec(),
      quantizeSpec(),      pruneSpec(),         sparsifySpec(),
  };
  return kPasses;
}

}  // namespace compress
