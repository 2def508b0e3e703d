// Putting text together: text("weight '", name, "' has rank ", rank), the same bytes in every locale.
#pragma once
#include <charconv>
#include <concepts>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace compress {

inline void appendText(std::string& out, std::string_view part) {
  out += part;
}
inline void appendText(std::string& out, const char* part) {
  out += part;
}
inline void appendText(std::string& out, char part) {
  out += part;
}
inline void appendText(std::string& out, bool part) {
  out += part ? "true" : "false";
}

/// Numbers: shortest form that reads back as the same value.
template <typename Number>
requires(std::integral<Number> || std::floating_point<Number>) &&
    (!std::same_as<Number, char>)&&(!std::same_as<Number, bool>)void appendText(std::string& out, Number part) {
  char digits[40];
  const auto end = std::to_chars(digits, digits + sizeof digits, part).ptr;
  out.append(digits, static_cast<size_t>(end - digits));
}

template <typename... Parts>
std::string text(const Parts&... parts) {
  std::string out;
  (appendText(out, parts), ...);
  return out;
}

/// `items` with `separator` between them.
std::string join(std::span<const std::string> items, std::string_view separator);

/// Fixed number of decimals, as in "12.3"; "nan" and "inf" by name.
std::string fixed(double value, int decimals);

/// 1000-based size for people: "310.2 kB". Exact bytes below 1 kB.
std::string humanBytes(int64_t bytes);

/// Does shell-style `pattern` (`*`, `?`, `[a-z]`) match the whole of `name`? `*` crosses slashes.
bool globMatches(std::string_view pattern, std::string_view name);

/// Of `candidates`, those closest to `wanted` by edit distance, best first, at most `limit`.
std::vector<std::string> nearest(std::string_view wanted, std::span<const std::string> candidates, size_t limit = 3);

/// Whether all of `bytes` is UTF-8 as the standard has it: no overlong forms, no surrogates.
bool isUtf8(std::string_view bytes);

/// For terminals: control characters (line ends too), bidi and zero-width marks and what is not UTF-8 as \xNN.
std::string displayText(std::string_view shown);

/// displayText, cut to 200 characters.
std::string displayName(std::string_view name);

}  // namespace compress
