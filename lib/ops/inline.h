// Local functions: a node that calls one becomes the nodes of its body.
#pragma once
#include "lib/ir/model.h"

namespace compress {

/// Replaces every call of a function of `model`, in bodies and in functions too; the functions stay listed. The graph
/// is in the newest form, and what is inlined is brought to it. Names of values stay; new ones begin with the name of
/// the call's first output. Throws Error(input) where calls grow into more than a million nodes.
void inlineFunctions(Model& model);

}  // namespace compress
