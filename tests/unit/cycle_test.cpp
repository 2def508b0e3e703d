// The shortest cycle, found in bounded time.
#include "lib/ir/cycle.h"

#include <catch2/catch.hpp>

using namespace compress;
using Edges = std::vector<std::vector<size_t>>;

TEST_CASE("a graph without cycles has none", "[ir]") {
  CHECK(shortestCycle({}).empty());
  CHECK(shortestCycle({{1, 2}, {2}, {}}).empty());
}

TEST_CASE("the shortest of several cycles is found", "[ir]") {
  CHECK(shortestCycle({{1}, {2}, {0, 3}, {4}, {3}}) == std::vector<size_t>{3, 4});
  CHECK(shortestCycle({{1}, {2}, {0, 2}}) == std::vector<size_t>{2});
  CHECK(shortestCycle({{1}, {2}, {3}, {1}}) == std::vector<size_t>{1, 2, 3});
}

TEST_CASE("a spent budget still gives a cycle", "[ir]") {
  constexpr size_t kCount = 200'000;
  Edges edges(kCount);  // a long way into a ring of three
  for (size_t i = 0; i + 1 < kCount; ++i) edges[i] = {i + 1};
  edges[kCount - 1] = {kCount - 3};
  CHECK(shortestCycle(edges, 1'000'000).size() == 3);
}
