// Random graphs of all operators with fast kernels, and of what fusions look for: the cpu backend gives what the
// references give, the same bytes for any thread count, with and without its fusions, and stays inside its buffers.
#include <catch2/catch.hpp>

#include <cstdlib>
#include <set>

#include "lib/base/text.h"
#include "lib/runtime/fast_operators.h"
#include "tests/support/build.h"
#include "tests/support/gradients.h"
#include "tests/support/graph_check.h"
#include "tests/support/random_graph.h"
#include "tests/support/random_quantized.h"

using namespace compress;
using namespace compress::test;

namespace {

void checkSeeds(uint64_t first, uint64_t last) {
  for (uint64_t seed = first; seed < last; ++seed) {
    const RandomGraph graph = randomGraph(seed);
    const std::string fault = faultOf(graph, seed);
    if (fault.empty()) continue;
    const RandomGraph least = shrunk(graph, seed);
    FAIL_CHECK("seed " << seed << ": " << fault << "\nsmallest: " << faultOf(least, seed) << "\n" << describe(least));
  }
  SUCCEED(last - first << " graphs");
}

}  // namespace

TEST_CASE("random graphs of fast operators agree with the reference", "[runtime][property]") {
  checkSeeds(0, 400);
}

TEST_CASE("many random graphs of fast operators agree with the reference", "[runtime][property][slow]") {
  // COMPRESS_TEST_SEEDS=first:last tries others.
  const char* given = std::getenv("COMPRESS_TEST_SEEDS");
  const std::string seeds = given != nullptr ? given : "400:6000";
  checkSeeds(std::stoull(seeds), std::stoull(seeds.substr(seeds.find(':') + 1)));
}

TEST_CASE("random graphs and gradients use every fast kernel and every fusion", "[runtime][property]") {
  PlanCoverage coverage;
  for (uint64_t seed = 0; seed < 700; ++seed) {
    const RandomGraph graph = randomGraph(seed);
    coverage.add(graph.model, graph.inputs);
  }
  for (uint64_t seed = 0; seed < 100; ++seed) {
    const Model model = buildModel(randomQuantized(seed).network(seed % 2 == 0));
    coverage.add(model, randomInputs(model, seed));
  }
  for (const GradientCase& c : gradientGrid()) {  // gradient_test.cpp compares them with the references
    if (c.op == "Cast") continue;                  // to float64
    Model model = modelOf(c, "float32");
    model.graph = differentiated(model.graph, true).graph;
    coverage.add(model, randomInputs(model, 0));
  }
  CHECK(join(coverage.missing(), ", ") == "");
}

TEST_CASE("every operator with a fast kernel has a generator of random graphs", "[runtime][property]") {
  std::set<std::string> written = {"DynamicQuantizeLinear"};  // before MatMulInteger
  for (const OperatorWriter& writer : operatorWriters()) written.emplace(writer.op);
  for (const std::string& op : fastOperators()) {
    CAPTURE(op);
    CHECK(written.contains(op));
  }
}
