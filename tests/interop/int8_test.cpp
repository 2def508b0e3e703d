// The int8 steps of the cpu backend against ONNX Runtime's integer kernels, one operator at a time.
#include <catch2/catch.hpp>
#include <fstream>

#include "lib/base/text.h"
#include "lib/onnx/write.h"
#include "lib/runtime/session.h"
#include "tests/support/build.h"
#include "tests/support/paths.h"
#include "tests/support/python.h"
#include "tests/support/quantized_graphs.h"

using namespace compress;
using namespace compress::test;

namespace {

/// Leaves model.onnx, and input and output as raw floats, in `folder`.
void writeRun(const Model& model, const std::filesystem::path& folder) {
  std::filesystem::create_directory(folder);
  writeModel(model, folder / "model.onnx");
  const std::unique_ptr<Backend> cpu = makeCpuBackend();
  Session session(model, *cpu, {.threads = 2});
  Bindings bindings;
  bindings.inputs = randomInputs(model, 1);
  session.run(bindings);
  const auto write = [&](const char* name, std::span<const std::byte> bytes) {
    std::ofstream(folder / name, std::ios::binary)
        .write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
  };
  write("input.bin", bindings.inputs[0].raw());
  write("output.bin", std::as_const(bindings.outputs[0]).raw());
}

}  // namespace

TEST_CASE("int8 steps are within a step of ONNX Runtime's integer kernels", "[interop][int8]") {
  if (!python()) {
    WARN("skipped: COMPRESS_TEST_PYTHON is not set");
    return;
  }
  const TemporaryDirectory folder;
  const std::filesystem::path list = folder.path() / "runs.txt";
  {
    std::ofstream out(list);
    int number = 0;
    for (const QuantizedCase& item : quantizedCases()) {
      if (item.name == "requantization alone") continue;  // ONNX Runtime drops the first of two roundings
      for (const auto& [xZero, yZero] : {std::pair{0, 0}, std::pair{128, 120}, std::pair{7, 3}}) {
        const std::filesystem::path run = folder.path() / text(number++);
        writeRun(quantizedModel(item, xZero, yZero), run);
        out << item.name << '\t' << run.string() << '\t' << kQuantizedStep << '\n';
      }
    }
  }
  const ScriptResult result = runScript("compare_quantized.py", {list.string()});
  WARN(result.output);
  CHECK(result.exitCode == 0);
}
