// The opset converter against ONNX Runtime: a model and its upgraded form give the same outputs there.
#include "lib/ops/upgrade.h"

#include <catch2/catch.hpp>
#include <fstream>
#include <set>

#include "lib/base/error.h"
#include "lib/base/text.h"
#include "lib/onnx/read.h"
#include "lib/onnx/write.h"
#include "tests/support/onnx_models.h"
#include "tests/support/paths.h"
#include "tests/support/python.h"

using namespace compress;
using namespace compress::test;

namespace {

/// Writes `path` raised to `opset` into `folder`; nothing when it is there already or cannot be raised.
std::optional<std::filesystem::path> writeUpgraded(const std::filesystem::path& path, int64_t opset,
                                                   const std::filesystem::path& folder, int number) {
  Model model = readModel(path).model;
  const int64_t before = model.opsets.version("");
  if (before < 6 || before >= opset) return std::nullopt;
  try {
    upgrade(model, opset);
  } catch (const Error& error) {
    if (error.kind() == ErrorKind::unsupported) return std::nullopt;
    throw;
  }
  const auto out = folder / text(number, ".onnx");
  writeModel(model, out);
  return out;
}

}  // namespace

TEST_CASE("upgraded models give the same outputs in ONNX Runtime", "[interop][upgrade][slow]") {
  const auto models = realModels();
  if (!python() || models.empty()) {
    WARN("skipped: COMPRESS_TEST_PYTHON is not set, or there are no models");
    return;
  }
  const TemporaryDirectory folder;
  const auto list = folder.path() / "pairs.txt";
  int number = 0;
  {
    std::ofstream pairs(list);
    for (const auto& path : models)
      for (const int64_t opset : {10, 11, 13, 18, 21, 23})
        if (const auto out = writeUpgraded(path, opset, folder.path(), number)) {
          pairs << path.string() << '\t' << out->string() << '\n';
          ++number;
        }
  }
  REQUIRE(number > 100);
  const ScriptResult result = runScript("compare_opsets.py", {list.string()});
  INFO(result.output);
  CHECK(result.exitCode == 0);
}
