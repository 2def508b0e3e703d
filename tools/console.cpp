#include "tools/console.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <nlohmann/json.hpp>

#include "lib/base/error.h"
#include "lib/base/text.h"
#include "tools/stderr_writer.h"

namespace compress {
namespace {

constexpr std::string_view kRed = "\x1b[1;31m", kYellow = "\x1b[1;33m", kPlain = "\x1b[0m", kClearLine = "\r\x1b[K";
constexpr auto kTerminalInterval = std::chrono::milliseconds(100);
constexpr auto kLogInterval = std::chrono::seconds(10);

bool isSet(const char* variable) {
  const char* value = std::getenv(variable);
  return value != nullptr && *value != 0;
}

}  // namespace

bool wantsColour(std::string_view option, bool isTerminal) {
  if (option != "auto") return option == "always";
  if (isSet("NO_COLOR")) return false;
  const char* forced = std::getenv("CLICOLOR_FORCE");
  if ((forced != nullptr && *forced != 0 && std::strcmp(forced, "0") != 0) || isSet("FORCE_COLOR")) return true;
  const char* terminal = std::getenv("TERM");
  return isTerminal && terminal != nullptr && std::strcmp(terminal, "dumb") != 0;
}

Console::Console(const CommonOptions& options, bool isNested)
    : isNested_(isNested),
      json_(options.json),
      quiet_(options.quiet),
      verbose_(options.verbose),
      showProgress_(options.progress == "auto" && !options.quiet),
      isTerminal_(isatty(STDERR_FILENO) == 1),
      hasColour_(wantsColour(options.color, isTerminal_)),
      lastProgress_(std::chrono::steady_clock::now()),
      events_(options) {}

void Console::result(std::string_view line) {
  if (isNested_) return note(line);
  if (!json_) write(text(line, '\n'));
}

void Console::write(std::string_view bytes) {
  endProgress();
  while (!bytes.empty()) {
    const ssize_t written = ::write(STDOUT_FILENO, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0 && errno == EPIPE) throw ClosedPipe{};
    if (written < 0) throw Error(ErrorKind::io, text("standard output: ", std::strerror(errno)));
    bytes.remove_prefix(static_cast<size_t>(written));
  }
}

void Console::note(std::string_view line) {
  if (!quiet_) message("note", "", "", line);
}

void Console::detail(std::string_view line) {
  if (verbose_) message("detail", "", "", line);
}

void Console::warn(std::string_view line) {
  if (!quiet_) message("warning", "warning: ", kYellow, line);
}

void Console::error(std::string_view what, std::string_view hint) {
  message("error", "compress: ", kRed, what);
  if (!hint.empty()) message("hint", "  hint: ", "", hint);
}

void Console::progress(std::string_view line) {
  report(events_.emitProgress(line));
  if (!showProgress_) return;
  const auto now = std::chrono::steady_clock::now();
  if (now - lastProgress_ < (isTerminal_ ? std::chrono::milliseconds(kTerminalInterval) : kLogInterval)) return;
  lastProgress_ = now;
  if (!isTerminal_) return writeStderr(text(displayText(line), '\n'));
  writeStderr(text(kClearLine, displayText(line)));
  progressShown_ = true;
}

void Console::endProgress() {
  if (progressShown_) writeStderr(kClearLine);
  progressShown_ = false;
}

void Console::event(std::string_view name, nlohmann::ordered_json fields) {
  if (events_.isWanted()) report(events_.emit(name, std::move(fields)));
}

void Console::report(const std::string& hookFailure) {
  if (!hookFailure.empty()) warn(hookFailure);
}

void Console::message(std::string_view level, std::string_view prefix, std::string_view colour, std::string_view line) {
  endProgress();
  event("message", {{"level", level}, {"text", line}});
  if (events_.isStream()) return;
  const bool coloured = hasColour_ && !colour.empty();
  writeStderr(text(coloured ? colour : "", prefix, coloured ? kPlain : "", displayText(line), '\n'));
}

}  // namespace compress
