// ONNX's own backend tests on both backends. The committed tables may only grow: what they list as passed must pass.
// COMPRESS_UPDATE=1 rewrites them.
#include "tests/support/conformance.h"

#include <catch2/catch.hpp>
#include <cstdlib>

#include "tests/support/paths.h"
#include "tests/support/python.h"

using namespace compress;
using namespace compress::test;

namespace {

/// Runs the suite below `root` and holds it against the table `name`.
void checkSuite(const std::filesystem::path& root, const std::string& name) {
  const auto path = sourceDirectory() / "tests/golden" / name;
  const ConformanceTable table = readConformanceTable(path), found = runSuite(root);
  for (const auto& [test, row] : found) {
    const auto listed = table.find(test);
    if (listed == table.end()) continue;
    CAPTURE(test, row.reason);
    if (listed->second.reference == "passed") CHECK(row.reference == "passed");
    if (listed->second.cpu == "passed") CHECK(row.cpu == "passed");
  }
  CHECK(found.size() >= table.size());
  if (std::getenv("COMPRESS_UPDATE") != nullptr) writeConformanceTable(path, found);
}

}  // namespace

TEST_CASE("the backends pass the ONNX tests that the table lists", "[conformance][ops]") {
  const auto root = onnxTestData();
  if (!root) {
    WARN("skipped: libonnx-testdata is not installed");
    return;
  }
  checkSuite(*root, "conformance.txt");
}

TEST_CASE("the backends pass the node tests of the newest onnx package that the table lists",
          "[conformance][interop]") {
  if (!python()) {
    WARN("skipped: COMPRESS_TEST_PYTHON is not set");
    return;
  }
  const TemporaryDirectory folder;
  const ScriptResult result = runScript("write_node_tests.py", {folder.path().string()});
  INFO(result.output);
  REQUIRE(result.exitCode == 0);
  checkSuite(folder.path(), "conformance_newest.txt");
}
