// How much memory this process may use.
#pragma once
#include <cstdint>

namespace compress {

/// The least of the machine's memory and the limits of the control groups that this process is in.
int64_t availableMemory();

}  // namespace compress
