// What each layer of a report costs: bytes of its constants, multiply-accumulates, time before and after.
#pragma once
#include "lib/eval/dataset.h"
#include "lib/runtime/backend.h"
#include "tools/verb.h"

namespace compress {

/// Adds "bytes", "macs", "ms_before" and "ms_after" to the entries of the document's "layers", which name nodes of
/// `after`. Both models run a few times on the first of `samples`. What a fused step takes stands with the first of its
/// layers.
void addLayerCosts(VerbContext& context, const Model& before, const Model& after, Backend& backend,
                   const Dataset& samples);

}  // namespace compress
