#include "passes/sparsify/granularity.h"

#include <algorithm>
#include <charconv>
#include <tuple>

#include "lib/base/error.h"
#include "lib/base/text.h"

namespace compress {
namespace {

constexpr int64_t kMostOfPattern = 32;

/// A whole number and nothing else.
bool readCount(std::string_view text, int64_t& value) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size();
}

bool isLess(const ZeroUnit& a, const ZeroUnit& b) {
  return std::tie(a.score, a.output, a.input) < std::tie(b.score, b.output, b.input);
}

}  // namespace

Granularity Granularity::parse(std::string_view text) {
  if (text == "element") return {.kind = Kind::element};
  if (text == "block4") return {.kind = Kind::block4};
  const size_t colon = text.find(':');
  Granularity pattern{.kind = Kind::pattern};
  const bool isPattern = colon != std::string_view::npos && readCount(text.substr(0, colon), pattern.left) &&
                         readCount(text.substr(colon + 1), pattern.of);
  if (!isPattern || pattern.left < 1 || pattern.left >= pattern.of || pattern.of > kMostOfPattern)
    throw Error(ErrorKind::usage,
                compress::text("--granularity '", text, "' is none of channel, element, block4 and N:M with N < M <= ",
                               kMostOfPattern),
                "2:4 leaves two of every four weights");
  return pattern;
}

std::vector<ZeroUnit> ZeroChooser::units(const std::vector<double>& scores, const std::vector<int64_t>& inputs) const {
  std::vector<ZeroUnit> found;
  const int64_t height = granularity_.height();
  for (int64_t output = 0; output < grid_.outputs; output += height)
    for (const int64_t input : inputs) {
      ZeroUnit unit{0, output, input};
      for (int64_t o = output; o < std::min(output + height, grid_.outputs); ++o)
        unit.score += scores[static_cast<size_t>(o * grid_.inputs() + input)];
      found.push_back(unit);
    }
  return found;
}

void ZeroChooser::mark(const ZeroUnit& unit, ZeroMask& mask) const {
  for (int64_t o = unit.output; o < std::min(unit.output + granularity_.height(), grid_.outputs); ++o)
    mask[static_cast<size_t>(o * grid_.inputs() + unit.input)] = 1;
}

void ZeroChooser::markLeast(std::vector<ZeroUnit> units, int64_t count, ZeroMask& mask) const {
  count = std::min(count, static_cast<int64_t>(units.size()));
  if (count <= 0) return;
  std::ranges::nth_element(units, units.begin() + (count - 1), isLess);
  for (int64_t i = 0; i < count; ++i) mark(units[static_cast<size_t>(i)], mask);
}

std::vector<std::vector<int64_t>> ZeroChooser::inputGroups() const {
  const bool isPattern = granularity_.kind == Granularity::Kind::pattern;
  std::vector<std::vector<int64_t>> groups;
  for (int64_t place = 0; place < grid_.window; ++place)
    for (int64_t channel = 0; channel < grid_.channels; ++channel) {
      if (groups.empty() || (isPattern && channel % granularity_.of == 0)) groups.emplace_back();
      groups.back().push_back(channel * grid_.window + place);
    }
  return groups;
}

void ZeroChooser::markPattern(const std::vector<double>& scores, int64_t output, const std::vector<int64_t>& inputs,
                              ZeroMask& mask) const {
  std::vector<ZeroUnit> found;
  for (const int64_t input : inputs)
    found.push_back({scores[static_cast<size_t>(output * grid_.inputs() + input)], output, input});
  markLeast(std::move(found), static_cast<int64_t>(inputs.size()) - granularity_.left, mask);
}

}  // namespace compress
