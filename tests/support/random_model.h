// Random models for property tests: small float graphs in a random opset that hold what passes look for - Conv and its
// neighbours, no-ops, movement, padding, constants to fold, shape arithmetic, duplicates, dead ends, nameless nodes,
// bodies.
#pragma once
#include <cstdint>

#include "lib/ir/model.h"

namespace compress::test {

/// The same model for the same seed; verified, runnable by the references, with numbers of moderate size.
Model randomModel(uint64_t seed);

}  // namespace compress::test
