// Random products whose constant weights have zeros: plans with and without the zeros agree with the reference.
#include <catch2/catch.hpp>

#include "lib/base/random.h"
#include "lib/base/text.h"
#include "lib/runtime/cpu/backend.h"
#include "tests/support/build.h"
#include "tests/support/plans.h"

using namespace compress;
using namespace compress::test;

namespace {

std::string randomProduct(uint64_t seed) {
  Random random(seed, "sparse property");
  const int64_t inputs = 1 + random.below(150), outputs = 1 + random.below(150);
  const int64_t height = 1 + random.below(12), width = 1 + random.below(12), stride = 1 + random.below(2);
  const std::string zeros = text("sparse(", 0.6 + 0.4 * random.uniform(), ", ", random.below(2) == 0 ? 1 : 4, ")");
  if (random.below(2) == 0)
    return text("input x: float32[", height * width, ", ", inputs, "]\nconst w: float32[", inputs, ", ", outputs,
                "] = ", zeros, "\nconst b: float32[", outputs, "]\nm = MatMul(x, w)\ny = Add(m, b)\noutput y\n");
  return text("input x: float32[", 1 + random.below(2), ", ", inputs, ", ", height, ", ", width,
              "]\nconst w: float32[", outputs, ", ", inputs, ", 1, 1] = ", zeros, "\nc = Conv[strides=[", stride, ", ",
              stride, "]](x, w)\ny = Relu(c)\noutput y\n");
}

}  // namespace

TEST_CASE("random products without their zeros agree with the reference", "[runtime][plan][sparse][property]") {
  const auto cpu = makeCpuBackend(true);
  const auto reference = makeReferenceBackend();
  CompileOptions dense, two;
  dense.disabledFusions = {"sparse-product"};
  two.threads = 2;
  int taken = 0;
  for (uint64_t seed = 0; seed < 60; ++seed) {
    const std::string source = randomProduct(seed);
    CAPTURE(seed, source);
    const Model model = buildModel(source);
    const std::vector<Tensor> inputs = randomInputs(model, seed);
    const auto found = runOn(*cpu, model, inputs);
    CHECK(normalizedError(found, runOn(*reference, model, inputs)) <= 1e-9);
    CHECK(normalizedError(found, runOn(*cpu, model, inputs, dense)) <= 1e-9);
    CHECK(sameBytes(found, runOn(*cpu, model, inputs, two)));
    taken += stepKernels(*cpu, model, inputs).find("sparse") != std::string::npos ? 1 : 0;
  }
  CHECK(taken >= 10);
}
