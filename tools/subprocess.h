// Programs of the user's: started without a shell, fed, and read to their end.
#pragma once
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace compress {

/// The words of a command, split at blanks; '...' and "..." and \ keep blanks, as in a shell. Nothing else of a shell
/// is there: no variables, patterns, pipes or redirections. Throws Error(usage) naming `option` for an open quote and
/// for no word at all.
std::vector<std::string> splitCommand(std::string_view command, std::string_view option);

struct SubprocessResult {
  int exitCode = 0;  ///< 128 + n when signal n ended it
  std::string out;   ///< at most 1 MiB, the rest is dropped
  std::string err;   ///< the last 4 KiB
};

/// Runs words[0] (found by PATH) on `input`, until it ends and has closed its output. `poll` is called every 100 ms;
/// when it throws, the program is killed first. The caller ignores SIGPIPE: not all of `input` need be read. Throws
/// Error(io) when it cannot be started.
SubprocessResult runSubprocess(const std::vector<std::string>& words, std::string_view input,
                               const std::function<void()>& poll);

}  // namespace compress
