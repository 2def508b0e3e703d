// Plans with shapes that are known at run time only, and bodies of If, Loop and Scan as plans of their own.
#include <catch2/catch.hpp>

#include "lib/runtime/session.h"
#include "tests/support/build.h"
#include "tests/support/plans.h"

using namespace compress;
using namespace compress::test;

namespace {

/// Runs three sets of inputs in turn, so that plans of segments are found again, on both backends.
void checkRuns(const Model& model, int64_t unknown = 2) {
  const auto cpu = makeCpuBackend();
  const auto reference = makeReferenceBackend();
  Session fast(model, *cpu);
  Session slow(model, *reference);
  for (const uint64_t seed : {1, 2, 1}) {
    Bindings found{randomInputs(model, seed, unknown), {}};
    Bindings wanted{found.inputs, {}};
    fast.run(found);
    slow.run(wanted);
    CHECK(normalizedError(found.outputs, wanted.outputs) <= 1e-9);
  }
}

}  // namespace

TEST_CASE("what follows a data-dependent shape is compiled at run time", "[runtime][plan]") {
  checkRuns(
      buildModel("input x: float32[4, 6]\ninput k: int64[9]\nconst w: float32[6, 3]\na = Relu(x)\n"
                 "p = NonZero(k)\nq = Squeeze(p)\nc = Cast[to=1](q)\nd = Sigmoid(c)\ny = MatMul(a, w)\n"
                 "output y\noutput d\noutput q"));
}

TEST_CASE("a value between segments may be an input, a constant or observed", "[runtime][plan]") {
  const Model model = buildModel(
      "input x: float32[3]\nconst k: float32[3]\na = Abs(x)\np = NonZero(x)\nt = Transpose(p)\ng = GatherND(a, t)\n"
      "h = GatherND(k, t)\ny = Add(g, h)\noutput y\noutput x\noutput k");
  checkRuns(model);
  const auto cpu = makeCpuBackend();
  CompileOptions options;
  options.observed = {model.graph.findValue("a"), model.graph.findValue("g")};
  const std::vector<Tensor> inputs = randomInputs(model, 5);
  CHECK(normalizedError(runOn(*cpu, model, inputs, options), runOn(*makeReferenceBackend(), model, inputs, options)) <=
        1e-9);
}

TEST_CASE("an If whose condition is known becomes its branch", "[runtime][plan]") {
  const Model model = buildModel(
      "input x: float32[2, 3]\nconst k: float32[3]\ngraph one\ninput v: float32[2, 3]\ninput u: float32[3]\nr = Add(v, "
      "u)\ns = Relu(r)\noutput s\nend\ngraph other\ninput v: float32[2, 3]\ninput u: float32[3]\nr = Identity(v)\n"
      "output r\nend\nsh = Shape(x)\nconst i: int64[] = 0\nconst two: int64[] = 2\nd = Gather(sh, i)\nc = Equal(d, "
      "two)\n"
      "y = If[then_branch=@one, else_branch=@other](c, x, k) captures 2\nz = Tanh(y)\noutput z");
  const auto cpu = makeCpuBackend();
  const std::vector<Tensor> inputs = randomInputs(model, 1);
  CHECK(stepOps(*cpu, model, inputs) == "Elementwise");
  checkRuns(model);
}

TEST_CASE("branches of an If are plans of their own", "[runtime][plan]") {
  const Model model = buildModel(
      "input c: bool[]\ninput x: float32[2, 8]\nconst w: float32[8, 8]\ngraph one\ninput v: float32[2, 8]\ninput u: "
      "float32[8, 8]\nr = MatMul(v, u)\noutput r\nend\ngraph other\ninput v: float32[2, 8]\ninput u: float32[8, 8]\n"
      "r = Neg(v)\noutput r\nend\ny = If[then_branch=@one, else_branch=@other](c, x, w) captures 2\noutput y");
  checkRuns(model);
  const auto cpu = makeCpuBackend();
  CHECK(stepKernels(*cpu, model, randomInputs(model, 1)) == "body plans");
}

TEST_CASE("a Loop whose values grow runs as the reference does", "[runtime][plan]") {
  const Model model = buildModel(
      "input x: float32[1, 4]\nconst n: int64[] = 5\nconst go: bool[] = 1\nconst w: float32[4, 4]\n"
      "graph body\ninput i: int64[]\ninput c: bool[]\ninput h: float32[1, 4]\ninput all: float32[?, 4]\n"
      "input u: float32[4, 4]\nm = MatMul(h, u)\nt = Tanh(m)\na = Concat[axis=0](all, t)\ns = Softmax(a)\n"
      "cc = Identity(c)\noutput cc\noutput t\noutput a\noutput t\nend\n"
      "h, all, each = Loop[body=@body](n, go, x, x, w) captures 1\ny = Relu(all)\noutput h\noutput y\noutput each");
  checkRuns(model);
}

TEST_CASE("a Scan with states and results runs as the reference does", "[runtime][plan]") {
  checkRuns(buildModel(
      "input h: float32[3]\ninput x: float32[5, 3]\nconst w: float32[3, 3]\ngraph body\ninput s: float32[3]\n"
      "input v: float32[3]\ninput u: float32[3, 3]\na = Add(s, v)\nb = MatMul(a, u)\nc = Sigmoid(b)\noutput c\n"
      "output b\nend\nlast, ys = Scan[body=@body, num_scan_inputs=1](h, x, w) captures 1\noutput last\noutput ys"));
}

TEST_CASE("a Loop without iterations gives what came in", "[runtime][plan]") {
  checkRuns(
      buildModel("input x: float32[2]\nconst n: int64[] = 0\ngraph body\ninput i: int64[]\ninput c: bool[]\n"
                 "input h: float32[2]\nt = Neg(h)\ncc = Identity(c)\noutput cc\noutput t\noutput t\nend\n"
                 "h, all = Loop[body=@body](n, _, x)\ny = Exp(h)\noutput y\noutput all"));
}
