// Where buffers with known lifetimes lie in one block of memory.
#pragma once
#include <cstdint>
#include <span>
#include <vector>

namespace compress {

/// A buffer that is in use from step `first` to step `last`, both included.
struct Lifetime {
  int64_t bytes = 0;
  int first = 0;
  int last = 0;
};

struct ArenaLayout {
  std::vector<int64_t> offsets;  ///< one per buffer, multiples of 64
  int64_t bytes = 0;
};

/// Largest first, each in the tightest gap between those that live at the same time. O(n^2).
ArenaLayout layOut(std::span<const Lifetime> buffers);
/// Every buffer has memory of its own, with `guard` bytes before and behind it.
ArenaLayout layOutApart(std::span<const Lifetime> buffers, int64_t guard);

}  // namespace compress
