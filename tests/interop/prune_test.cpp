// Pruned models in ONNX Runtime: they load, and give what the masked ones give.
#include <catch2/catch.hpp>

#include "lib/base/text.h"
#include "lib/onnx/write.h"
#include "passes/prune/remove.h"
#include "tests/support/paths.h"
#include "tests/support/pruning.h"
#include "tests/support/python.h"
#include "tests/support/random_net.h"

using namespace compress;

TEST_CASE("pruned models give in ONNX Runtime what masked ones give", "[interop][prune][slow]") {
  if (!test::python()) {
    WARN("skipped: COMPRESS_TEST_PYTHON is not set");
    return;
  }
  const test::TemporaryDirectory folder;
  for (uint64_t seed = 0; seed < 200; ++seed) {
    const test::PruneCase pruning(test::randomNet(seed));
    Random random(seed, "pruned classes");
    const Slices removed = pruning.draw(random, 0.4);
    Model masked = pruning.model(), cut = pruning.model();
    maskSlices(masked, removed);
    removeSlices(cut, pruning.known(), removed);
    writeModel(masked, folder.path() / text(seed, ".before.onnx"));
    writeModel(cut, folder.path() / text(seed, ".after.onnx"));
  }
  const test::ScriptResult result = test::runScript("compare_pairs.py", {folder.path().string()});
  INFO(result.output);
  CHECK(result.exitCode == 0);
}
