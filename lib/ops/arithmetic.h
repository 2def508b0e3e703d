// Sums, differences and products in the wide types: doubles as they are, integers wrapping.
#pragma once
#include <cstdint>
#include <type_traits>

namespace compress {

struct Plus {
  template <typename Wide>
  Wide operator()(Wide a, Wide b) const {
    if constexpr (std::is_same_v<Wide, double>)
      return a + b;
    else
      return static_cast<Wide>(static_cast<uint64_t>(a) + static_cast<uint64_t>(b));
  }
};

struct Minus {
  template <typename Wide>
  Wide operator()(Wide a, Wide b) const {
    if constexpr (std::is_same_v<Wide, double>)
      return a - b;
    else
      return static_cast<Wide>(static_cast<uint64_t>(a) - static_cast<uint64_t>(b));
  }
};

struct Times {
  template <typename Wide>
  Wide operator()(Wide a, Wide b) const {
    if constexpr (std::is_same_v<Wide, double>)
      return a * b;
    else
      return static_cast<Wide>(static_cast<uint64_t>(a) * static_cast<uint64_t>(b));
  }
};

}  // namespace compress
