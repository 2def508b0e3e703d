// What an expression throws, for tests that state the kind and parts of the message.
#pragma once
#include <optional>
#include <string>
#include <string_view>

#include "lib/base/error.h"

namespace compress::test {

/// The Error that `body` throws; nothing when it returns.
template <typename Body>
std::optional<Error> errorOf(const Body& body) {
  try {
    body();
  } catch (const Error& error) {
    return error;
  }
  return std::nullopt;
}

/// Does `body` throw an Error of `kind` whose message holds `part`?
template <typename Body>
bool throwsError(ErrorKind kind, std::string_view part, const Body& body) {
  const auto error = errorOf(body);
  return error && error->kind() == kind && error->message().find(part) != std::string::npos;
}

/// "3: MESSAGE", the exit code and message of the Error that `body` throws; "nothing" when it returns.
template <typename Body>
std::string outcomeOf(const Body& body) {
  const auto error = errorOf([&] { static_cast<void>(body()); });
  return error ? std::to_string(static_cast<int>(error->kind())) + ": " + error->message() : "nothing";
}

}  // namespace compress::test
