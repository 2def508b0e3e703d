#include "tools/option_values.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <optional>
#include <utility>

#include "lib/base/error.h"
#include "lib/base/text.h"

namespace compress {
namespace {

template <typename Number>
std::optional<Number> wholeNumber(std::string_view word) {
  Number value{};
  const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), value);
  if (error != std::errc{} || end != word.data() + word.size()) return std::nullopt;
  return value;
}

[[noreturn]] void refuse(std::string_view name, std::string_view word, std::string_view expected) {
  throw Error(ErrorKind::usage, text("--", name, ": '", displayName(word), "' is not ", expected));
}

std::string rangeText(const OptionInfo& info, std::string_view kind) {
  const bool low = std::isfinite(info.min), high = std::isfinite(info.max);
  if (low && high) return text(kind, " from ", info.min, " to ", info.max);
  if (low) return text(kind, " of at least ", info.min);
  if (high) return text(kind, " of at most ", info.max);
  return std::string(kind);
}

/// "30m" as 30 times the factor of m; nothing where either is not understood.
std::optional<double> withUnit(std::string_view word,
                               std::initializer_list<std::pair<std::string_view, double>> units) {
  const size_t digits = std::min(word.find_first_not_of("0123456789."), word.size());
  const auto number = wholeNumber<double>(word.substr(0, digits));
  if (!number || !std::isfinite(*number) || *number <= 0) return std::nullopt;
  for (const auto& [unit, factor] : units)
    if (word.substr(digits) == unit) return *number * factor;
  return std::nullopt;
}

}  // namespace

int64_t parseInteger(const OptionInfo& info, std::string_view word) {
  const auto value = wholeNumber<int64_t>(word);
  if (!value || static_cast<double>(*value) < info.min || static_cast<double>(*value) > info.max)
    refuse(info.name, word, rangeText(info, "a whole number"));
  return *value;
}

double parseReal(const OptionInfo& info, std::string_view word) {
  const auto value = wholeNumber<double>(word);
  if (!value || !std::isfinite(*value) || *value < info.min || *value > info.max)
    refuse(info.name, word, rangeText(info, "a finite number"));
  return *value;
}

std::string parseChoice(const OptionInfo& info, std::string_view word) {
  if (info.choices.empty() || std::ranges::find(info.choices, word) != info.choices.end()) return std::string(word);
  const std::vector<std::string> choices(info.choices.begin(), info.choices.end());
  refuse(info.name, word, text("one of ", join(choices, ", ")));
}

std::vector<std::string> splitWords(const OptionInfo& info, std::string_view word) {
  if (!info.splitsAtCommas) return {std::string(word)};
  std::vector<std::string> words;
  for (size_t at = 0; at <= word.size();) {
    const size_t comma = std::min(word.find(',', at), word.size());
    if (comma == at) refuse(info.name, word, "a list of words with commas between them");
    words.emplace_back(word.substr(at, comma - at));
    at = comma + 1;
  }
  return words;
}

double parseSeconds(std::string_view name, std::string_view word) {
  const auto seconds = withUnit(word, {{"", 1}, {"s", 1}, {"m", 60}, {"h", 3600}});
  if (!seconds) refuse(name, word, "a time such as 90s, 30m or 2h");
  return *seconds;
}

}  // namespace compress
