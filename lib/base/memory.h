// How much memory this process may use, and giving it back.
#pragma once
#include <cstdint>

namespace compress {

/// The least of the machine's memory and the limits of the control groups that this process is in.
int64_t availableMemory();
/// Gives pages that hold nothing any more back to the system: for the time between two phases of other sizes.
void releaseFreedMemory();

}  // namespace compress
