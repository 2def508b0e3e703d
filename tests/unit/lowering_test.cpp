// Operators that are others in disguise: shapes are known where theirs are, and plans run them by fast kernels.
#include "lib/ops/lowering.h"

#include <catch2/catch.hpp>

#include "lib/ir/print.h"
#include "lib/ops/infer_types.h"
#include "lib/runtime/session.h"
#include "tests/support/build.h"

using namespace compress;
using namespace compress::test;

TEST_CASE("plans run lowered operators by fast kernels", "[ops][runtime]") {
  const Model model = buildModel(
      "opset 17\nopset com.microsoft 1\ninput x: float32[2, 3, 8]\ninput s: float32[2, 3, 8]\n"
      "const g: float32[8]\nconst b: float32[8]\nconst w: float32[8, 24]\n"
      "n = com.microsoft.SkipLayerNormalization[epsilon=0.001](x, s, g, b)\n"
      "a = com.microsoft.Attention[num_heads=2](n, w)\ny = com.microsoft.BiasGelu(a, b)\noutput y\n");
  const auto backend = makeCpuBackend();
  Session session(model, *backend);
  const auto inputs = randomInputs(model, 1);
  for (const StepInfo& step : session.plan(inputs).steps()) {
    CAPTURE(step.name, step.op);
    CHECK(step.kernel != "ref");
  }
}

TEST_CASE("shapes of lowered operators are known as far as their inputs'", "[ops]") {
  const Model model = buildModel(
      "opset 17\nopset com.microsoft 1\ninput x: float32[N, 3, 8]\nconst w: float32[8, 24]\n"
      "y = com.microsoft.Attention[num_heads=2](x, w)\nz = com.microsoft.FusedMatMul[transA=1](y, y)\noutput z\n");
  const Inferred inferred = inferTypes(model.graph);
  const auto typeOf = [&](const char* name) {
    return inferred.types.at(static_cast<size_t>(model.graph.findValue(name).index));
  };
  CHECK(typeOf("y").rank() == 3);
  CHECK(print(typeOf("z")) == "float32[N, 8, 8]");
}
