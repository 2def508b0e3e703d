// What quantize did, node by node: as text and in the document's "layers".
#pragma once
#include <string>
#include <vector>

#include "passes/quantize/quantize.h"
#include "tools/verb.h"

namespace compress {

/// Counts and, grouped by reason, the nodes that stay float; every node with --verbose.
void reportLayers(VerbContext& context, const QuantizeReport& report, const std::vector<Skipped>& skipped);

/// --explain: encodings around `node` of `input`, or the reason why it stays float.
void explainNode(VerbContext& context, const QuantizeReport& report, const std::vector<Skipped>& skipped,
                 const Model& input, const std::string& node);

}  // namespace compress
