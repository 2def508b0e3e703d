// The entry of each pass in the catalog: one line here, one line in catalog.cpp.
#pragma once
#include "lib/pass/pass.h"

namespace compress {

PassSpec nameNodesSpec();
PassSpec foldConstantsSpec();
PassSpec removeNoOpsSpec();
PassSpec mergeMovementSpec();
PassSpec foldBatchNormSpec();
PassSpec foldAffineSpec();
PassSpec fusePadSpec();
PassSpec poolReduceMeanSpec();
PassSpec mergeDuplicatesSpec();
PassSpec removeDeadSpec();
PassSpec quantizeSpec();
PassSpec pruneSpec();
PassSpec sparsifySpec();

}  // namespace compress
