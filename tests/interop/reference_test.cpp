// The reference against ONNX Runtime on whole models: the zoo's, and those that ship.
#include <catch2/catch.hpp>
#include <fstream>

#include "lib/base/text.h"
#include "lib/onnx/read.h"
#include "lib/runtime/session.h"
#include "tests/support/build.h"
#include "tests/support/npy.h"
#include "tests/support/paths.h"
#include "tests/support/python.h"

using namespace compress;
using namespace compress::test;

namespace {

namespace fs = std::filesystem;

/// Runs the model on random inputs and leaves inputs and outputs in `folder`.
void writeRun(const Model& model, int64_t unknown, const fs::path& folder) {
  fs::create_directory(folder);
  const auto backend = makeReferenceBackend();
  Session session(model, *backend, {.threads = 2});
  Bindings bindings;
  bindings.inputs = randomInputs(model, 1, unknown);
  session.run(bindings);
  for (size_t i = 0; i < bindings.inputs.size(); ++i) writeNpy(folder / text("input_", i, ".npy"), bindings.inputs[i]);
  for (size_t i = 0; i < bindings.outputs.size(); ++i)
    writeNpy(folder / text("output_", i, ".npy"), bindings.outputs[i].snapshot());
}

/// A model, and what its unknown dimensions become.
struct Case {
  fs::path path;
  int64_t unknown;
};

std::vector<Case> cases() {
  std::vector<Case> found;
  for (const auto& entry : fs::recursive_directory_iterator(sourceDirectory() / "models"))
    if (entry.path().extension() == ".onnx") found.push_back({entry.path(), 2});
  const std::pair<const char*, int64_t> zooModels[] = {
      {"cifar10_resnet20", 2}, {"mnist_cntk", 1}, {"mobilenet_v1_0.25_128", 1}, {"mobilenet_v1_0.25_128_quant", 1},
      {"yolox_nano", 1},       {"espcn_x3", 20},  {"bilstm_fsdd_ours", 5},      {"g2p_en_loop", 6},
      {"use_lite_en", 4}};
  if (zoo())
    for (const auto& [name, unknown] : zooModels) found.push_back({*zoo() / "models" / text(name, ".onnx"), unknown});
  return found;
}

}  // namespace

TEST_CASE("the reference agrees with ONNX Runtime on whole models", "[interop][reference][slow]") {
  if (!python()) {
    WARN("skipped: COMPRESS_TEST_PYTHON is not set");
    return;
  }
  const TemporaryDirectory folder;
  const fs::path list = folder.path() / "runs.txt";
  {
    std::ofstream out(list);
    int number = 0;
    for (const auto& [path, unknown] : cases()) {
      CAPTURE(path);
      const fs::path run = folder.path() / text(number++);
      CHECK_NOTHROW(writeRun(readModel(path).model, unknown, run));
      out << path.string() << '\t' << run.string() << "\tnone\t1e-3\n";
    }
  }
  const ScriptResult result = runScript("compare_outputs.py", {list.string()});
  INFO(result.output);
  CHECK(result.exitCode == 0);
}
