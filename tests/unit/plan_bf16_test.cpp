// An f32 model computed in bf16: near the f32 result, smaller steps in between, and the same bytes on any thread count.
#include <catch2/catch.hpp>

#include "lib/base/error.h"
#include "lib/runtime/cpu/backend.h"
#include "lib/runtime/plan/executable.h"
#include "tests/support/build.h"
#include "tests/support/plans.h"

using namespace compress;
using namespace compress::test;

namespace {

/// Nothing, after a warning, where the processor lacks bf16.
std::unique_ptr<Backend> bf16Backend() {
  try {
    return makeCpuBackend(true, Precision::bf16);
  } catch (const Error& error) {
    WARN("skipped: " << error.message());
    return nullptr;
  }
}

constexpr const char* kResidual =
    "input x: float32[1, 16, 40, 37]\nconst w: float32[24, 16, 3, 3] = uniform(-0.1, 0.1)\nconst v: float32[24, 24, 1, "
    "1] = uniform(-0.2, 0.2)\nconst b: float32[24]\nconst d: float32[24, 1, 3, 3] = uniform(-0.3, 0.3)\n"
    "a = Conv[pads=[1, 1, 1, 1]](x, w, b)\nr = Relu(a)\nc = Conv(r, v)\ns = Sigmoid(c)\nm = Mul(c, s)\n"
    "e = Conv[group=24, pads=[1, 1, 1, 1]](m, d)\nf = Add(e, r)\ng = Relu(f)\nh = Conv(g, v)\np = "
    "MaxPool[kernel_shape=[2, 2], strides=[2, 2]](h)\nq = Conv(p, v)\ny = Tanh(q)\noutput y\noutput f";
constexpr const char* kProducts =
    "input x: float32[70, 64]\nconst w: float32[64, 96] = uniform(-0.2, 0.2)\nconst v: float32[96, 40] = uniform(-0.2, "
    "0.2)\nconst b: float32[96]\nm = MatMul(x, w)\na = Add(m, b)\nr = Relu(a)\ny = MatMul(r, v)\noutput y";

}  // namespace

TEST_CASE("a model in bf16 stays near f32", "[runtime][plan]") {
  const auto fast = bf16Backend();
  if (!fast) return;
  const Model model = buildModel(GENERATE(kResidual, kProducts));
  const std::vector<Tensor> inputs = randomInputs(model, 1);
  const std::vector<Buffer> found = runOn(*fast, model, inputs);
  const double error = normalizedError(found, runOn(*makeReferenceBackend(), model, inputs));
  // bf16 has 8 significant bits: each rounding errs by up to 2^-9, of 1e-5 in squares.
  CHECK(error < 2e-4);
  CHECK(error > 1e-9);
  CompileOptions two;
  two.threads = 2;
  CHECK(sameBytes(runOn(*fast, model, inputs, two), found));
  CHECK(stepKernels(*fast, model, inputs).find("bf16") != std::string::npos);
}

TEST_CASE("plans in bf16 stay inside their buffers", "[runtime][plan]") {
  const auto fast = bf16Backend();
  if (!fast) return;
  const Model model = buildModel(kResidual);
  Bindings bindings{randomInputs(model, 2), {}};
  const Shape shape = bindings.inputs[0].shape();
  const auto executable = fast->compile(model.graph, {&shape, 1}, {});
  executable->run(bindings);
}

TEST_CASE("in bf16 only what gains by it is bf16: outputs, what leads to them alone, and small products stay f32",
          "[runtime][plan]") {
  const auto fast = bf16Backend();
  if (!fast) return;
  const auto kernels = [&](const char* source) {
    const Model model = buildModel(source);
    return stepKernels(*fast, model, randomInputs(model, 3));
  };
  CHECK(kernels("input x: float32[1, 16, 4, 4]\nconst w: float32[16, 16, 3, 3]\n"
                "y = Conv[pads=[1, 1, 1, 1]](x, w)\noutput y")
            .find("bf16") == std::string::npos);
  CHECK(kernels("input x: float32[1, 3, 64, 64]\nconst w: float32[16, 3, 3, 3]\n"
                "y = Conv[pads=[1, 1, 1, 1]](x, w)\noutput y")
            .find("bf16") == std::string::npos);
  CHECK(kernels("input x: float32[1, 16, 32, 32]\nconst w: float32[16, 16, 3, 3]\n"
                "y = Conv[pads=[1, 1, 1, 1]](x, w)\noutput y")
            .find("bf16") != std::string::npos);
}

TEST_CASE("what only moves elements between Convs moves bf16", "[runtime][plan]") {
  const auto fast = bf16Backend();
  if (!fast) return;
  const Model model = buildModel(
      "input x: float32[1, 16, 32, 32]\nconst w: float32[16, 16, 3, 3] = uniform(-0.1, 0.1)\n"
      "const v: float32[16, 32, 3, 3] = uniform(-0.1, 0.1)\n"
      "a = Conv[pads=[1, 1, 1, 1]](x, w)\nb = MaxPool[kernel_shape=[5, 5], pads=[2, 2, 2, 2]](a)\n"
      "m = AveragePool[kernel_shape=[3, 3], pads=[1, 1, 1, 1]](b)\ns = Sigmoid(a)\nt = Mul(a, s)\n"
      "c = Concat[axis=1](t, m)\nd = Conv[pads=[1, 1, 1, 1]](c, v)\ny = Exp(d)\noutput y");
  const std::vector<Tensor> inputs = randomInputs(model, 4);
  const Shape shape = inputs[0].shape();
  const auto executable = fast->compile(model.graph, {&shape, 1}, {});
  int casts = 0;
  for (const StepInfo& step : executable->steps()) casts += step.op == "Cast";
  CHECK(casts == 1);  // of the input
  CHECK(normalizedError(runOn(*fast, model, inputs), runOn(*makeReferenceBackend(), model, inputs)) < 2e-4);
}
