#include "lib/base/text.h"

#include <fmt/format.h>
#include <fnmatch.h>

#include <algorithm>
#include <cmath>
#include <numeric>

namespace compress {
namespace {

size_t editDistance(std::string_view a, std::string_view b) {
  std::vector<size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), size_t{0});
  for (size_t i = 1; i <= a.size(); ++i) {
    size_t diagonal = row[0];
    row[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      const size_t substituted = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({row[j] + 1, row[j - 1] + 1, substituted});
    }
  }
  return row[b.size()];
}

/// Length in bytes of the UTF-8 sequence at `at` and its code point; length 0 when it is not valid.
std::pair<size_t, uint32_t> decodeUtf8(std::string_view s, size_t at) {
  const auto byte = [&](size_t i) { return static_cast<uint8_t>(s[at + i]); };
  const uint8_t first = byte(0);
  if (first < 0x80) return {1, first};
  const size_t length = first >= 0xF0 && first < 0xF5   ? 4
                        : first >= 0xE0 && first < 0xF0 ? 3
                        : first >= 0xC2 && first < 0xE0 ? 2
                                                        : 0;
  if (length == 0 || at + length > s.size()) return {0, 0};
  uint32_t point = first & (0xFFU >> (length + 1));
  for (size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xC0) != 0x80) return {0, 0};
    point = (point << 6) | (byte(i) & 0x3FU);
  }
  const bool overlong = (length == 3 && point < 0x800) || (length == 4 && point < 0x10000);
  if (overlong || (point >= 0xD800 && point < 0xE000) || point > 0x10FFFF) return {0, 0};
  return {length, point};
}

/// Controls, bidi overrides and isolates, zero-width characters: what can change how a terminal shows other text.
bool isUnsafe(uint32_t point) {
  return point < 0x20 || (point >= 0x7F && point < 0xA0) || (point >= 0x200B && point <= 0x200F) ||
         (point >= 0x2028 && point <= 0x202E) || (point >= 0x2060 && point <= 0x2069) || point == 0xFEFF ||
         point == 0x061C || (point & 0xFFFE) == 0xFFFE;
}

}  // namespace

std::string join(std::span<const std::string> items, std::string_view separator) {
  return fmt::format("{}", fmt::join(items.begin(), items.end(), separator));
}

std::string fixed(double value, int decimals) {
  if (std::isnan(value)) return "nan";
  if (std::isinf(value)) return value > 0 ? "inf" : "-inf";
  return fmt::format("{:.{}f}", value, decimals);
}

std::string humanBytes(int64_t bytes) {
  const double size = static_cast<double>(bytes);
  if (bytes < 1000) return fmt::format("{} B", bytes);
  if (bytes < 1'000'000) return fmt::format("{:.1f} kB", size / 1e3);
  if (bytes < 1'000'000'000) return fmt::format("{:.1f} MB", size / 1e6);
  return fmt::format("{:.2f} GB", size / 1e9);
}

bool globMatches(std::string_view pattern, std::string_view name) {
  return fnmatch(std::string(pattern).c_str(), std::string(name).c_str(), FNM_NOESCAPE) == 0;
}

std::vector<std::string> nearest(std::string_view wanted, std::span<const std::string> candidates, size_t limit) {
  std::vector<std::pair<size_t, std::string>> ranked;
  for (const std::string& candidate : candidates)
    if (candidate.size() <= 200) ranked.emplace_back(editDistance(wanted, candidate), candidate);
  std::ranges::sort(ranked);
  std::vector<std::string> best;
  for (const auto& [distance, candidate] : ranked)
    if (best.size() < limit) best.push_back(candidate);
  return best;
}

namespace {

std::string escaped(std::string_view raw, size_t limit) {
  std::string shown;
  for (size_t at = 0; at < raw.size() && shown.size() < limit;) {
    const auto [length, point] = decodeUtf8(raw, at);
    const size_t step = std::max<size_t>(length, 1);
    for (size_t i = 0; i < step; ++i) {
      if (length == 0 || isUnsafe(point))
        shown += fmt::format("\\x{:02X}", static_cast<uint8_t>(raw[at + i]));
      else
        shown += raw[at + i];
    }
    at += step;
    if (shown.size() >= limit && at < raw.size()) shown += "...";
  }
  return shown;
}

}  // namespace

std::string displayText(std::string_view shown) {
  return escaped(shown, std::string::npos);
}

std::string displayName(std::string_view name) {
  return escaped(name, 200);
}

bool isUtf8(std::string_view bytes) {
  for (size_t at = 0; at < bytes.size();) {
    const size_t length = decodeUtf8(bytes, at).first;
    if (length == 0) return false;
    at += length;
  }
  return true;
}

}  // namespace compress
