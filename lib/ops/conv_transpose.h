// The window of ConvTranspose, for its reference and its gradient.
#pragma once
#include <vector>

#include "lib/ops/window.h"

namespace compress {

/// Its pads are resolved from pads, auto_pad or output_shape. `kernel` and `input`: spatial extents.
Window transposedWindow(const Node& node, const std::vector<int64_t>& kernel, const std::vector<int64_t>& input);

}  // namespace compress
