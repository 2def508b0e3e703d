// What quantize promises, over random networks: a sound model that stays close, the same bytes for any number of
// threads, nothing left to do the second time, and a reason for all that stays float.
#include <catch2/catch.hpp>

#include "lib/base/error.h"
#include "lib/base/parallel.h"
#include "lib/ir/print.h"
#include "lib/ir/verify.h"
#include "tests/support/build.h"
#include "tests/support/quantizing.h"
#include "tests/support/random_model.h"
#include "tests/support/random_net.h"

using namespace compress;
using namespace compress::test;

namespace {

constexpr uint64_t kFastNets = 3, kFastGraphs = 40, kSlowNets = 60;
/// Eight bits for a tensor whose values fill its range give about 40 dB; a stack of layers of random weights, some with
/// wide ranges, loses half of it, and one in a hundred nearly all.
constexpr double kFewDb = 12, kLeastDb = 3;

struct Tally {
  int64_t models = 0, nodes = 0;
  int64_t far = 0;  ///< models below kFewDb
};

/// Under another number of threads, the same model.
void checkThreads(const Model& model, const QuantizeOptions& options, const Quantized& expected) {
  const int before = threadCount();
  constexpr int kThreads = 3;
  setThreadCount(kThreads);
  CHECK(print(quantizeModel(model, options, kThreads).model) == print(expected.model));
  setThreadCount(before);
}

void checkModel(const Model& model, const QuantizeOptions& options, Tally& tally) {
  const Quantized once = quantizeModel(model, options);
  CHECK((once.count == 0) == (print(once.model) == print(model)));
  for (size_t i = 0; i < model.graph.outputs().size(); ++i)
    CHECK(once.model.graph.value(once.model.graph.outputs()[i]).name ==
          model.graph.value(model.graph.outputs()[i]).name);
  for (const Skipped& skipped : once.skipped) CHECK_FALSE(skipped.reason.empty());
  checkThreads(model, options, once);
  if (once.count == 0) return;
  const Quantized twice = quantizeModel(once.model, options);
  CHECK(twice.count == 0);
  CHECK(print(twice.model) == print(once.model));
  const double sqnr = sqnrOf(model, once.model);
  CHECK(sqnr > kLeastDb);
  ++tally.models;
  tally.far += sqnr < kFewDb ? 1 : 0;
  tally.nodes += once.count;
}

Tally checkNets(uint64_t first, uint64_t last) {
  Tally tally;
  for (uint64_t seed = first; seed < last; ++seed) {
    const Model model = randomNet(seed);
    for (const int64_t level : {1, 2}) {
      CAPTURE(seed, level);
      QuantizeOptions options = atLevel(level);
      if (seed % 3 == 1) options.activations = "int8";
      if (seed % 4 == 2) options.target = "ort-x86";
      checkModel(model, options, tally);
    }
  }
  return tally;
}

}  // namespace

TEST_CASE("random networks are quantized soundly, alike for any number of threads, once", "[quantize][property]") {
  const Tally tally = checkNets(0, kFastNets);
  CHECK(tally.nodes > 3 * tally.models);
  CHECK(tally.far == 0);
}

TEST_CASE("many random networks are quantized soundly", "[quantize][property][slow]") {
  const Tally tally = checkNets(kFastNets, kSlowNets);
  CHECK(tally.far * 100 <= tally.models);
}

TEST_CASE("small graphs of every kind of oddity are quantized soundly or not at all", "[quantize][property]") {
  for (uint64_t seed = 0; seed < kFastGraphs; ++seed) {
    CAPTURE(seed);
    const Model model = randomModel(seed);
    CHECK_NOTHROW(quantizeModel(model, atLevel(1)));
    CHECK_NOTHROW(quantizeModel(model, atLevel(2)));
  }
}
