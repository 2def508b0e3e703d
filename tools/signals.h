// SIGINT and SIGTERM: the first asks the work to stop at its next check, so that temporary files go; the second kills.
#pragma once
#include <string_view>

namespace compress {

/// From here on the first SIGINT or SIGTERM is only noted; the next one of either does what it does by default. SIGPIPE
/// and SIGXFSZ become errors of the write.
void watchSignals();
/// The signal that was noted; 0 where there was none.
int notedSignal();
/// Throws Error(interrupted) once a signal was noted.
void checkSignals();
/// "SIGTERM".
std::string_view signalName(int signal);
/// Ends the process by the noted signal, so that who waits sees it; where that does nothing (process 1 of a container),
/// returns the code of a shell, 128 + signal.
int endBySignal();

}  // namespace compress
