// Structure that every graph must have; what the values mean is checked by shape inference (lib/ops).
#pragma once
#include "lib/ir/model.h"

namespace compress {

/// Throws Error(input) naming the node or value: an input that nothing produces, a value produced twice, a graph output
/// that nothing produces, a cycle, a name used twice, a body whose captures do not match its node.
void verify(const Model& model);

}  // namespace compress
