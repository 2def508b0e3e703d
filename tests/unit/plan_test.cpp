// Plans of the cpu backend: each fused pattern, views, observed values, layouts, threads, the arena.
#include <algorithm>
#include <catch2/catch.hpp>

#include "lib/base/parallel.h"
#include "lib/runtime/cpu/backend.h"
#include "lib/runtime/plan/arena.h"
#include "lib/runtime/plan/executable.h"
#include "tests/support/build.h"
#include "tests/support/errors.h"
#include "tests/support/plans.h"

using namespace compress;
using namespace compress::test;

namespace {

/// Float kernels sum in another order than the reference, which sums in double: about 1e-7 per element squared.
constexpr double kTolerance = 1e-9;

struct Pattern {
  const char* name;
  const char* text;
  const char* steps;  ///< operators of the plan's steps
};

const std::vector<Pattern>& patterns() {
  static const std::vector<Pattern> kPatterns = {
      {"conv and bias and relu",
       "input x: float32[1, 3, 9, 7]\nconst w: float32[5, 3, 3, 3]\nconst b: float32[5]\nc = Conv[pads=[1, 1, 1, "
       "1]](x, w, b)\n"
       "y = Relu(c)\noutput y",
       "Reorder Conv Reorder"},
      {"every activation behind a conv",
       "input x: float32[1, 4, 6, 6]\nconst w: float32[4, 4, 1, 1]\nconst lo: float32[] = -0.5\nconst hi: float32[] = "
       "0.7\n"
       "a = Conv(x, w)\nb = LeakyRelu[alpha=0.2](a)\nc = Conv(b, w)\nd = Clip(c, lo, hi)\ne = Conv(d, w)\nf = Tanh(e)\n"
       "g = Conv(f, w)\nh = HardSwish(g)\ni = Conv(h, w)\nj = HardSigmoid[alpha=0.3, beta=0.4](i)\nk = Conv(j, w)\nl = "
       "Elu[alpha=0.9](k)\n"
       "m = Conv(l, w)\nn = Gelu(m)\no = Conv(n, w)\np = Gelu[approximate=\"tanh\"](o)\nq = Conv(p, w)\nr = "
       "Sigmoid(q)\noutput r",
       "Reorder Conv Conv Conv Conv Conv Conv Conv Conv Conv Elementwise Reorder"},
      {"two activations of one kind behind a conv",
       "input x: float32[1, 4, 6, 6]\nconst w: float32[8, 4, 3, 3]\nconst lo: float32[] = -1\nconst hi: float32[] = "
       "1\nc = Conv(x, w)\na = LeakyRelu[alpha=0.1](c)\n"
       "y = Relu(a)\nd = Conv(x, w)\ne = Clip(d, lo, hi)\nf = HardSigmoid(e)\noutput y\noutput f",
       nullptr},
      {"silu",
       "input x: float32[1, 4, 6, 6]\nconst w: float32[8, 4, 3, 3]\nc = Conv(x, w)\ns = Sigmoid(c)\ny = Mul(s, "
       "c)\noutput y",
       "Reorder Conv Elementwise Reorder"},
      {"conv and batch normalization",
       "input x: float32[1, 3, 8, 8]\nconst w: float32[6, 3, 3, 3]\nconst s: float32[6]\nconst b: float32[6]\nconst m: "
       "float32[6]\n"
       "const v: float32[6] = uniform(0.5, 2)\nc = Conv(x, w)\ny = BatchNormalization(c, s, b, m, v)\noutput y",
       "Reorder Conv Reorder"},
      {"conv and Mul and Add per channel",
       "input x: float32[1, 3, 8, 8]\nconst w: float32[6, 3, 3, 3]\nconst b: float32[6]\nconst s: float32[6, 1, "
       "1]\nconst o: float32[1, 6, 1, 1]\n"
       "c = Conv(x, w, b)\nd = Mul(c, s)\ny = Add(o, d)\noutput y",
       "Reorder Conv Reorder"},
      {"batch normalization alone",
       "input x: float32[2, 3, 4, 4]\nconst s: float32[3]\nconst b: float32[3]\nconst m: float32[3]\nconst v: "
       "float32[3] = uniform(0.5, 2)\n"
       "y = BatchNormalization(x, s, b, m, v)\noutput y",
       "Elementwise"},
      {"residual that dies: sum into its buffer",
       "input x: float32[1, 8, 6, 6]\nconst w: float32[8, 8, 3, 3]\na = Conv[pads=[1, 1, 1, 1]](x, w)\nb = "
       "Conv[pads=[1, 1, 1, 1]](a, w)\n"
       "c = Add(b, a)\ny = Relu(c)\noutput y",
       "Reorder Conv Conv Reorder"},
      {"residual that lives on: binary post-operation",
       "input x: float32[1, 8, 6, 6]\nconst w: float32[8, 8, 3, 3]\na = Conv[pads=[1, 1, 1, 1]](x, w)\nb = "
       "Conv[pads=[1, 1, 1, 1]](a, w)\n"
       "c = Add(a, b)\nd = Conv[pads=[1, 1, 1, 1]](c, w)\ny = Add(d, a)\noutput y",
       "Reorder Conv Conv Conv Reorder"},
      {"activation before the residual",
       "input x: float32[1, 8, 6, 6]\nconst w: float32[8, 8, 1, 1]\na = Conv(x, w)\nb = Conv(a, w)\ns = Sigmoid(b)\nm "
       "= Mul(b, s)\ny = Add(m, a)\noutput y",
       "Reorder Conv Conv Elementwise Reorder"},
      {"two convs into one Add",
       "input x: float32[1, 4, 5, 5]\nconst w: float32[8, 4, 1, 1]\nconst v: float32[8, 4, 1, 1]\na = Conv(x, w)\nb = "
       "Conv(x, v)\ny = Add(a, b)\noutput y",
       "Reorder Conv Conv Reorder"},
      {"Pad into Conv",
       "input x: float32[1, 3, 8, 8]\nconst p: int64[8] = 0, 0, 1, 2, 0, 0, 2, 1\nconst w: float32[4, 3, 3, 3]\nq = "
       "Pad(x, p)\ny = Conv(q, w)\noutput y",
       "Reorder Conv Reorder"},
      {"Pad into AveragePool",
       "input x: float32[1, 3, 8, 8]\nconst p: int64[8] = 0, 0, 1, 1, 0, 0, 1, 1\nq = Pad(x, p)\ny = "
       "AveragePool[kernel_shape=[3, 3]](q)\noutput y",
       "Reorder AveragePool Reorder"},
      {"Focus: slices into Concat",
       "input x: float32[1, 3, 8, 6]\nconst zero: int64[1] = 0\nconst one: int64[1] = 1\nconst two: int64[1] = "
       "2\nconst three: int64[1] = 3\n"
       "const end: int64[1] = 1000\n"
       "a = Slice(x, zero, end, two, two)\nb = Slice(x, one, end, two, two)\nc = Slice(a, zero, end, three, two)\nd = "
       "Slice(b, zero, end, three, two)\n"
       "e = Slice(x, zero, end, two, two)\nf = Slice(e, one, end, three, two)\ny = Concat[axis=1](c, d, f)\noutput y",
       "StridedConcat Reorder"},
      {"Focus whose rows are cut once",
       "input x: float32[1, 3, 8, 6]\nconst zero: int64[1] = 0\nconst one: int64[1] = 1\nconst two: int64[1] = "
       "2\nconst three: int64[1] = 3\nconst end: int64[1] = 1000\n"
       "a = Slice(x, zero, end, two, two)\nb = Slice(x, one, end, two, two)\nc = Slice(a, zero, end, three, two)\nd = "
       "Slice(b, zero, end, three, two)\n"
       "e = Slice(a, one, end, three, two)\nf = Slice(b, one, end, three, two)\ny = Concat[axis=1](c, d, e, f)\noutput y",
       "StridedConcat Reorder"},
      {"Slices and Pad: a shortcut",
       "input x: float32[1, 4, 8, 6]\nconst zero: int64[1] = 0\nconst two: int64[1] = 2\nconst three: int64[1] = "
       "3\nconst end: int64[1] = 1000\n"
       "const p: int64[8] = 0, 2, 0, 0, 0, 2, 0, 0\na = Slice(x, zero, end, two, two)\nb = Slice(a, zero, end, three, "
       "two)\ny = Pad(b, p)\noutput y",
       "StridedConcat Reorder"},
      {"Gemm with a row",
       "input x: float32[5, 12]\nconst w: float32[7, 12]\nconst b: float32[7]\ny = Gemm[transB=1, alpha=0.5, "
       "beta=2.0](x, w, b)\noutput y",
       "Gemm"},
      {"MatMul and Add and Relu",
       "input x: float32[2, 5, 12]\nconst w: float32[12, 33]\nconst b: float32[33]\nm = MatMul(x, w)\na = Add(b, m)\ny "
       "= Relu(a)\noutput y",
       "Gemm"},
      {"large MatMul",
       "input x: float32[40, 64]\nconst w: float32[64, 50]\nconst b: float32[1, 50]\nm = MatMul(x, w)\na = Add(m, "
       "b)\ny = Tanh(a)\noutput y",
       "Gemm"},
      {"MatMul of two inputs", "input a: float32[2, 1, 5, 6]\ninput b: float32[3, 6, 4]\ny = MatMul(a, b)\noutput y",
       "MatMul"},
      {"elementwise chain with broadcasts",
       "input x: float32[2, 3, 4, 5]\ninput y: float32[3, 1, 5]\ninput z: float32[4, 1]\nconst two: float32[] = 2\n"
       "a = Add(x, y)\nb = Exp(a)\nc = Div(z, b)\nd = Sub(two, c)\ne = Abs(d)\nf = Max(e, z)\ng = Sqrt(f)\noutput g",
       "Elementwise"},
      {"unary elementwise",
       "input x: float32[3, 50]\na = Softplus(x)\nb = Mish(a)\nc = Erf(b)\nd = Neg(c)\ne = Floor(d)\nf = Ceil(d)\ng = "
       "Round(x)\nh = Add(e, f)\ni = Add(h, g)\n"
       "j = Exp(d)\nk = Log(j)\nl = Reciprocal(j)\nm = Add(k, l)\nn = Add(m, i)\noutput n",
       nullptr},
      {"PRelu", "input x: float32[2, 3, 4, 4]\nconst s: float32[3, 1, 1]\ny = PRelu(x, s)\noutput y", "Elementwise"},
      {"transposes that cancel",
       "input x: float32[2, 3, 4]\na = Transpose[perm=[2, 0, 1]](x)\nb = Transpose[perm=[1, 2, 0]](a)\ny = "
       "Relu(b)\noutput y",
       "Elementwise"},
      {"a Transpose behind a Conv is a view",
       "input x: float32[1, 3, 5, 5]\nconst w: float32[4, 3, 1, 1]\nc = Conv(x, w)\ny = Transpose[perm=[0, 2, 3, "
       "1]](c)\noutput y",
       "Reorder Conv"},
      {"a Transpose before a Conv is a view",
       "input x: float32[1, 5, 5, 3]\nconst w: float32[4, 3, 1, 1]\nt = Transpose[perm=[0, 3, 1, 2]](x)\nc = Conv(t, "
       "w)\ny = Transpose[perm=[0, 2, 3, 1]](c)\noutput y",
       "Conv"},
      {"detection tail without copies",
       "input x: float32[1, 6, 4, 4]\nconst w: float32[6, 6, 1, 1]\nconst s: int64[3] = 1, 6, -1\nconst v: float32[6, "
       "6, 2, 2]\n"
       "a = Conv(x, w)\nb = Conv[strides=[2, 2]](x, v)\nc = Reshape(a, s)\nd = Reshape(b, s)\ne = Concat[axis=2](c, "
       "d)\ny = Transpose[perm=[0, 2, 1]](e)\noutput y",
       "Reorder Conv Conv"},
      {"reshapes are views",
       "input x: float32[2, 3, 4]\nconst s: int64[2] = 6, 4\nconst one: int64[1] = 1\na = Relu(x)\nb = Reshape(a, "
       "s)\nc = Unsqueeze(b, one)\nd = Squeeze(c, one)\n"
       "e = Flatten[axis=1](d)\nf = Identity(e)\ny = Neg(f)\noutput y",
       "Elementwise Elementwise"},
      {"Split on the outermost axis",
       "input x: float32[4, 16]\na = Relu(x)\nb, c = Split[axis=0, num_outputs=2](a)\ny = Mul(b, c)\noutput y",
       "Elementwise Elementwise"},
      {"Split on an inner axis",
       "input x: float32[4, 6]\nconst n: int64[2] = 2, 4\na, b = Split[axis=1](x, n)\noutput a\noutput b", "Split"},
      {"Concat of channels",
       "input x: float32[1, 3, 4, 4]\ninput y: float32[1, 5, 4, 4]\nconst w: float32[2, 8, 1, 1]\nc = "
       "Concat[axis=1](x, y)\nd = Conv(c, w)\noutput d",
       "Concat Reorder Conv Reorder"},
      {"Concat on the outermost axis",
       "input x: float32[4, 4]\na = Relu(x)\nb = Neg(x)\nc = Concat[axis=0](a, b, a)\noutput c",
       "Elementwise Elementwise Concat"},
      {"pools",
       "input x: float32[2, 11, 9, 8]\na = MaxPool[kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1]](x)\n"
       "b = AveragePool[kernel_shape=[2, 3], auto_pad=\"SAME_UPPER\"](a)\nc = AveragePool[kernel_shape=[2, 2], "
       "pads=[1, 0, 1, 0], count_include_pad=1](b)\n"
       "d = MaxPool[kernel_shape=[5, 5], pads=[2, 2, 2, 2]](x)\ne = GlobalAveragePool(d)\nf = GlobalMaxPool(c)\noutput "
       "c\noutput e\noutput f",
       nullptr},
      {"ceil mode and dilated MaxPool",
       "input x: float32[1, 3, 10, 10]\na = MaxPool[kernel_shape=[3, 3], strides=[2, 2], ceil_mode=1](x)\nb = "
       "MaxPool[kernel_shape=[2, 2], dilations=[2, 2]](x)\n"
       "c = AveragePool[kernel_shape=[3, 3], strides=[2, 2], ceil_mode=1, count_include_pad=1, pads=[1, 1, 1, "
       "1]](x)\noutput a\noutput b\noutput c",
       nullptr},
      {"nearest Resize",
       "input x: float32[1, 5, 3, 4]\nconst s: float32[4] = 1, 1, 2, 2\ny = Resize[mode=\"nearest\", "
       "coordinate_transformation_mode=\"asymmetric\", "
       "nearest_mode=\"floor\"](x, _, s)\noutput y",
       "Reorder Resize Reorder"},
      {"linear Resize",
       "input x: float32[1, 5, 3, 4]\nconst s: float32[4] = 1, 1, 1.5, 2.5\ny = Resize[mode=\"linear\"](x, _, "
       "s)\noutput y",
       "Reorder Resize Reorder"},
      {"DepthToSpace and back",
       "input x: float32[1, 8, 3, 2]\nconst w: float32[8, 8, 1, 1]\nc = Conv(x, w)\na = DepthToSpace[blocksize=2, "
       "mode=\"CRD\"](c)\nb = DepthToSpace[blocksize=2](x)\n"
       "d = Add(a, b)\ny = SpaceToDepth[blocksize=2](d)\noutput y",
       nullptr},
      {"softmax",
       "input x: float32[2, 5, 19]\na = Softmax(x)\nb = LogSoftmax[axis=1](x)\nc = Softmax[axis=1](x)\noutput "
       "a\noutput b\noutput c",
       nullptr},
      {"group and depthwise and dilated Convs",
       "input x: float32[2, 6, 9, 9]\nconst u: float32[6, 1, 3, 3]\nconst v: float32[12, 3, 3, 3]\nconst w: float32[4, "
       "12, 2, 2]\n"
       "a = Conv[group=6, pads=[1, 1, 1, 1]](x, u)\nb = Conv[group=2, auto_pad=\"SAME_LOWER\", strides=[2, 2]](a, "
       "v)\nc = Conv[dilations=[2, 2]](b, w)\noutput c",
       "Reorder Conv Conv Conv Reorder"},
      {"one and three spatial axes",
       "input x: float32[1, 3, 12]\ninput y: float32[1, 2, 4, 5, 6]\nconst u: float32[4, 3, 3]\nconst v: float32[3, 2, "
       "2, 2, 2]\na = Conv[strides=[2]](x, u)\nb = Conv(y, v)\n"
       "c = MaxPool[kernel_shape=[2]](a)\noutput c\noutput b",
       nullptr},
      {"an output that is an input, a constant, and twice the same",
       "input x: float32[2, 2]\nconst k: float32[3]\na = Relu(x)\nb = Identity(a)\nc = Identity(x)\nd = "
       "Identity(k)\noutput a\noutput b\noutput c\noutput d",
       nullptr},
      {"elementwise operations before a Concat of channels",
       "input x: float32[1, 4, 9, 7]\nconst w: float32[24, 4, 1, 1]\nconst v: float32[7, 4, 1, 1]\na = Conv(x, w)\nb = "
       "Sigmoid(a)\nc = Mul(a, b)\nd = Conv(x, v)\ne = Sigmoid(d)\nf = Conv(x, w)\ng = Sigmoid(f)\nh = Mul(g, c)\n"
       "p = MaxPool[kernel_shape=[1, 1]](d)\ny = Concat[axis=1](h, e, p, e)\nz = Concat[axis=1](c, p)\noutput y\n"
       "output z",
       nullptr},
      {"silu before a Concat of channels",
       "input x: float32[1, 4, 9, 7]\nconst w: float32[24, 4, 1, 1]\na = Conv(x, w)\nb = Sigmoid(a)\nc = Mul(a, b)\nd "
       "= Conv(x, w)\ne = Sigmoid(d)\nf = Mul(d, e)\ny = Concat[axis=1](c, f)\noutput y",
       "Reorder Conv Conv ElementwiseConcat Reorder"},
      {"silu before a Concat of channels in plain layout",
       "input x: float32[2, 3, 40, 40]\nb = Sigmoid(x)\nc = Mul(x, b)\nd = Tanh(x)\ny = Concat[axis=1](c, x, "
       "d)\noutput y",
       "ElementwiseConcat"},
      {"integers run in loops", "input x: int64[4]\nconst k: int64[4] = 1, 2, 3, 4\ny = Add(x, k)\noutput y", "Add"},
  };
  return kPatterns;
}

}  // namespace

TEST_CASE("each pattern of fusion gives what the reference gives", "[runtime][plan]") {
  const auto cpu = makeCpuBackend(true);
  const auto reference = makeReferenceBackend();
  for (const Pattern& pattern : patterns()) {
    DYNAMIC_SECTION(pattern.name) {
      const Model model = buildModel(pattern.text);
      const std::vector<Tensor> inputs = randomInputs(model, 1);
      CHECK(normalizedError(runOn(*cpu, model, inputs), runOn(*reference, model, inputs)) <= kTolerance);
      if (pattern.steps != nullptr) CHECK(stepOps(*cpu, model, inputs) == pattern.steps);
    }
  }
}

TEST_CASE("a fusion that is switched off by name leaves its nodes apart, with the same result", "[runtime][plan]") {
  const auto cpu = makeCpuBackend();
  const Model model = buildModel(
      "input x: float32[1, 4, 6, 6]\nconst w: float32[8, 4, 3, 3]\nc = Conv(x, w)\ns = HardSwish(c)\nd = Conv(x, w)\ny "
      "= Add(s, d)\noutput y");
  const std::vector<Tensor> inputs = randomInputs(model, 2);
  const auto whole = runOn(*cpu, model, inputs);
  CHECK(stepOps(*cpu, model, inputs) == "Reorder Conv Conv Reorder");
  for (const Fusion& fusion : allFusions()) {
    CAPTURE(fusion.name);
    CHECK_FALSE(fusion.doc.empty());
    CompileOptions options;
    options.disabledFusions = {std::string(fusion.name)};
    CHECK(normalizedError(runOn(*cpu, model, inputs, options), whole) <= kTolerance);
  }
  CompileOptions withoutResidual;
  withoutResidual.disabledFusions = {"post-residual"};
  CHECK(stepOps(*cpu, model, inputs, withoutResidual) != stepOps(*cpu, model, inputs));
  CompileOptions misspelt;
  misspelt.disabledFusions = {"post-residuals"};
  const auto error = errorOf([&] { runOn(*cpu, model, inputs, misspelt); });
  REQUIRE(error);
  CHECK(error->kind() == ErrorKind::usage);
  CHECK(error->hint().find("post-residual") != std::string::npos);
}

TEST_CASE("observed values are what they are without fusion", "[runtime][plan]") {
  const Model model = buildModel(
      "input x: float32[1, 4, 6, 6]\nconst w: float32[8, 4, 3, 3]\nconst v: float32[8, 8, 1, 1]\nc = Conv(x, w)\ns = "
      "Sigmoid(c)\nm = Mul(s, c)\nd = Conv(m, v)\n"
      "a = Add(d, m)\ny = Relu(a)\noutput y");
  const std::vector<Tensor> inputs = randomInputs(model, 3);
  CompileOptions options;
  for (const char* name : {"c", "s", "d", "a", "m", "x"}) options.observed.push_back(model.graph.findValue(name));
  const auto cpu = makeCpuBackend();
  const auto reference = makeReferenceBackend();
  const auto found = runOn(*cpu, model, inputs, options);
  CHECK(found.size() == 7);
  CHECK(normalizedError(found, runOn(*reference, model, inputs, options)) <= kTolerance);
}

TEST_CASE("results have the same bytes for any thread count, also inside a parallel region", "[runtime][plan]") {
  const auto cpu = makeCpuBackend();
  const Model model = buildModel(
      "input x: float32[2, 16, 40, 40]\nconst w: float32[32, 16, 3, 3]\nconst d: float32[32, 1, 5, 5]\nconst p: "
      "float32[24, 32, 1, 1]\nconst g: float32[24, 100]\n"
      "a = Conv[pads=[1, 1, 1, 1]](x, w)\nb = Relu(a)\nc = Conv[group=32, pads=[2, 2, 2, 2]](b, d)\ne = Conv(c, p)\nf "
      "= Sigmoid(e)\nh = Mul(f, e)\n"
      "i = MaxPool[kernel_shape=[3, 3], strides=[2, 2]](h)\nj = Transpose[perm=[0, 2, 3, 1]](i)\nk = MatMul(j, "
      "g)\noutput k\noutput h");
  const std::vector<Tensor> inputs = randomInputs(model, 4);
  const auto one = runOn(*cpu, model, inputs);
  for (const int threads : {2, 3, 4}) {
    CompileOptions options;
    options.threads = threads;
    CHECK(sameBytes(runOn(*cpu, model, inputs, options), one));
  }
  std::vector<std::vector<Buffer>> results(4);
  const ThreadLimit limit(4);
  parallelFor(4, [&](int64_t i) { results[static_cast<size_t>(i)] = runOn(*cpu, model, inputs); });
  for (const auto& result : results) CHECK(sameBytes(result, one));
  CHECK(threadCount() == 4);
}

TEST_CASE("an executable serves one caller's buffers after another and keeps its guard bytes", "[runtime][plan]") {
  const auto cpu = makeCpuBackend(true);
  const auto reference = makeReferenceBackend();
  const Model model = buildModel(
      "input x: float32[1, 3, 7, 7]\nconst w: float32[5, 3, 3, 3]\nc = Conv(x, w)\ny = Sigmoid(c)\nz = Conv(x, "
      "w)\noutput y\noutput z");
  const Shape shape{1, 3, 7, 7};
  const auto executable = cpu->compile(model.graph, {&shape, 1}, {});
  Bindings bindings;
  for (uint64_t seed = 0; seed < 4; ++seed) {
    bindings.inputs = randomInputs(model, seed);
    if (seed == 2) bindings.outputs.clear();
    executable->run(bindings);
    CHECK(normalizedError(bindings.outputs, runOn(*reference, model, bindings.inputs)) <= kTolerance);
  }
  CHECK(executable->arenaBytes() > 0);
}

TEST_CASE("a profile times every step and names kernels, layouts and what was fused", "[runtime][plan]") {
  const auto cpu = makeCpuBackend();
  const Model model =
      buildModel("input x: float32[1, 3, 8, 8]\nconst w: float32[5, 3, 3, 3]\nc = Conv(x, w)\ny = Relu(c)\noutput y");
  const Shape shape{1, 3, 8, 8};
  CompileOptions options;
  options.profile = true;
  const auto executable = cpu->compile(model.graph, {&shape, 1}, options);
  Bindings bindings{randomInputs(model, 1), {}};
  executable->run(bindings);
  const std::vector<StepInfo> steps = executable->steps();
  REQUIRE(steps.size() == 3);
  CHECK(steps[1].name == "c");
  CHECK(steps[1].fused == std::vector<std::string>{"y"});
  CHECK(steps[1].layout == "nhwc");
  CHECK(steps[1].macs == 5 * 6 * 6 * 3 * 9);
  CHECK(steps[1].ms > 0);
  CHECK(steps[2].layout == "nchw");
}

TEST_CASE("buffers that live at the same time do not overlap, and the arena is no larger than it must be",
          "[runtime][plan]") {
  const std::vector<Lifetime> chain{{1000, 0, 1}, {2000, 1, 2}, {500, 2, 3}, {1000, 3, 4}};
  const ArenaLayout layout = layOut(chain);
  CHECK(layout.bytes == 1024 + 2048);
  for (size_t i = 0; i < chain.size(); ++i)
    for (size_t k = i + 1; k < chain.size(); ++k) {
      if (chain[k].first > chain[i].last) continue;
      const bool isApart = layout.offsets[i] + chain[i].bytes <= layout.offsets[k] ||
                           layout.offsets[k] + chain[k].bytes <= layout.offsets[i];
      CHECK(isApart);
    }
}

TEST_CASE("a residual behind a Conv whose windows lie wholly in padding is added where it belongs", "[runtime][plan]") {
  const auto cpu = makeCpuBackend();
  const Model model = buildModel(
      "input x: float32[3, 9, 5, 2]\ninput k: float32[3, 4, 8, 2]\nconst w: float32[4, 9, 1, 1]\nc = Conv[pads=[1, 0, "
      "2, "
      "0]](x, w)\na = Add(k, c)\ny = LeakyRelu(a)\noutput y\n");
  const std::vector<Tensor> inputs = randomInputs(model, 1);
  const std::vector<Buffer> found = runOn(*cpu, model, inputs);
  CHECK(normalizedError(found, runOn(*makeReferenceBackend(), model, inputs)) <= kTolerance);
  CHECK(stepOps(*cpu, model, inputs).find("Elementwise") == std::string::npos);
}

TEST_CASE("a pool with auto_pad VALID counts no padding behind its input", "[runtime][plan]") {
  const Model model = buildModel(
      "input x: float32[4, 1, 16]\ny = AveragePool[strides=[2], dilations=[2], auto_pad=\"VALID\", kernel_shape=[2], "
      "ceil_mode=1, count_include_pad=1](x)\noutput y\n");
  const std::vector<Tensor> inputs = randomInputs(model, 1);
  CHECK(normalizedError(runOn(*makeCpuBackend(), model, inputs), runOn(*makeReferenceBackend(), model, inputs)) <=
        kTolerance);
}
