// QDQ graphs on the cpu backend: with the int8 fusions an operator is one step on bytes, and its result is within a
// step of what the same plan gives without them.
#include <catch2/catch.hpp>

#include <algorithm>
#include <cmath>

#include "lib/runtime/plan/fused_graph.h"
#include "lib/runtime/session.h"
#include "tests/support/build.h"
#include "tests/support/plans.h"
#include "tests/support/quantized_graphs.h"

using namespace compress;
using namespace compress::test;

namespace {

std::set<std::string> int8Fusions() {
  std::set<std::string> names;
  for (const Fusion& fusion : allFusions())
    if (std::string_view(fusion.name).starts_with("int8-")) names.insert(std::string(fusion.name));
  return names;
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

}  // namespace

TEST_CASE("int8 fusions keep each operator within a step", "[int8][int8-plan]") {
  for (const QuantizedCase& item : quantizedCases())
    for (const auto& [xZero, yZero] : {std::pair{0, 0}, std::pair{128, 120}, std::pair{7, 3}}) {
      CAPTURE(item.name, xZero, yZero);
      const Model model = quantizedModel(item, xZero, yZero);
      const Outcome fused = run(model, 2, {}, 1), plain = run(model, 2, int8Fusions(), 1);
      CHECK(hasStep(fused, item.step));
      CHECK_FALSE(hasStep(fused, item.gone));
      REQUIRE(fused.y.size() == plain.y.size());
      double worst = 0;
      int64_t differing = 0;
      for (size_t i = 0; i < fused.y.size(); ++i) {
        const double steps = std::abs(fused.y[i] - plain.y[i]) / kQuantizedStep;
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
  const Model model = quantizedModel(
      {"", "w_d = DequantizeLinear[axis=0](w, ws, wz)\nf = Conv[pads=[1, 1, 1, 1]](x_d, w_d)\nr = Softmax[axis=1](f)",
       "", ""},
      128, 0);
  const Outcome fused = run(model, 2, {}, 1), plain = run(model, 2, int8Fusions(), 1);
  CHECK(hasStep(fused, "QuantizedConv"));
  for (size_t i = 0; i < fused.y.size(); ++i) CHECK(std::abs(fused.y[i] - plain.y[i]) < 1.01 * kQuantizedStep);
}

TEST_CASE("each int8 fusion can be switched off by its name", "[int8][int8-plan]") {
  const Model model =
      quantizedModel({"", "w_d = DequantizeLinear[axis=0](w, ws, wz)\nr = Conv(x_d, w_d)", "", ""}, 3, 5);
  CHECK_FALSE(hasStep(run(model, 1, {"int8-conv"}, 1), "QuantizedConv"));
}

TEST_CASE("channel slices before a QuantizeLinear are read in place", "[int8][int8-plan]") {
  const Model model = test::buildModel(
      "input x: float32[1, 3, 8, 12]\nconst s: float32[] = 0.03\nconst z: uint8[] = 100\nconst zero: int64[1] = "
      "0\nconst one: int64[1] = 1\n"
      "const two: int64[1] = 2\nconst three: int64[1] = 3\nconst all: int64[1] = 1000\n"
      "a = Slice(x, zero, all, two, two)\nb = Slice(x, one, all, two, two)\n"
      "aa = Slice(a, zero, all, three, two)\nab = Slice(a, one, all, three, two)\nba = Slice(b, zero, all, three, "
      "two)\nbb = Slice(b, one, all, three, two)\n"
      "c = Concat[axis=1](aa, ba, ab, bb)\nq = QuantizeLinear(c, s, z)\ny = DequantizeLinear(q, s, z)\noutput y\n");
  const Outcome fused = run(model, 2, {}, 1), plain = run(model, 2, int8Fusions(), 1);
  CHECK(hasStep(fused, "QuantizeChannels"));
  CHECK(fused.y == plain.y);
}

TEST_CASE("QLinearConv and QLinearMatMul of constant weights run as one step on bytes", "[int8][int8-plan]") {
  const Model model = buildModel(
      "input x: float32[1, 8, 6, 6]\nconst s: float32[] = 0.05\nconst z: uint8[] = 120\n"
      "const w: int8[8, 8, 3, 3]\nconst ws: float32[8] = uniform(0.01, 0.02)\nconst wz: int8[8] = 0, 0, 0, 0, 0, 0, 0, 0\n"
      "const b: int32[8] = 100, -200, 300, 0, 5, 6, 7, 8\nconst t: float32[] = 0.4\nconst g: int8[6, 5]\n"
      "const gs: float32[] = 0.01\nconst gz: int8[] = 0\nq = QuantizeLinear(x, s, z)\n"
      "c = QLinearConv[pads=[1, 1, 1, 1]](q, s, z, w, ws, wz, t, z, b)\n"
      "m = QLinearMatMul(c, t, z, g, gs, gz, t, z)\ny = DequantizeLinear(m, t, z)\noutput y");
  const Outcome fused = run(model, 2, {}, 1);
  for (const StepInfo& step : fused.steps) CHECK(step.kernel != "ref");
  const std::vector<Buffer> wanted = test::runOn(*makeReferenceBackend(), model, test::randomInputs(model, 1));
  const auto reals = wanted[0].as<float>();
  REQUIRE(reals.size() == fused.y.size());
  for (size_t i = 0; i < reals.size(); ++i) CHECK(std::abs(fused.y[i] - reals[i]) < 1.01 * 0.4);
}
