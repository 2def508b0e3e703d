// Cycles in directed graphs, for messages that show the way round.
#pragma once
#include <cstddef>
#include <vector>

namespace compress {

/// The vertices of a shortest cycle, in order, each once; empty where there is none. `successors[v]` lists where v
/// leads. Beyond `budget` steps the shortest found so far. Ties go to the lowest vertex.
std::vector<size_t> shortestCycle(const std::vector<std::vector<size_t>>& successors, size_t budget = 20'000'000);

}  // namespace compress
