// The list of fusions, in the order in which they run.
#include <algorithm>

#include "lib/base/error.h"
#include "lib/base/text.h"
#include "lib/runtime/plan/fused_graph.h"

namespace compress {

std::span<const Fusion> allFusions() { return {}; }

void fuse(FusedGraph& graph, const std::set<std::string>& disabled) {
  std::vector<std::string> names;
  for (const Fusion& fusion : allFusions()) names.emplace_back(fusion.name);
  for (const std::string& name : disabled)
    if (std::ranges::find(names, name) == names.end())
      throw Error(ErrorKind::usage, text("unknown fusion '", name, "'"), text("close to it: ", join(nearest(name, names), ", ")));
  for (const Fusion& fusion : allFusions())
    if (!disabled.contains(std::string(fusion.name))) fusion.apply(graph);
  graph.foldConstants(false);
  graph.graph.eraseDead();
}

}  // namespace compress
