// Vector loops of copies.
#pragma once
#include <cstdint>

namespace compress {

/// to[3 i + k] = k-th source [i], for i in [0, count): an image's planes into pixels.
void interleaveThree(const uint32_t* first, const uint32_t* second, const uint32_t* third, uint32_t* to, int64_t count);

}  // namespace compress
