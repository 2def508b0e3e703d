// ONNX's own backend tests on both backends. The committed table may only grow: what it lists as passed must pass on
// each. COMPRESS_UPDATE=1 rewrites it from the reference; COMPRESS_CONFORMANCE_LOG names a file for the reasons of what
// does not pass.
#include "tests/support/conformance.h"

#include <catch2/catch.hpp>
#include <cstdlib>
#include <fstream>

#include "tests/support/paths.h"

using namespace compress;
using namespace compress::test;

TEST_CASE("the backends pass the ONNX tests that the table lists", "[conformance][ops]") {
  const auto root = onnxTestData();
  if (!root) {
    WARN("skipped: libonnx-testdata is not installed");
    return;
  }
  const auto path = sourceDirectory() / "tests/golden/conformance.txt";
  const auto table = readConformanceTable(path);
  const char* logPath = std::getenv("COMPRESS_CONFORMANCE_LOG");
  std::ofstream log(logPath != nullptr ? logPath : "/dev/null", std::ios::app);
  const bool isReference = GENERATE(true, false);
  const auto backend = isReference ? makeReferenceBackend() : makeCpuBackend();
  std::map<std::string, std::string> found;
  for (const std::string& name : conformanceTests(*root)) {
    const Conformance result = runConformance(*root / name, *backend);
    found[name] = result.outcome;
    if (result.outcome != "passed") log << name << ' ' << result.outcome << ": " << result.reason << '\n';
    const auto listed = table.find(name);
    if (listed == table.end() || listed->second != "passed" || result.outcome == "passed") continue;
    CAPTURE(name, backend->name(), result.reason);
    CHECK(result.outcome == "passed");
  }
  CHECK(found.size() > 900);
  if (isReference && std::getenv("COMPRESS_UPDATE") != nullptr) writeConformanceTable(path, found);
}

TEST_CASE("the cpu backend passes what the reference passes", "[conformance][runtime]") {
  const auto root = onnxTestData();
  if (!root) {
    WARN("skipped: libonnx-testdata is not installed");
    return;
  }
  const auto table = readConformanceTable(sourceDirectory() / "tests/golden/conformance.txt");
  const auto backend = makeCpuBackend();
  for (const auto& [name, outcome] : table) {
    if (outcome != "passed") continue;
    const Conformance result = runConformance(*root / name, *backend);
    CAPTURE(name, backend->name(), result.reason);
    CHECK(result.outcome == "passed");
  }
}
