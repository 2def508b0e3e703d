// The system call filter of --untrusted (docs/reliability.md R7): what a run of this program never needs is forbidden,
// so that a hostile file which took the process over could not leave it.
#pragma once

namespace compress {

/// From here on, for all threads: reading and writing files, memory and threads only. Network, programs, processes,
/// tracing, mounts and kernel keys end the process (SIGSYS); other calls fail with EPERM. Cannot be undone. False where
/// the kernel has no such filters.
bool enterSandbox();

}  // namespace compress
