#include "lib/eval/selection.h"

#include <algorithm>
#include <charconv>
#include <numeric>

#include "lib/base/error.h"
#include "lib/base/random.h"
#include "lib/base/text.h"

namespace compress {
namespace {

std::optional<int64_t> parseBound(std::string_view part, std::string_view whole) {
  if (part.empty()) return std::nullopt;
  int64_t value = 0;
  const auto [end, failed] = std::from_chars(part.data(), part.data() + part.size(), value);
  if (failed != std::errc() || end != part.data() + part.size() || value < 0)
    throw Error(ErrorKind::usage, text("'", displayName(whole), "': '", displayName(part), "' is no sample index"),
                "write PATH[100:400], [:100] or [100:]");
  return value;
}

}  // namespace

SlicedPath parseSlice(const std::filesystem::path& path) {
  const std::string name = path.string();
  const size_t open = name.rfind('[');
  std::error_code ignored;
  if (!name.ends_with(']') || open == std::string::npos || std::filesystem::exists(path, ignored))
    return {path, 0, std::nullopt};
  const std::string_view range = std::string_view(name).substr(open + 1, name.size() - open - 2);
  const size_t colon = range.find(':');
  if (colon == std::string_view::npos)
    throw Error(ErrorKind::usage, text("'", displayName(name), "': expected a range of samples in the brackets"),
                "write PATH[100:400], [:100] or [100:]");
  return {name.substr(0, open), parseBound(range.substr(0, colon), name).value_or(0),
          parseBound(range.substr(colon + 1), name)};
}

std::vector<int64_t> selectSamples(int64_t count, const SlicedPath& slice, const DataSource& source) {
  const int64_t begin = slice.begin + std::max<int64_t>(source.skip, 0),
                end = std::min(slice.end.value_or(count), count);
  if (begin >= end)
    throw Error(ErrorKind::input,
                text(displayName(slice.path.string()), ": no samples: it has ", count, ", of which those from ", begin,
                     " to ", slice.end ? text(*slice.end) : "the end", " are wanted"));
  std::vector<int64_t> indices(static_cast<size_t>(end - begin));
  std::iota(indices.begin(), indices.end(), begin);
  const int64_t available = end - begin;
  if (source.limit <= 0 || source.limit >= available) return indices;
  Random random(source.seed, "samples");
  for (int64_t i = 0; i < source.limit; ++i)
    std::swap(indices[static_cast<size_t>(i)], indices[static_cast<size_t>(i + random.below(available - i))]);
  indices.resize(static_cast<size_t>(source.limit));
  std::ranges::sort(indices);
  return indices;
}

}  // namespace compress
