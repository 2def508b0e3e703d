// Everything that the program prints: results on stdout; messages, warnings and progress on stderr.
#pragma once
#include <chrono>
#include <string>
#include <string_view>

#include "tools/common_options.h"
#include "tools/events.h"

namespace compress {

/// Thrown when the reader of stdout has gone: the program ends without a word.
struct ClosedPipe {};

class Console {
 public:
  /// `isNested`: for a verb that works for another one; its results are messages.
  explicit Console(const CommonOptions& options, bool isNested = false);

  /// A line of the result, on stdout; nothing with --json. Names of a model pass through displayName() first.
  void result(std::string_view line);
  /// Bytes on stdout as they are: a JSON document, a model. Throws Error(io), or ClosedPipe.
  void write(std::string_view bytes);
  /// A message on stderr, unless --quiet.
  void note(std::string_view line);
  /// A message on stderr, with --verbose only.
  void detail(std::string_view line);
  void warn(std::string_view line);
  /// Always shown, with the next step below it where there is one.
  void error(std::string_view message, std::string_view hint);
  /// How far the work is: on a terminal one line, replaced by the next; elsewhere a line every 10 s at most.
  void progress(std::string_view line);
  /// Takes the progress line away.
  void endProgress();
  /// Something that happened, for --progress jsonl and --hook; messages and progress are events of their own.
  void event(std::string_view name, nlohmann::ordered_json fields);

 private:
  void message(std::string_view level, std::string_view prefix, std::string_view colour, std::string_view line);
  void report(const std::string& hookFailure);

  bool isNested_, json_, quiet_, verbose_, showProgress_, isTerminal_, hasColour_;
  bool progressShown_ = false;
  std::chrono::steady_clock::time_point lastProgress_;
  Events events_;
};

/// --color, then NO_COLOR, then CLICOLOR_FORCE and FORCE_COLOR, then whether stderr is a terminal that can.
bool wantsColour(std::string_view option, bool isTerminal);

}  // namespace compress
