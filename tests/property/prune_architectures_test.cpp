// Pruning over many architectures: masked = pruned, nothing missed that could go, and what stays whole, with the
// reason, beside each other in tests/golden/prune_architectures.txt.
#include <catch2/catch.hpp>

#include <set>

#include "lib/base/text.h"
#include "passes/select.h"
#include "tests/support/architectures.h"
#include "tests/support/golden.h"
#include "tests/support/pruning.h"

using namespace compress;

namespace {

/// A mean over channels is scaled to the count it was taken over, and rounded anew.
constexpr double kTolerance = 1e-5;

void checkDraws(const test::PruneCase& pruning) {
  for (uint64_t seed = 0; seed < 3; ++seed) {
    Random random(seed, "pruned classes");
    const Slices removed = pruning.draw(random, 0.2 + 0.2 * static_cast<double>(seed));
    CAPTURE(seed);
    if (!removed.empty()) CHECK(pruning.maskedDifference(removed, seed) <= kTolerance);
  }
}

/// One class of each family by itself.
void checkFamilies(const test::PruneCase& pruning) {
  for (const Family& family : pruning.prunable().families) {
    CAPTURE(family.name);
    if (!family.inexact) CHECK(pruning.maskedDifference(family.classes.back().slices, 7) <= kTolerance);
  }
}

/// "resnet: 12 families, 81 classes" and a line for each layer that keeps channels.
std::string describe(const std::string& name, const test::PruneCase& pruning) {
  size_t classes = 0;
  std::set<std::string> kept;
  const Graph& graph = pruning.model().graph;
  const auto because = [&](NodeId node, const Obstacle& why) {
    kept.insert(text("  ", nameOf(graph, graph.node(node)), ": ", why.reason,
                     why.node ? text(" (", nameOf(graph, graph.node(why.node)), ")") : ""));
  };
  size_t families = 0;
  for (const Family& family : pruning.prunable().families) {
    if (family.inexact) {
      because(family.node, *family.inexact);
      continue;
    }
    ++families;
    classes += family.classes.size();
  }
  for (const BlockedSeed& seed : pruning.prunable().blocked) because(seed.node, seed.why.obstacle);
  std::string lines = text(name, ": ", families, " families, ", classes, " classes\n");
  for (const std::string& line : kept) lines += line + "\n";
  return lines;
}

}  // namespace

TEST_CASE("all architectures cut compute what they compute masked, and lose all they can", "[prune][property]") {
  std::string found;
  for (const test::Architecture& architecture : test::allArchitectures()) {
    CAPTURE(architecture.name);
    const test::PruneCase pruning(architecture.make());
    checkDraws(pruning);
    checkFamilies(pruning);
    CHECK(join(pruning.missed(1), "; ") == "");
    found += describe(architecture.name, pruning);
  }
  const test::GoldenPair golden = test::againstGolden("prune_architectures.txt", found);
  CHECK(golden.found == golden.expected);
}
