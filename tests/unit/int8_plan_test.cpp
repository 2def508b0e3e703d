// QDQ graphs on the cpu backend: with the int8 fusions an operator is one step on bytes, and its result is within a step of
// what the same plan gives without them.
#include <catch2/catch.hpp>

#include <algorithm>
#include <cmath>

#include "lib/base/random.h"
#include "lib/base/text.h"
#include "lib/runtime/plan/fused_graph.h"
#include "lib/runtime/session.h"
#include "tests/support/build.h"

using namespace compress;

namespace {

std::set<std::string> int8Fusions() {
  std::set<std::string> names;
  for (const Fusion& fusion : allFusions())
    if (std::string_view(fusion.name).starts_with("int8-")) names.insert(std::string(fusion.name));
  return names;
}

constexpr float kStep = 0.0413F;  // no simple ratio to the other steps, so that ties are rare

/// x -> QuantizeLinear -> DequantizeLinear -> `body` (x_d to r) -> QuantizeLinear -> DequantizeLinear -> output of step kStep.
Model wrapped(std::string_view body, std::string_view shape, int xZero, int yZero) {
  return test::buildModel(text(
      "input x: float32", shape, "\nconst xs: float32[] = 0.05\nconst xz: uint8[] = ", xZero, "\nconst ys: float32[] = ", kStep,
      "\nconst yz: uint8[] = ", yZero,
      "\nconst w: int8[16, 8, 3, 3] = uniform(-127, 127)\nconst ws: float32[16] = uniform(0.0005, 0.002)\nconst wz: int8[16] = fill(0)\n"
      "const wd: int8[8, 1, 3, 3] = uniform(-127, 127)\nconst wds: float32[8] = uniform(0.001, 0.004)\nconst wdz: int8[8] = fill(0)\n"
      "const wu: uint8[16, 8, 3, 3] = uniform(60, 200)\nconst wus: float32[] = 0.001\nconst wuz: uint8[] = 130\n"
      "const b: int32[16] = uniform(-20000, 20000)\nconst bs: float32[16] = fill(0.00005)\nconst bz: int32[16] = fill(0)\n"
      "const wm: int8[10, 12] = uniform(-127, 127)\nconst wms: float32[12] = uniform(0.001, 0.01)\nconst wmz: int8[12] = fill(0)\n"
      "x_q = QuantizeLinear(x, xs, xz)\nx_d = DequantizeLinear(x_q, xs, xz)\n",
      body, "\nr_q = QuantizeLinear(r, ys, yz)\ny = DequantizeLinear(r_q, ys, yz)\noutput y\n"));
}

struct Outcome {
  std::vector<float> y;
  std::vector<StepInfo> steps;
  bool operator==(const Outcome& other) const { return y == other.y; }
};

Outcome run(const Model& model, int threads, const std::set<std::string>& disabled, uint64_t seed) {
  const std::unique_ptr<Backend> cpu = makeCpuBackend();
  Session session(model, *cpu, {.threads = threads, .observed = {}, .disabledFusions = disabled});
  Bindings bindings;
  bindings.inputs = test::randomInputs(model, seed);
  session.run(bindings);
  const auto y = bindings.outputs[0].as<float>();
  return {{y.begin(), y.end()}, session.plan(bindings.inputs).steps()};
}

bool hasStep(const Outcome& outcome, std::string_view op) {
  return std::ranges::any_of(outcome.steps, [&](const StepInfo& step) { return step.op == op; });
}

struct PlanCase {
  std::string name, body;
  std::string step;        ///< the op that the plan must hold
  std::string gone;        ///< and the one that it must not
  std::string shape = "[2, 8, 9, 10]";
};

const std::vector<PlanCase> kCases = {
    {"Conv with zero padding", "w_d = DequantizeLinear[axis=0](w, ws, wz)\nb_d = DequantizeLinear[axis=0](b, bs, bz)\nr = Conv[pads=[1, 1, 1, 1]](x_d, w_d, b_d)", "QuantizedConv", "Conv"},
    {"Conv and Relu", "w_d = DequantizeLinear[axis=0](w, ws, wz)\nc = Conv[strides=[2, 2], pads=[0, 1, 1, 0]](x_d, w_d)\nr = Relu(c)", "QuantizedConv", "Conv"},
    {"Conv and Clip, auto_pad", "const lo: float32[] = -1\nconst hi: float32[] = 2\nw_d = DequantizeLinear[axis=0](w, ws, wz)\nc = Conv[auto_pad=\"SAME_UPPER\", strides=[2, 1]](x_d, w_d)\nr = Clip(c, lo, hi)", "QuantizedConv", "Conv"},
    {"depthwise Conv", "w_d = DequantizeLinear[axis=0](wd, wds, wdz)\nr = Conv[group=8, pads=[1, 1, 1, 1], dilations=[1, 1]](x_d, w_d)", "QuantizedConv", "Conv"},
    {"dilated Conv", "w_d = DequantizeLinear[axis=0](w, ws, wz)\nr = Conv[pads=[2, 2, 2, 2], dilations=[2, 2]](x_d, w_d)", "QuantizedConv", "Conv"},
    {"Conv with u8 weights of another zero point", "w_d = DequantizeLinear(wu, wus, wuz)\nr = Conv(x_d, w_d)", "QuantizedConv", "Conv"},
    {"1-D Conv", "const w1: int8[4, 8, 3] = uniform(-127, 127)\nconst w1s: float32[4] = fill(0.002)\nconst w1z: int8[4] = fill(0)\nw_d = DequantizeLinear[axis=0](w1, w1s, w1z)\nr = Conv[pads=[1, 1]](x_d, w_d)", "QuantizedConv", "Conv", "[2, 8, 30]"},
    {"MatMul and Add", "const c: float32[12] = uniform(-1, 1)\nw_d = DequantizeLinear[axis=1](wm, wms, wmz)\nm = MatMul(x_d, w_d)\nr = Add(m, c)", "QuantizedConv", "MatMul", "[2, 5, 10]"},
    {"Gemm", "const c: float32[12] = uniform(-1, 1)\nw_d = DequantizeLinear[axis=1](wm, wms, wmz)\nr = Gemm(x_d, w_d, c)", "QuantizedConv", "Gemm", "[7, 10]"},
    {"Sigmoid", "r = Sigmoid(x_d)", "ByteTable", "Sigmoid"},
    {"SiLU with quantization inside", "const ss: float32[] = 0.004\nconst sz: uint8[] = 0\ns = Sigmoid(x_d)\ns_q = QuantizeLinear(s, ss, sz)\ns_d = DequantizeLinear(s_q, ss, sz)\nr = Mul(x_d, s_d)", "ByteTable", "Mul"},
    {"a chain of unary operators", "const k: float32[1, 1] = 1.5\na = HardSwish(x_d)\nb2 = Mul(a, k)\nc = Tanh(b2)\nr = LeakyRelu[alpha=0.1](c)", "ByteTable", "Tanh"},
    {"requantization alone", "r = Identity(x_d)", "ByteTable", "QuantizeLinear_"},
    {"Add of two", "const as: float32[] = 0.0307\nconst az: uint8[] = 20\na = Relu(x_d)\na_q = QuantizeLinear(a, as, az)\na_d = DequantizeLinear(a_q, as, az)\nt = Transpose[perm=[0, 1, 3, 2]](a_d)\nu = Transpose[perm=[0, 1, 3, 2]](x_d)\nr = Add(t, u)", "QuantizedBinary", "Add", "[2, 8, 9, 9]"},
    {"Mul by a constant of bytes, and Relu", "const q: uint8[8, 1, 1] = uniform(0, 255)\nconst qs: float32[] = 0.0211\nconst qz: uint8[] = 100\nq_d = DequantizeLinear(q, qs, qz)\nm = Mul(x_d, q_d)\nr = Relu(m)", "QuantizedBinary", "Mul"},
    {"Concat of different steps", "const as: float32[] = 0.0307\nconst az: uint8[] = 20\na = Tanh(x_d)\na_q = QuantizeLinear(a, as, az)\na_d = DequantizeLinear(a_q, as, az)\nr = Concat[axis=1](x_d, a_d, x_d)", "QuantizedConcat", "Concat"},
    {"GlobalAveragePool", "r = GlobalAveragePool(x_d)", "QuantizedAveragePool", "GlobalAveragePool"},
    {"AveragePool", "r = AveragePool[kernel_shape=[3, 2], strides=[2, 2], pads=[1, 0, 1, 1], count_include_pad=1](x_d)", "QuantizedAveragePool", "AveragePool"},
    {"MaxPool", "r = MaxPool[kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1]](x_d)", "MaxPool", "Max"},
    {"nearest Resize", "const roi: float32[0]\nconst sc: float32[4] = 1, 1, 2, 2\nr = Resize[mode=\"nearest\", coordinate_transformation_mode=\"asymmetric\", nearest_mode=\"floor\"](x_d, roi, sc)", "Resize", "Upsample"},
    {"DepthToSpace, Transpose, Reshape", "const to: int64[2] = 2, -1\na = DepthToSpace[blocksize=2](x_d)\nt = Transpose[perm=[0, 3, 1, 2]](a)\nr = Reshape(t, to)", "ByteTable", "QuantizeLinear_"},
    {"Pad and Slice", "const pads: int64[8] = 0, 0, 1, 2, 0, 0, 0, 1\nconst st: int64[2] = 0, 1\nconst en: int64[2] = 9, 9\nconst ax: int64[2] = 2, 3\nconst sp: int64[2] = 2, 1\np = Pad(x_d, pads)\nr = Slice(p, st, en, ax, sp)", "ByteTable", "QuantizeLinear_"},
};

}  // namespace

TEST_CASE("int8 fusions keep each operator within a step", "[int8][int8-plan]") {
  for (const PlanCase& item : kCases)
    for (const auto& [xZero, yZero] : {std::pair{0, 0}, std::pair{128, 120}, std::pair{7, 3}}) {
      CAPTURE(item.name, xZero, yZero);
      const Model model = wrapped(item.body, item.shape, xZero, yZero);
      const Outcome fused = run(model, 2, {}, 1), plain = run(model, 2, int8Fusions(), 1);
      CHECK(hasStep(fused, item.step));
      CHECK_FALSE(hasStep(fused, item.gone));
      REQUIRE(fused.y.size() == plain.y.size());
      double worst = 0;
      int64_t differing = 0;
      for (size_t i = 0; i < fused.y.size(); ++i) {
        const double steps = std::abs(fused.y[i] - plain.y[i]) / kStep;
        worst = std::max(worst, steps);
        differing += steps > 0.5;
      }
      CHECK(worst < 1.01);
      CHECK(static_cast<double>(differing) <= 0.01 * static_cast<double>(fused.y.size()) + 1);
      CHECK(run(model, 1, {}, 1) == fused);
      CHECK(run(model, 4, {}, 1) == fused);
    }
}

TEST_CASE("a Conv without QuantizeLinear behind it stays integer and gives floats", "[int8][int8-plan]") {
  const Model model = wrapped("w_d = DequantizeLinear[axis=0](w, ws, wz)\nf = Conv[pads=[1, 1, 1, 1]](x_d, w_d)\nr = Softmax[axis=1](f)", "[2, 8, 9, 10]", 128, 0);
  const Outcome fused = run(model, 2, {}, 1), plain = run(model, 2, int8Fusions(), 1);
  CHECK(hasStep(fused, "QuantizedConv"));
  for (size_t i = 0; i < fused.y.size(); ++i) CHECK(std::abs(fused.y[i] - plain.y[i]) < 1.01 * kStep);
}

TEST_CASE("each int8 fusion can be switched off by its name", "[int8][int8-plan]") {
  const Model model = wrapped("w_d = DequantizeLinear[axis=0](w, ws, wz)\nr = Conv(x_d, w_d)", "[1, 8, 9, 10]", 3, 5);
  CHECK_FALSE(hasStep(run(model, 1, {"int8-conv"}, 1), "QuantizedConv"));
}

TEST_CASE("channel slices before a QuantizeLinear are read in place", "[int8][int8-plan]") {
  const Model model = test::buildModel(
      "input x: float32[1, 3, 8, 12]\nconst s: float32[] = 0.03\nconst z: uint8[] = 100\nconst zero: int64[1] = 0\nconst one: int64[1] = 1\n"
      "const two: int64[1] = 2\nconst three: int64[1] = 3\nconst all: int64[1] = 1000\n"
      "a = Slice(x, zero, all, two, two)\nb = Slice(x, one, all, two, two)\n"
      "aa = Slice(a, zero, all, three, two)\nab = Slice(a, one, all, three, two)\nba = Slice(b, zero, all, three, two)\nbb = Slice(b, one, all, three, two)\n"
      "c = Concat[axis=1](aa, ba, ab, bb)\nq = QuantizeLinear(c, s, z)\ny = DequantizeLinear(q, s, z)\noutput y\n");
  const Outcome fused = run(model, 2, {}, 1), plain = run(model, 2, int8Fusions(), 1);
  CHECK(hasStep(fused, "QuantizeChannels"));
  CHECK(fused.y == plain.y);
}
