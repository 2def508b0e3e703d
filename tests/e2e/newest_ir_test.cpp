// Models that the newest onnx package writes, with fields and types that the packaged schema has never heard of, come
// through unharmed.
#include <catch2/catch.hpp>

#include <fstream>

#include "lib/ir/print.h"
#include "lib/onnx/read.h"
#include "lib/onnx/write.h"
#include "tests/support/paths.h"
#include "tests/support/python.h"

using namespace compress;

namespace {

void checkComesThrough(const std::vector<std::string>& options) {
  const test::TemporaryDirectory root;
  const auto before = root.path() / "before";
  const auto after = root.path() / "after";
  std::filesystem::create_directory(before);
  std::filesystem::create_directory(after);
  std::vector<std::string> arguments{before.string()};
  arguments.insert(arguments.end(), options.begin(), options.end());
  const auto made = test::runScript("make_newest.py", arguments);
  CAPTURE(made.output);
  REQUIRE(made.exitCode == 0);
  for (const auto& entry : std::filesystem::directory_iterator(before)) {
    CAPTURE(entry.path().string());
    const Model model = readModel(entry.path()).model;
    const auto written = after / entry.path().filename();
    std::ofstream(written, std::ios::binary) << serializeModel(model);
    CHECK(print(readModel(written).model) == print(model));
  }
  const auto compared = test::runScript("compare_models.py", {before.string(), after.string()});
  CHECK(compared.output == "");
  CHECK(compared.exitCode == 0);
}

}  // namespace

TEST_CASE("models of the newest IR come through unharmed", "[onnx][interop]") {
  if (!test::python()) {
    WARN("skipped: COMPRESS_TEST_PYTHON names no interpreter");
    return;
  }
  checkComesThrough({});
}

TEST_CASE("the newest package's own model of every operator comes through unharmed", "[onnx][interop][slow]") {
  if (!test::python()) {
    WARN("skipped: COMPRESS_TEST_PYTHON names no interpreter");
    return;
  }
  checkComesThrough({"--node-cases"});
}
