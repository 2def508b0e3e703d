// Outside judges: results of the passes satisfy ONNX's checker and give the same outputs in ONNX Runtime. Needs a
// Python with onnx and onnxruntime, named by COMPRESS_TEST_PYTHON.
#include <catch2/catch.hpp>

#include <cstdlib>

#include "lib/base/text.h"
#include "lib/onnx/write.h"
#include "lib/pass/pipeline.h"
#include "tests/support/passes.h"
#include "tests/support/paths.h"
#include "tests/support/random_model.h"

using namespace compress;

TEST_CASE("ONNX Runtime agrees with the passes on random models", "[passes][interop][slow]") {
  const char* python = std::getenv("COMPRESS_TEST_PYTHON");
  if (python == nullptr) {
    WARN("skipped: COMPRESS_TEST_PYTHON names no Python with onnx and onnxruntime");
    return;
  }
  const test::TemporaryDirectory folder;
  const auto backend = makeReferenceBackend();
  PassContext context{*backend, 1, 0, nullptr, [](std::string_view) {}, {}, {}};
  for (uint64_t seed = 0; seed < 150; ++seed) {
    Model model = test::randomModel(seed);
    writeModel(model, folder.path() / text(seed, ".before.onnx"));
    std::vector<PipelineStep> steps;
    for (const PassSpec& spec : allPasses())
      if (spec.lossless) steps.push_back(makeStep(spec));
    runPipeline(model, std::move(steps), context);
    writeModel(model, folder.path() / text(seed, ".after.onnx"));
  }
  const auto script = test::sourceDirectory() / "tests/interop/compare_pairs.py";
  CHECK(std::system(text("'", python, "' '", script.string(), "' '", folder.path().string(), "'").c_str()) == 0);
}
