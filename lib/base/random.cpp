#include "lib/base/random.h"

#include <Random123/philox.h>

#include <algorithm>
#include <cmath>
#include <numbers>

namespace compress {
namespace {

uint64_t fnv1a(std::string_view s) {
  uint64_t hash = 0xCBF29CE484222325ULL;
  for (const char c : s) hash = (hash ^ static_cast<uint8_t>(c)) * 0x100000001B3ULL;
  return hash;
}

}  // namespace

Random::Random(uint64_t seed, std::string_view purpose, uint64_t index)
    : key_{static_cast<uint32_t>(seed), static_cast<uint32_t>(seed >> 32)}, counter_{}, block_{} {
  const uint64_t stream = fnv1a(purpose) ^ (index * 0x9E3779B97F4A7C15ULL);
  counter_[2] = static_cast<uint32_t>(stream);
  counter_[3] = static_cast<uint32_t>(stream >> 32);
}

uint32_t Random::bits() {
  if (used_ == 4) {
    const r123::Philox4x32::ctr_type counter = {{counter_[0], counter_[1], counter_[2], counter_[3]}};
    const auto out = r123::Philox4x32()(counter, {{key_[0], key_[1]}});
    std::copy_n(out.begin(), 4, block_);
    if (++counter_[0] == 0) ++counter_[1];
    used_ = 0;
  }
  return block_[used_++];
}

double Random::uniform() {
  const uint64_t high = bits();
  return static_cast<double>((high << 21) ^ (bits() >> 11)) * 0x1p-53;
}

int64_t Random::below(int64_t bound) {
  return std::min(bound - 1, static_cast<int64_t>(uniform() * static_cast<double>(bound)));
}

double Random::normal() {
  const double radius = std::sqrt(-2.0 * std::log(1.0 - uniform()));
  return radius * std::cos(2.0 * std::numbers::pi * uniform());
}

}  // namespace compress
