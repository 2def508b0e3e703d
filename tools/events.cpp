#include "tools/events.h"

#include <nlohmann/json.hpp>

#include "lib/base/error.h"
#include "lib/base/text.h"
#include "tools/document.h"
#include "tools/stderr_writer.h"
#include "tools/subprocess.h"

namespace compress {
namespace {

using Json = nlohmann::ordered_json;
using Clock = std::chrono::steady_clock;

constexpr auto kLineInterval = std::chrono::milliseconds(100);
constexpr auto kCallInterval = std::chrono::seconds(10);

std::string lineOf(std::string_view name, const Json& fields) {
  Json event = {{"event", name}, {"seconds", secondsSinceStart()}};
  event.update(fields);
  return event.dump(-1, ' ', false, Json::error_handler_t::replace) + '\n';
}

/// Whether `interval` has passed since `last`, which then is now.
template <typename Interval>
bool isDue(Clock::time_point& last, Interval interval) {
  const auto now = Clock::now();
  if (now - last < interval) return false;
  last = now;
  return true;
}

}  // namespace

Events::Events(const CommonOptions& options)
    : isStream_(options.progress == "jsonl"), hook_(options.hook.value_or("")) {}

std::string Events::emit(std::string_view name, Json fields) {
  if (!isWanted()) return {};
  const std::string line = lineOf(name, fields);
  if (isStream_) writeStderr(line);
  return hook_.empty() ? std::string() : callHook(line);
}

std::string Events::emitProgress(std::string_view text) {
  if (!isWanted()) return {};
  const std::string line = lineOf("progress", {{"text", text}});
  if (isStream_ && isDue(lastLine_, kLineInterval)) writeStderr(line);
  return !hook_.empty() && isDue(lastCall_, kCallInterval) ? callHook(line) : std::string();
}

std::string Events::callHook(const std::string& line) {
  std::string failure;
  try {
    const SubprocessResult result = runSubprocess(splitCommand(hook_, "hook"), line, [] {});
    if (result.exitCode != 0) failure = text("exit code ", result.exitCode, ": ", result.err);
  } catch (const Error& error) {
    failure = error.message();
  }
  if (failure.empty() || hasHookFailed_) return {};
  hasHookFailed_ = true;
  return text("W-HOOK: --hook '", hook_, "': ", failure);
}

}  // namespace compress
