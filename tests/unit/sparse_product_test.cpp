// Products without their zeros: against the reference, in every form, and only where the rule says.
#include <catch2/catch.hpp>

#include "lib/base/text.h"
#include "lib/runtime/cpu/backend.h"
#include "lib/runtime/plan/sparse.h"
#include "tests/support/build.h"
#include "tests/support/plans.h"

using namespace compress;
using namespace compress::test;

namespace {

/// Kernels sum floats, the reference doubles.
constexpr double kTolerance = 1e-9;
using Walk = SparseForm::Walk;

struct Case {
  const char* name;
  const char* text;
  const char* kernel;  ///< that the sparse step names
};

const std::vector<Case>& cases() {
  static const std::vector<Case> kCases = {
      {"blocks",
       "input x: float32[1, 64, 10, 10]\nconst w: float32[64, 64, 1, 1] = sparse(0.9, 4)\ny = Conv(x, w)\noutput y",
       "sparse 4x1"},
      {"single weights",
       "input x: float32[1, 64, 10, 10]\nconst w: float32[64, 64, 1, 1] = sparse(0.93, 1)\ny = Conv(x, w)\noutput y",
       "sparse csr"},
      {"channels that fill no group, positions that fill no vector",
       "input x: float32[2, 61, 7, 7]\nconst w: float32[67, 61, 1, 1] = sparse(0.95, 4)\nconst b: float32[67]\ny = "
       "Conv(x, w, b)\noutput y",
       "sparse 4x1"},
      {"single weights of the same",
       "input x: float32[2, 61, 7, 7]\nconst w: float32[67, 61, 1, 1] = sparse(0.97, 1)\nconst b: float32[67]\ny = "
       "Conv(x, w, b)\noutput y",
       "sparse csr"},
      {"steps of two",
       "input x: float32[2, 64, 19, 23]\nconst w: float32[64, 64, 1, 1] = sparse(0.95, 4)\nconst b: float32[64]\n"
       "y = Conv[strides=[2, 2]](x, w, b)\noutput y",
       "sparse 4x1"},
      {"three axes, each with a step of its own",
       "input x: float32[2, 64, 5, 6, 33]\nconst w: float32[64, 64, 1, 1, 1] = sparse(0.95, 4)\ny = Conv[strides=[2, "
       "3, 1]](x, w)\noutput y",
       "sparse 4x1"},
      {"one axis, same padding",
       "input x: float32[1, 64, 50]\nconst w: float32[64, 64, 1] = sparse(0.95, 1)\ny = "
       "Conv[auto_pad=\"SAME_UPPER\"](x, w)\noutput y",
       "sparse csr"},
      {"activation behind",
       "input x: float32[1, 64, 9, 9]\nconst w: float32[64, 64, 1, 1] = sparse(0.9, 4)\nconst lo: float32[] = "
       "0\nconst hi: float32[] = 6\nc = Conv(x, w)\ny = Clip(c, lo, hi)\noutput y",
       "sparse 4x1"},
      {"another tensor and an activation behind",
       "input x: float32[1, 64, 9, 9]\nconst w: float32[64, 64, 1, 1] = sparse(0.9, 4)\nc = Conv(x, w)\nd = Conv(c, "
       "w)\na = Add(d, c)\ny = Relu(a)\noutput y",
       "sparse 4x1"},
      {"an operand per channel behind",
       "input x: float32[1, 64, 9, 9]\ninput g: float32[1, 64, 1, 1]\nconst w: float32[64, 64, 1, 1] = sparse(0.9, "
       "4)\nc = Conv(x, w)\nm = Mul(c, g)\nz = Add(m, x)\ny = Relu(z)\noutput y",
       "sparse 4x1"},
      {"MatMul and Add",
       "input x: float32[3, 20, 96]\nconst w: float32[96, 70] = sparse(0.93, 4)\nconst b: float32[70]\nm = MatMul(x, "
       "w)\na = Add(m, b)\ny = Relu(a)\noutput y",
       "sparse 4x1"},
      {"Gemm of single weights",
       "input x: float32[100, 96]\nconst w: float32[96, 70] = sparse(0.95, 1)\nconst b: float32[70]\ny = "
       "Gemm[alpha=0.5](x, w, b)\noutput y",
       "sparse csr"},
      {"one row",
       "input x: float32[1, 200]\nconst w: float32[200, 131] = sparse(0.95, 4)\nconst b: float32[131]\nm = Gemm(x, w, "
       "b)\ny = Tanh(m)\noutput y",
       "sparse 4x1"},
      {"three rows",
       "input x: float32[3, 200]\nconst w: float32[200, 131] = sparse(0.95, 4)\ny = MatMul(x, w)\noutput y",
       "sparse 4x1"},
      {"all zeros",
       "input x: float32[1, 96, 9, 9]\nconst w: float32[96, 96, 1, 1] = fill(0)\nconst b: float32[96]\ny = Conv(x, w, "
       "b)\noutput y",
       "sparse"},
  };
  return kCases;
}

/// `share` of the weights of [outputs, inputs] are not zero, spread evenly, in blocks of `block` outputs.
std::vector<float> pattern(int64_t outputs, int64_t inputs, double share, int64_t block) {
  std::vector<float> weights(static_cast<size_t>(outputs * inputs), 0.F);
  for (int64_t m = 0; m < outputs; ++m)
    for (int64_t k = 0; k < inputs; ++k) {
      const auto place = static_cast<double>((m / block * inputs + k) * 7919 % 1009);
      if (place < share * 1009) weights[static_cast<size_t>(m * inputs + k)] = 1;
    }
  return weights;
}

std::optional<Walk> walkOf(int64_t positions, int64_t inputs, int64_t outputs, double share, int64_t block) {
  const auto form = findSparseForm({positions, inputs, outputs, false}, pattern(outputs, inputs, share, block));
  return form ? std::optional(form->walk) : std::nullopt;
}

}  // namespace

TEST_CASE("products without their zeros agree with the reference, in their buffers, for any thread count",
          "[runtime][plan][sparse]") {
  const auto cpu = makeCpuBackend(true);
  const auto reference = makeReferenceBackend();
  for (const Case& one : cases()) {
    CAPTURE(one.name);
    const Model model = buildModel(one.text);
    Bindings bindings{randomInputs(model, 5), {}};
    std::vector<Shape> shapes;
    for (const Tensor& input : bindings.inputs) shapes.push_back(input.shape());
    const auto executable = cpu->compile(model.graph, shapes, {});
    executable->run(bindings);
    CHECK(normalizedError(bindings.outputs, runOn(*reference, model, bindings.inputs)) <= kTolerance);
    CHECK(stepKernels(*cpu, model, bindings.inputs).find(one.kernel) != std::string::npos);
    for (const int threads : {2, 3}) {
      CompileOptions options;
      options.threads = threads;
      CHECK(sameBytes(runOn(*cpu, model, bindings.inputs, options), bindings.outputs));
    }
  }
}

TEST_CASE("threads share the channels of a product that has few tiles", "[runtime][plan][sparse]") {
  const auto cpu = makeCpuBackend(true);
  const Model model = buildModel(
      "input x: float32[1, 512, 5, 6]\nconst w: float32[900, 512, 1, 1] = sparse(0.9, 4)\nc = Conv(x, w)\ny = "
      "HardSwish(c)\noutput y");
  const std::vector<Tensor> inputs = randomInputs(model, 6);
  CompileOptions four;
  four.threads = 4;
  const auto shared = runOn(*cpu, model, inputs, four);
  CHECK(normalizedError(shared, runOn(*makeReferenceBackend(), model, inputs)) <= kTolerance);
  CHECK(sameBytes(shared, runOn(*cpu, model, inputs)));
}

TEST_CASE("products without their zeros are a fusion that can be switched off", "[runtime][plan][sparse]") {
  const auto cpu = makeCpuBackend();
  const Model model = buildModel(
      "input x: float32[1, 64, 10, 10]\nconst w: float32[64, 64, 1, 1] = sparse(0.9, 4)\ny = Conv(x, w)\noutput y");
  const std::vector<Tensor> inputs = randomInputs(model, 5);
  CHECK(stepOps(*cpu, model, inputs) == "Reorder SparseProduct Reorder");
  CompileOptions dense;
  dense.disabledFusions = {"sparse-product"};
  CHECK(stepOps(*cpu, model, inputs, dense) == "Reorder Conv Reorder");
  CHECK(normalizedError(runOn(*cpu, model, inputs), runOn(*cpu, model, inputs, dense)) <= kTolerance);
}

TEST_CASE("Convs with a window, pads, groups or other types keep their zeros", "[runtime][plan][sparse]") {
  const auto cpu = makeCpuBackend();
  for (const char* text :
       {"input x: float32[1, 64, 10, 10]\nconst w: float32[64, 64, 3, 3] = sparse(0.95, 4)\ny = Conv(x, w)\noutput y",
        "input x: float32[1, 64, 10, 10]\nconst w: float32[64, 64, 1, 1] = sparse(0.95, 4)\ny = Conv[pads=[0, 1, 0, "
        "0]](x, w)\noutput y",
        "input x: float32[1, 64, 10, 10]\nconst w: float32[64, 32, 1, 1] = sparse(0.95, 4)\ny = Conv[group=2](x, "
        "w)\noutput y",
        "input x: float64[1, 64, 10, 10]\nconst w: float64[64, 64, 1, 1] = sparse(0.95, 4)\ny = Conv(x, w)\noutput y",
        "input x: float32[1, 64, 10, 10]\nconst w: float32[64, 64, 1, 1]\ny = Conv(x, w)\noutput y"}) {
    CAPTURE(text);
    const Model model = buildModel(text);
    CHECK(stepOps(*cpu, model, randomInputs(model, 5)).find("Sparse") == std::string::npos);
  }
}

TEST_CASE("the rule takes what pays: zeros enough, channels enough", "[runtime][plan][sparse]") {
  CHECK(walkOf(196, 128, 128, 0.1, 4) == Walk::blocks);
  CHECK(walkOf(196, 128, 128, 0.1, 1) == Walk::single);
  CHECK(walkOf(196, 128, 128, 0.3, 4) == Walk::blocks);
  CHECK(walkOf(196, 128, 128, 0.5, 1) == std::nullopt);
  CHECK(walkOf(196, 128, 128, 0.8, 4) == std::nullopt);
  CHECK(walkOf(196, 128, 128, 1, 4) == std::nullopt);
  CHECK(walkOf(4096, 8, 16, 0.1, 4) == std::nullopt);
  CHECK(walkOf(1, 512, 512, 0.1, 4) == Walk::rows);
  CHECK(walkOf(1, 64, 64, 0.1, 4) == std::nullopt);
  CHECK(walkOf(1, 512, 512, 0.1, 1) == std::nullopt);
  CHECK(walkOf(0, 512, 512, 0.1, 4) == std::nullopt);
  CHECK(findSparseForm({16, 4, 0, false}, {}) == std::nullopt);
}
