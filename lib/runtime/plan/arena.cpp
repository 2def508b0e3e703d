// Placement of buffers by size: the largest first, each in the tightest gap that its lifetime leaves.
#include "lib/runtime/plan/arena.h"

#include <algorithm>
#include <limits>
#include <numeric>

namespace compress {
namespace {

constexpr int64_t kAlignment = 64;
int64_t aligned(int64_t bytes) {
  return (std::max<int64_t>(bytes, 1) + kAlignment - 1) / kAlignment * kAlignment;
}

struct Range {
  int64_t begin;
  int64_t end;
};

/// Start of the smallest gap of at least `bytes` between the `taken` ranges, or the end of them all.
int64_t tightestGap(std::vector<Range>& taken, int64_t bytes) {
  std::ranges::sort(taken, {}, &Range::begin);
  int64_t best = -1;
  int64_t bestSize = std::numeric_limits<int64_t>::max();
  int64_t end = 0;
  for (const Range& range : taken) {
    const int64_t gap = range.begin - end;
    if (gap >= bytes && gap < bestSize) {
      best = end;
      bestSize = gap;
    }
    end = std::max(end, range.end);
  }
  return best >= 0 ? best : end;
}

}  // namespace

ArenaLayout layOut(std::span<const Lifetime> buffers) {
  ArenaLayout layout{std::vector<int64_t>(buffers.size(), 0), 0};
  std::vector<size_t> order(buffers.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::ranges::stable_sort(order, [&](size_t a, size_t b) { return buffers[a].bytes > buffers[b].bytes; });
  std::vector<size_t> placed;
  for (const size_t index : order) {
    const Lifetime& buffer = buffers[index];
    std::vector<Range> taken;
    for (const size_t other : placed)
      if (buffers[other].first <= buffer.last && buffer.first <= buffers[other].last)
        taken.push_back({layout.offsets[other], layout.offsets[other] + aligned(buffers[other].bytes)});
    layout.offsets[index] = tightestGap(taken, aligned(buffer.bytes));
    layout.bytes = std::max(layout.bytes, layout.offsets[index] + aligned(buffer.bytes));
    placed.push_back(index);
  }
  return layout;
}

ArenaLayout layOutApart(std::span<const Lifetime> buffers, int64_t guard) {
  ArenaLayout layout;
  const int64_t gap = aligned(guard);
  layout.bytes = gap;
  for (const Lifetime& buffer : buffers) {
    layout.offsets.push_back(layout.bytes);
    layout.bytes += aligned(buffer.bytes + guard);
  }
  return layout;
}

}  // namespace compress
