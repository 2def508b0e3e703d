#include "tests/support/mutation.h"

#include <cstdint>

namespace compress::test {

int64_t forEachMutation(const std::string& seed, int64_t step, const std::function<void(const std::string&)>& visit) {
  int64_t made = 0;
  int64_t visited = 0;
  const auto offer = [&](const std::string& mutant) {
    if (made++ % step != 0) return;
    ++visited;
    visit(mutant);
  };
  for (size_t length = 0; length < seed.size(); ++length) offer(seed.substr(0, length));
  std::string mutant = seed;
  for (size_t i = 0; i < seed.size(); ++i) {
    for (int bit = 0; bit < 8; ++bit) {
      mutant[i] = static_cast<char>(static_cast<unsigned>(seed[i]) ^ (1U << bit));
      offer(mutant);
    }
    for (const int value : {0x00, 0x7F, 0x80, 0xFF}) {
      mutant[i] = static_cast<char>(value);
      offer(mutant);
    }
    mutant[i] = seed[i];
  }
  return visited;
}

}  // namespace compress::test
