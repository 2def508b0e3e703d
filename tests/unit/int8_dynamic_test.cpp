// Products of integers with run-time scales on the cpu backend, against the reference.
#include <catch2/catch.hpp>

#include "lib/runtime/cpu/backend.h"
#include "lib/runtime/plan/executable.h"
#include "tests/support/build.h"
#include "tests/support/plans.h"

using namespace compress;
using namespace compress::test;

namespace {

constexpr const char* kQuantized =
    "xq, xs, xz = DynamicQuantizeLinear(x)\nconst ws: float32[] = 0.0123\ns = Mul(xs, ws)\n";

struct DynamicCase {
  std::string name, shape, body;
  std::string steps;  ///< that the plan must consist of
};

const std::vector<DynamicCase>& dynamicCases() {
  static const std::vector<DynamicCase> kCases = {
      {"MatMul with bias", "[2, 7, 30]",
       "const w: int8[30, 20] = uniform(-127, 127)\nconst wz: int8[] = 0\nconst b: float32[20]\n"
       "m = MatMulInteger(xq, w, xz, wz)\nc = Cast[to=1](m)\nr = Mul(c, s)\ny = Add(r, b)",
       "DynamicQuantizeLinear Elementwise IntegerConv"},
      {"MatMul with u8 weights and scales per column", "[5, 16]",
       "const w: uint8[16, 9] = uniform(20, 235)\nconst wz: uint8[9] = uniform(110, 140)\n"
       "const wc: float32[9] = uniform(0.001, 0.02)\nsc = Mul(wc, xs)\n"
       "m = MatMulInteger(xq, w, xz, wz)\nc = Cast[to=1](m)\ny = Mul(sc, c)",
       "DynamicQuantizeLinear Elementwise IntegerConv"},
      {"MatMul without scale", "[5, 600]", "const w: int8[600, 40] = uniform(100, 127)\ny = MatMulInteger(xq, w, xz)",
       "DynamicQuantizeLinear IntegerConv"},
      {"MatMul into Cast alone", "[5, 16]",
       "const w: int8[16, 8] = uniform(-100, 127)\nm = MatMulInteger(xq, w)\ny = Cast[to=1](m)",
       "DynamicQuantizeLinear IntegerConv Cast"},
      {"two MatMuls of one tensor", "[4, 32]",
       "const v: int8[32, 8] = uniform(-127, 127)\nconst w: int8[32, 8] = uniform(-127, 127)\n"
       "a = MatMulInteger(xq, v, xz)\nac = Cast[to=1](a)\nar = Mul(ac, s)\n"
       "b = MatMulInteger(xq, w, xz)\nbc = Cast[to=1](b)\nbr = Mul(bc, s)\ny = Concat[axis=1](ar, br)",
       "DynamicQuantizeLinear Elementwise IntegerConv IntegerConv Concat"},
      {"padded Conv", "[2, 8, 9, 11]",
       "const w: int8[6, 8, 3, 3] = uniform(-127, 127)\nconst b: float32[1, 6, 1, 1]\n"
       "m = ConvInteger[pads=[1, 2, 0, 1], strides=[2, 1]](xq, w, xz)\nc = Cast[to=1](m)\nr = Mul(c, s)\ny = Add(r, b)",
       ""},
      {"depthwise Conv, scales per channel", "[1, 8, 9, 9]",
       "const w: int8[8, 1, 3, 3] = uniform(-127, 127)\nconst wc: float32[8, 1, 1] = uniform(0.001, 0.02)\n"
       "sc = Mul(wc, xs)\nm = ConvInteger[group=8, auto_pad=\"SAME_UPPER\"](xq, w, xz)\nc = Cast[to=1](m)\n"
       "y = Mul(c, sc)",
       ""},
      {"1-D Conv", "[2, 4, 20]",
       "const w: int8[5, 4, 3] = uniform(-127, 127)\nm = ConvInteger[pads=[1, 1], dilations=[2]](xq, w, xz)\n"
       "c = Cast[to=1](m)\ny = Mul(c, s)",
       ""},
  };
  return kCases;
}

}  // namespace

TEST_CASE("integer products with run-time scales are what the reference says", "[int8][int8-dynamic]") {
  const auto cpu = makeCpuBackend(true);
  const auto reference = makeReferenceBackend();
  for (const DynamicCase& item : dynamicCases()) {
    CAPTURE(item.name);
    const Model model = buildModel("input x: float32" + item.shape + "\n" + kQuantized + item.body + "\noutput y\n");
    Bindings bindings{randomInputs(model, 3), {}};
    const Shape shape = bindings.inputs[0].shape();
    const auto executable = cpu->compile(model.graph, {&shape, 1}, {});
    executable->run(bindings);
    CHECK(sameBytes(bindings.outputs, runOn(*reference, model, bindings.inputs)));
    const std::string steps = stepOps(*cpu, model, bindings.inputs);
    if (item.steps.empty())
      CHECK(steps.find("IntegerConv") != std::string::npos);
    else
      CHECK(steps == item.steps);
    for (const int threads : {2, 4}) {
      CompileOptions options;
      options.threads = threads;
      CHECK(sameBytes(runOn(*cpu, model, bindings.inputs, options), bindings.outputs));
    }
  }
}

TEST_CASE("dynamic ranges hold zero", "[int8][int8-dynamic]") {
  const auto cpu = makeCpuBackend();
  const auto reference = makeReferenceBackend();
  const Model model =
      buildModel("input x: float32[N]\nq, s, z = DynamicQuantizeLinear(x)\noutput q\noutput s\noutput z\n");
  for (const char* values : {"1, 2, 3, 4", "-1, -2, -3, -4", "0, 0, 0, 0", "-1, 0.5, 0.25, 3"}) {
    CAPTURE(values);
    const std::vector<Tensor> inputs = {buildTensor(DType::f32, Shape{4}, values)};
    CHECK(sameBytes(runOn(*cpu, model, inputs), runOn(*reference, model, inputs)));
  }
}
