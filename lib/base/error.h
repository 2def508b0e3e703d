// The one exception of the library: what went wrong, of which kind, and what to do about it.
#pragma once
#include <exception>
#include <string>
#include <string_view>
#include <utility>

namespace compress {

/// Each kind is the process's exit code (docs/cli.md, exit codes).
enum class ErrorKind : int {
  negative = 1,      ///< a gate failed, outputs differ
  usage = 2,         ///< bad flag, unknown key, pattern that matches nothing
  input = 3,         ///< malformed, unsafe or truncated file
  unsupported = 4,   ///< op, opset, type or layout that we do not handle
  io = 5,            ///< missing, exists, permission, disk full
  resource = 6,      ///< memory limit, timeout, no GPU
  numeric = 7,       ///< NaN or Inf where numbers are needed, empty calibration
  bug = 70,          ///< our own mistake
  interrupted = 75,  ///< stopped, and resumable
};

/// `message` says what was found, what was expected and the name of the thing; `hint` the next step, or is empty.
class Error : public std::exception {
 public:
  Error(ErrorKind kind, std::string message, std::string hint = {})
      : kind_(kind), message_(std::move(message)), hint_(std::move(hint)) {}

  ErrorKind kind() const { return kind_; }
  const std::string& message() const { return message_; }
  const std::string& hint() const { return hint_; }
  const char* what() const noexcept override { return message_.c_str(); }

  /// The same error with `where: ` put before its message.
  Error at(std::string_view where) const { return {kind_, std::string(where) + ": " + message_, hint_}; }

 private:
  ErrorKind kind_;
  std::string message_;
  std::string hint_;
};

/// Runs `body`; an Error on its way up gets the place `where()` put before its message. `where` is called only then.
template <typename Where, typename Body>
decltype(auto) within(const Where& where, Body&& body) {
  try {
    return std::forward<Body>(body)();
  } catch (const Error& error) {
    throw error.at(where());
  }
}

}  // namespace compress
