// Every small damage to a file: what a reader must survive.
#pragma once
#include <functional>
#include <string>

namespace compress::test {

/// Calls `visit` with each prefix of `seed`, then with each single bit flipped, then with each byte set to 00, 7F, 80
/// and FF. `step` takes only each step-th of them. The number of calls.
int64_t forEachMutation(const std::string& seed, int64_t step, const std::function<void(const std::string&)>& visit);

}  // namespace compress::test
