// Operators of com.microsoft against ONNX Runtime: models of one operator each, with what ONNX Runtime makes of them.
#include <catch2/catch.hpp>

#include "tests/support/conformance.h"
#include "tests/support/paths.h"
#include "tests/support/python.h"

using namespace compress;
using namespace compress::test;

TEST_CASE("operators of com.microsoft give what ONNX Runtime gives", "[interop][ops]") {
  if (!python()) {
    WARN("skipped: COMPRESS_TEST_PYTHON is not set");
    return;
  }
  const TemporaryDirectory folder;
  const ScriptResult result = runScript("write_microsoft_tests.py", {folder.path().string()});
  INFO(result.output);
  REQUIRE(result.exitCode == 0);
  const auto tests = conformanceTests(folder.path());
  CHECK(tests.size() >= 95);
  for (const bool isReference : {true, false}) {
    const auto backend = isReference ? makeReferenceBackend() : makeCpuBackend();
    for (const std::string& name : tests) {
      // ONNX Runtime quantizes the inputs and states of this LSTM on the way, in steps of 1/127 of their range.
      const bool isCoarse = name.starts_with("lstm");
      const Tolerance tolerance{isCoarse ? 2e-2 : 1e-4, isCoarse ? 2e-2 : 2e-5, 1};
      const Conformance found = runConformance(folder.path() / name, *backend, tolerance);
      CAPTURE(name, backend->name(), found.reason);
      CHECK(found.outcome == "passed");
    }
  }
}
