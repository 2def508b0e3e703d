// What happens, as JSON objects: one line each on stderr with --progress jsonl, one run of the command each with
// --hook.
#pragma once
#include <chrono>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>

#include "tools/common_options.h"

namespace compress {

class Events {
 public:
  explicit Events(const CommonOptions& options);

  /// Whether messages are events too: --progress jsonl.
  bool isStream() const { return isStream_; }
  bool isWanted() const { return isStream_ || !hook_.empty(); }
  /// Adds "event": `name` and "seconds" since the program started. Why the hook failed, the first time that it does;
  /// else nothing.
  std::string emit(std::string_view name, nlohmann::ordered_json fields);
  /// The same for progress: at most ten a second on stderr, one in 10 s for the hook.
  std::string emitProgress(std::string_view line);

 private:
  using Time = std::chrono::steady_clock::time_point;
  std::string callHook(const std::string& line);

  bool isStream_;
  std::string hook_;
  bool hasHookFailed_ = false;
  Time lastLine_{}, lastCall_{};
};

}  // namespace compress
