// A number that stands for a sample's inputs: what tells calibration data in evaluation data, and one data set from
// another.
#pragma once
#include <cstdint>

#include "lib/eval/dataset.h"

namespace compress {

/// Of types, shapes and bytes of all inputs as the model gets them; the label does not count.
uint64_t hashOf(const Sample& sample);

}  // namespace compress
