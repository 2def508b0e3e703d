// The functions behind the names of fusions.cpp; each returns the count of its changes.
#pragma once
#include "lib/runtime/plan/fused_graph.h"

namespace compress {

int64_t fuseSilu(FusedGraph& graph);
int64_t fuseTransposePair(FusedGraph& graph);
int64_t fusePad(FusedGraph& graph);
int64_t fuseStridedSlices(FusedGraph& graph);
int64_t fuseAffine(FusedGraph& graph);
int64_t fuseGemm(FusedGraph& graph);
int64_t fuseElementwiseChains(FusedGraph& graph);
int64_t fusePostActivation(FusedGraph& graph);
int64_t fusePostResidual(FusedGraph& graph);

}  // namespace compress
