// Random networks for property tests of pruning: convolutions of all groupings, channel splits, joins, shuffles and
// selections, squeeze-and-excitation, attention, recurrent layers; every branch ends in a head, so that little is tied
// to the graph's outputs.
#pragma once
#include <cstdint>

#include "lib/ir/model.h"

namespace compress::test {

/// The same model for the same seed; fixed shapes, runnable by the references.
Model randomNet(uint64_t seed);

}  // namespace compress::test
