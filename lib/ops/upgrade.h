// The opset converter: older forms of operators become newer ones by the `upgrade` steps beside each op.
#pragma once
#include "lib/ops/op.h"

namespace compress {

/// Raises the default domain's opset to `opset` (no change when it is there already or above), bodies too; irVersion
/// follows (docs/quantization.md Q8). Names of values stay. Throws Error(unsupported) naming node and op where a step
/// cannot express the older form or an op is not known, and Error(usage) when `opset` is above kNewestOpset.
void upgrade(Model& model, int64_t opset);

/// A copy in the newest form, calls of local functions inlined: what plans, shape inference and the reference work on.
/// Ops that are not known stay as they are.
Model upgraded(const Model& model);

}  // namespace compress
