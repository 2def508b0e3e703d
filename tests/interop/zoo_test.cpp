// The zoo's models on the cpu backend: what ONNX Runtime gives, without a step on the reference that touches floats or
// quantized bytes.
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

/// What unknown dimensions become, and what ONNX Runtime may do: quantized models give the integers of its integer
/// kernels, which it has with its optimisations only.
struct ZooCase {
  const char* name;
  int64_t unknown;
  const char* optimisation;
};
constexpr ZooCase kCases[] = {{"cifar10_resnet20", 1, "none"},
                              {"mnist_cntk", 1, "none"},
                              {"mobilenet_v1_0.25_128", 1, "none"},
                              {"mobilenet_v1_0.25_128_quant", 1, "all"},
                              {"yolox_nano", 1, "none"},
                              {"espcn_x3", 20, "none"},
                              {"bilstm_fsdd_ours", 5, "none"},
                              {"g2p_en_loop", 6, "none"},
                              {"silero_vad_16k_op15", 1, "none"},
                              {"use_lite_en", 4, "none"}};

bool isFloatOrByte(DType dtype) {
  return isFloating(dtype) || dtype == DType::u8 || dtype == DType::i8;
}

std::vector<Tensor> inputsOf(const Model& model, const ZooCase& item) {
  std::vector<Tensor> inputs = randomInputs(model, 1, item.unknown);
  const std::string_view name = item.name;
  if (name.starts_with("yolox")) inputs[0] = buildTensor(DType::f32, inputs[0].shape(), "uniform(0, 255)");
  if (!name.starts_with("silero")) return inputs;
  // 32 ms of sound and the sampling rate.
  return {buildTensor(DType::f32, Shape{1, 512}, "uniform(-0.5, 0.5)"), inputs[1], Tensor::scalar(int64_t{16000})};
}

void writeRun(const Model& model, const ZooCase& item, const fs::path& folder) {
  fs::create_directory(folder);
  const auto backend = makeCpuBackend();
  Session session(model, *backend, {.threads = 2});
  Bindings bindings{inputsOf(model, item), {}};
  session.run(bindings);
  for (const StepInfo& step : session.plan(bindings.inputs).steps()) {
    CAPTURE(step.name, step.op);
    CHECK_FALSE((step.kernel == "ref" && isFloatOrByte(step.dtype)));
  }
  for (size_t i = 0; i < bindings.inputs.size(); ++i) writeNpy(folder / text("input_", i, ".npy"), bindings.inputs[i]);
  for (size_t i = 0; i < bindings.outputs.size(); ++i)
    writeNpy(folder / text("output_", i, ".npy"), bindings.outputs[i].snapshot());
}

}  // namespace

TEST_CASE("the zoo's models give on the cpu backend what ONNX Runtime gives", "[interop][zoo][slow]") {
  if (!python() || !zoo()) {
    WARN("skipped: COMPRESS_TEST_PYTHON is not set, or the folder of development models is absent");
    return;
  }
  const TemporaryDirectory folder;
  const fs::path list = folder.path() / "runs.txt";
  {
    std::ofstream out(list);
    for (const ZooCase& item : kCases) {
      CAPTURE(item.name);
      const fs::path path = *zoo() / "models" / text(item.name, ".onnx"), run = folder.path() / item.name;
      CHECK_NOTHROW(writeRun(readModel(path).model, item, run));
      out << path.string() << '\t' << run.string() << '\t' << item.optimisation << "\t1e-4\n";
    }
  }
  const ScriptResult result = runScript("compare_outputs.py", {list.string()});
  INFO(result.output);
  CHECK(result.exitCode == 0);
}
