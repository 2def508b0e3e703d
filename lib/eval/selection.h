// Which samples of a source are used: slices, a head left out, and a draw by seed.
#pragma once
#include <filesystem>
#include <optional>
#include <string_view>
#include <vector>

#include "lib/eval/dataset.h"

namespace compress {

/// "x.npy[100:400]" in its parts; a path without a slice takes all.
struct SlicedPath {
  std::filesystem::path path;
  int64_t begin = 0;
  std::optional<int64_t> end;
};
/// A file whose name really ends that way is that file. Throws Error(usage) for a slice that is no range.
SlicedPath parseSlice(const std::filesystem::path& path);

/// Indices into a source of `count` samples, ascending. Throws Error(input) when none is left.
std::vector<int64_t> selectSamples(int64_t count, const SlicedPath& slice, const DataSource& source);

}  // namespace compress
