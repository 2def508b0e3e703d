// Masked = pruned: a model from which slices were cut computes what it computes with the same slices set to zero.
#include <algorithm>
#include <catch2/catch.hpp>

#include "tests/support/pruning.h"
#include "tests/support/random_model.h"
#include "tests/support/random_net.h"

using namespace compress;

namespace {

constexpr uint64_t kFastSeeds = 1000;
constexpr uint64_t kSlowSeeds = 10000;
/// References sum in order, and a zero more or less in a sum changes nothing. Only a mean over channels is rounded
/// anew, since it is scaled to the count it was taken over.
constexpr double kScaledMean = 1e-5;

bool takesMeanOfChannels(const Graph& graph) {
  return std::ranges::any_of(graph.nodes(), [&](NodeId id) {
    const Node& node = graph.node(id);
    return node.is("ReduceMean") && node.attributes.integers("axes") == std::vector<int64_t>{1};
  });
}

void checkMasked(const Model& model, uint64_t seed) {
  const test::PruneCase pruning(model);
  Random random(seed, "pruned classes");
  const Slices removed = pruning.draw(random, random.uniform(0.1, 0.7));
  if (removed.empty()) return;
  CHECK(pruning.maskedDifference(removed, seed) <= (takesMeanOfChannels(model.graph) ? kScaledMean : 0.0));
}

}  // namespace

TEST_CASE("random networks cut compute what they compute masked", "[prune][property]") {
  for (uint64_t seed = 0; seed < kFastSeeds; ++seed) {
    CAPTURE(seed);
    checkMasked(test::randomNet(seed), seed);
  }
}

TEST_CASE("random networks cut compute what they compute masked, many", "[prune][property][slow]") {
  for (uint64_t seed = kFastSeeds; seed < kSlowSeeds; ++seed) {
    CAPTURE(seed);
    checkMasked(test::randomNet(seed), seed);
  }
}

TEST_CASE("random models of the other properties cut compute what they compute masked", "[prune][property]") {
  for (uint64_t seed = 0; seed < 300; ++seed) {
    CAPTURE(seed);
    checkMasked(test::randomModel(seed), seed);
  }
}
