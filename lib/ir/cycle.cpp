#include "lib/ir/cycle.h"

#include <algorithm>
#include <iterator>
#include <limits>

namespace compress {
namespace {

constexpr size_t kNone = std::numeric_limits<size_t>::max();

/// Breadth-first walks that share their memory: `reached` holds the number of the walk that came by last.
class Walker {
 public:
  Walker(const std::vector<std::vector<size_t>>& successors, size_t budget)
      : successors_(successors),
        budget_(budget),
        reached_(successors.size(), kNone),
        from_(successors.size()),
        depth_(successors.size()) {}

  /// The shortest way from `start` back to it in less than `limit` steps; empty where there is none.
  std::vector<size_t> wayBack(size_t start, size_t limit) {
    queue_.assign(1, start);
    reached_[start] = start;
    depth_[start] = 1;
    for (size_t i = 0; i < queue_.size() && depth_[queue_[i]] < limit; ++i) {
      const size_t vertex = queue_[i];
      for (const size_t to : successors_[vertex]) {
        ++steps_;
        if (to == start) return pathTo(vertex, start);
        if (reached_[to] == start) continue;
        reached_[to] = start;
        from_[to] = vertex;
        depth_[to] = depth_[vertex] + 1;
        queue_.push_back(to);
      }
    }
    return {};
  }

  bool isExhausted() const { return steps_ > budget_; }

 private:
  std::vector<size_t> pathTo(size_t vertex, size_t start) const {
    std::vector<size_t> path{vertex};
    while (path.back() != start) path.push_back(from_[path.back()]);
    std::ranges::reverse(path);
    return path;
  }

  const std::vector<std::vector<size_t>>& successors_;
  size_t budget_;
  size_t steps_ = 0;
  std::vector<size_t> reached_;
  std::vector<size_t> from_;
  std::vector<size_t> depth_;
  std::vector<size_t> queue_;
};

/// Edges without those that lead to a dead end: every vertex that has an edge left can be followed for ever.
std::vector<std::vector<size_t>> withoutDeadEnds(const std::vector<std::vector<size_t>>& successors) {
  std::vector<std::vector<size_t>> predecessors(successors.size());
  std::vector<size_t> waysOut(successors.size());
  std::vector<size_t> dead;
  for (size_t v = 0; v < successors.size(); ++v) {
    for (const size_t to : successors[v]) predecessors[to].push_back(v);
    waysOut[v] = successors[v].size();
    if (waysOut[v] == 0) dead.push_back(v);
  }
  for (size_t i = 0; i < dead.size(); ++i)
    for (const size_t from : predecessors[dead[i]])
      if (--waysOut[from] == 0) dead.push_back(from);
  std::vector<std::vector<size_t>> kept(successors.size());
  for (size_t v = 0; v < successors.size(); ++v)
    if (waysOut[v] > 0)
      std::ranges::copy_if(successors[v], std::back_inserter(kept[v]), [&](size_t to) { return waysOut[to] > 0; });
  return kept;
}

/// Some cycle, in linear time. `endless` has no dead ends.
std::vector<size_t> anyCycle(const std::vector<std::vector<size_t>>& endless) {
  const auto first = std::ranges::find_if(endless, [](const auto& edges) { return !edges.empty(); });
  if (first == endless.end()) return {};
  std::vector<size_t> place(endless.size(), kNone);
  std::vector<size_t> path;
  auto at = static_cast<size_t>(first - endless.begin());
  for (; place[at] == kNone; at = endless[at].front()) {
    place[at] = path.size();
    path.push_back(at);
  }
  return {path.begin() + static_cast<std::ptrdiff_t>(place[at]), path.end()};
}

}  // namespace

std::vector<size_t> shortestCycle(const std::vector<std::vector<size_t>>& successors, size_t budget) {
  const auto endless = withoutDeadEnds(successors);
  std::vector<size_t> best = anyCycle(endless);
  Walker walker(endless, budget);
  for (size_t start = 0; start < endless.size() && best.size() > 1 && !walker.isExhausted(); ++start)
    if (auto way = walker.wayBack(start, best.size()); !way.empty()) best = std::move(way);
  return best;
}

}  // namespace compress
