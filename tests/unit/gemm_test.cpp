// Products with a constant right side in own loops: every split of rows into blocks, columns that no panel divides,
// right matrices that are streamed, post-operations, threads.
#include <catch2/catch.hpp>

#include "lib/base/text.h"
#include "tests/support/build.h"
#include "tests/support/plans.h"

using namespace compress;
using namespace compress::test;

namespace {

/// A product of `rows` by a constant [inner, columns] with a bias and an activation.
Model product(int rows, int inner, int columns) {
  return buildModel(text("input x: float32[", rows, ", ", inner, "]\nconst w: float32[", inner, ", ", columns,
                         "]\nconst b: float32[", columns, "]\nm = MatMul(x, w)\na = Add(m, b)\ny = Relu(a)\noutput y"));
}

}  // namespace

TEST_CASE("a product of few rows is that of the reference, with the same bytes for any thread count",
          "[runtime][plan][gemm]") {
  const auto cpu = makeCpuBackend();
  const auto reference = makeReferenceBackend();
  for (const int rows : {1, 2, 3, 7, 12, 13, 16, 17, 23, 24, 25})
    for (const auto& [inner, columns] : {std::pair{300, 530}, std::pair{33, 17}, std::pair{64, 32}}) {
      INFO(rows << " rows, " << inner << " by " << columns);
      const Model model = product(rows, inner, columns);
      const std::vector<Tensor> inputs = randomInputs(model, 11);
      CompileOptions options;
      options.threads = 1;
      const std::vector<Buffer> one = runOn(*cpu, model, inputs, options);
      CHECK(normalizedError(one, runOn(*reference, model, inputs)) <= 1e-11);
      CHECK((stepKernels(*cpu, model, inputs) == "vector gemm") == (rows <= 24 || rows * inner * columns <= 32768));
      for (const int threads : {2, 3}) {
        options.threads = threads;
        CHECK(sameBytes(runOn(*cpu, model, inputs, options), one));
      }
    }
}

TEST_CASE("a product of changing matrices takes a single number as its bias", "[runtime][plan][gemm]") {
  const auto cpu = makeCpuBackend();
  const Model model =
      buildModel("input x: float32[3, 4]\ninput w: float32[4, 1]\ninput b: float32[]\ny = Gemm(x, w, b)\noutput y\n");
  const std::vector<Tensor> inputs = randomInputs(model, 13);
  CHECK(normalizedError(runOn(*cpu, model, inputs), runOn(*makeReferenceBackend(), model, inputs)) <= 1e-11);
}

TEST_CASE(
    "products of more rows are those of the reference, small ones and large ones, with the same bytes for any thread "
    "count",
    "[runtime][plan][gemm]") {
  const auto cpu = makeCpuBackend();
  const auto reference = makeReferenceBackend();
  for (const int rows : {25, 40, 63})
    for (const int inner : {16, 40, 47})
      for (const int columns : {34, 48, 96, 700}) {
        INFO(rows << " rows, " << inner << " by " << columns);
        const Model model = product(rows, inner, columns);
        const std::vector<Tensor> inputs = randomInputs(model, 12);
        CompileOptions options;
        options.threads = 1;
        const std::vector<Buffer> one = runOn(*cpu, model, inputs, options);
        CHECK(normalizedError(one, runOn(*reference, model, inputs)) <= 1e-11);
        for (const int threads : {2, 3}) {
          options.threads = threads;
          CHECK(sameBytes(runOn(*cpu, model, inputs, options), one));
        }
      }
}
