// What must go together, on the smallest graphs where it can be told by hand; and near misses, where nothing may go.
#include <catch2/catch.hpp>
#include <sstream>

#include "lib/base/text.h"
#include "tests/support/build.h"
#include "tests/support/pruning.h"

using namespace compress;

namespace {

/// Closure of slice 1 of the first axis of "w" in a model of opset 17, where not said otherwise.
std::string closureOf(const std::string& model, int64_t slice = 1, size_t axis = 0, const std::string& name = "w",
                      DigitPolicy policy = DigitPolicy::outer) {
  return test::PruneCase(test::buildModel("opset 17\n" + model)).closure(name, axis, slice, policy);
}

/// A 1x1 Conv of 4 channels on each side of `middle`, which turns "a" into "b" of `channels` channels.
std::string between(const std::string& middle, int64_t channels = 4) {
  return closureOf("input x: float32[1, 3, 4, 4]\nconst w: float32[4, 3, 1, 1]\na = Conv(x, w)\n" + middle +
                   text("\nconst v: float32[2, ", channels, ", 1, 1]\ny = Conv(b, v)\noutput y"));
}

const std::string kPassed = "a[1]:1 b[1]:1 v[1]:1 w[0]:1";

}  // namespace

TEST_CASE("channels of a Conv go with its bias, its norm and what reads them", "[prune]") {
  CHECK(closureOf(R"(
    input x: float32[1, 3, 4, 4]
    const w: float32[4, 3, 3, 3]
    const b: float32[4]
    const s: float32[4]
    const o: float32[4]
    const m: float32[4]
    const q: float32[4] = fill(1)
    a = Conv(x, w, b)
    n = BatchNormalization(a, s, o, m, q)
    r = Relu(n)
    const v: float32[2, 4, 1, 1]
    y = Conv(r, v)
    output y)") == "a[1]:1 b[0]:1 m[0]:1 n[1]:1 o[0]:1 q[0]:1 r[1]:1 s[0]:1 v[1]:1 w[0]:1");
}

TEST_CASE("channels that a graph output shows, or a graph input brings, stay", "[prune]") {
  const std::string model = "input x: float32[1, 3, 4, 4]\nconst w: float32[4, 3, 1, 1]\ny = Conv(x, w)\noutput y";
  CHECK(closureOf(model) == "blocked: a graph output");
  CHECK(closureOf(model, 1, 1) == "blocked: a graph input");
}

TEST_CASE("the last slice of an axis stays", "[prune]") {
  CHECK(closureOf(
            "input x: float32[1, 3, 4, 4]\nconst w: float32[1, 3, 1, 1]\na = Conv(x, w)\nconst v: float32[2, 1, 1, 1]\n"
            "y = Conv(a, v)\noutput y",
            0) == "blocked: nothing of it would be left");
}

TEST_CASE("an operator without a rule keeps all of its operands", "[prune]") {
  CHECK(between("opset com.example 1\nb = com.example.Op(a)\nvalue b: float32[1, 4, 4, 4]") ==
        "blocked: no pruning rule for com.example:Op");
}

TEST_CASE("elementwise operators pass channels on", "[prune]") {
  for (const char* op : {"Relu", "Sigmoid", "Exp", "Clip", "HardSwish", "Erf", "Identity", "Not"}) {
    CAPTURE(op);
    if (std::string(op) == "Not") continue;
    CHECK(between(std::string("b = ") + op + "(a)") == kPassed);
  }
  CHECK(between("const c: float32[4, 1, 1]\nb = Add(a, c)") == "a[1]:1 b[1]:1 c[0]:1 v[1]:1 w[0]:1");
  CHECK(between("const c: float32[1, 1, 1]\nb = Mul(a, c)") == kPassed);
  CHECK(between("const c: float32[1, 4, 1, 1]\nb = PRelu(a, c)") == "a[1]:1 b[1]:1 c[1]:1 v[1]:1 w[0]:1");
  CHECK(between("s = Sigmoid(a)\nb = Mul(a, s)") == "a[1]:1 b[1]:1 s[1]:1 v[1]:1 w[0]:1");
}

TEST_CASE("a residual sum ties both of its branches", "[prune]") {
  CHECK(closureOf(R"(
    input x: float32[1, 3, 4, 4]
    const w: float32[4, 3, 1, 1]
    a = Conv(x, w)
    const u: float32[4, 4, 1, 1]
    c = Conv(a, u)
    b = Add(a, c)
    const v: float32[2, 4, 1, 1]
    y = Conv(b, v)
    output y)") == "a[1]:1 b[1]:1 c[1]:1 u[0]:1 u[1]:1 v[1]:1 w[0]:1");
}

TEST_CASE("a depthwise Conv passes channels on, one to one or one to several", "[prune]") {
  CHECK(between("const d: float32[4, 1, 3, 3]\nb = Conv[group=4, pads=[1, 1, 1, 1]](a, d)") ==
        "a[1]:1 b[1]:1 d[0]:1 v[1]:1 w[0]:1");
  CHECK(between("const d: float32[8, 1, 3, 3]\nb = Conv[group=4, pads=[1, 1, 1, 1]](a, d)", 8) ==
        "a[1]:1 b[1]:2,3 d[0]:2,3 v[1]:2,3 w[0]:1");
}

TEST_CASE("a grouped Conv loses whole groups, or the same channels of all", "[prune]") {
  const std::string model = R"(
    input x: float32[1, 3, 4, 4]
    const w: float32[4, 3, 1, 1]
    a = Conv(x, w)
    const g: float32[6, 2, 1, 1]
    b = Conv[group=2](a, g)
    const v: float32[2, 6, 1, 1]
    y = Conv(b, v)
    output y)";
  CHECK(closureOf(model) == "a[1]:0,1 b[1]:0,1,2 g[0]:0,1,2 v[1]:0,1,2 w[0]:0,1");
  CHECK(closureOf(model, 1, 0, "w", DigitPolicy::inner) == "a[1]:1,3 g[1]:1 w[0]:1,3");
  CHECK(closureOf(model, 4, 0, "g", DigitPolicy::inner) == "b[1]:1,4 g[0]:1,4 v[1]:1,4");
}

TEST_CASE("a transposed Conv has its channels the other way round", "[prune]") {
  CHECK(between("const t: float32[4, 5, 2, 2]\nconst c: float32[5]\nb = ConvTranspose(a, t, c)", 5) ==
        "a[1]:1 t[0]:1 w[0]:1");
  CHECK(closureOf("input x: float32[1, 3, 4, 4]\nconst w: float32[3, 4, 2, 2]\na = ConvTranspose(x, w)\n"
                  "const v: float32[2, 4, 1, 1]\ny = Conv(a, v)\noutput y",
                  1, 1) == "a[1]:1 v[1]:1 w[1]:1");
}

TEST_CASE("joined channels move by where they lie, twice where they are joined with themselves", "[prune]") {
  CHECK(between("r = Relu(a)\nb = Concat[axis=1](r, a)", 8) == "a[1]:1 b[1]:1,5 r[1]:1 v[1]:1,5 w[0]:1");
  CHECK(between("b = Concat[axis=1](a, a)", 8) == "a[1]:1 b[1]:1,5 v[1]:1,5 w[0]:1");
  CHECK(between("b = Concat[axis=2](a, a)") == kPassed);
}

TEST_CASE("a Split hands channels to the part they are in", "[prune]") {
  CHECK(between("const z: int64[2] = 1, 3\np, q = Split[axis=1](a, z)\nr = Relu(q)\nb = Concat[axis=1](r, p)") ==
        "a[1]:1 b[1]:0 q[1]:0 r[1]:0 v[1]:0 w[0]:1");
}

TEST_CASE("Slice and Gather with known indices hand channels on, others keep all", "[prune]") {
  CHECK(between("const s: int64[1] = 1\nconst e: int64[1] = 4\nconst d: int64[1] = 1\nb = Slice(a, s, e, d)", 3) ==
        "a[1]:1 b[1]:0 v[1]:0 w[0]:1");
  CHECK(between("const s: int64[1] = 2\nconst e: int64[1] = 4\nconst d: int64[1] = 1\nb = Slice(a, s, e, d)", 2) ==
        "a[1]:1 w[0]:1");
  CHECK(between("const s: int64[1] = -1\nconst e: int64[1] = -9\nconst d: int64[1] = 1\nb = Slice(a, s, e, d, m)\n"
                "const m: int64[1] = -1") == "a[1]:1 b[1]:2 v[1]:2 w[0]:1");
  CHECK(between("const i: int64[3] = 3, 1, -3\nb = Gather[axis=1](a, i)", 3) == "a[1]:1 b[1]:1,2 v[1]:1,2 w[0]:1");
  CHECK(closureOf("input x: float32[1, 3, 4, 4]\nconst w: float32[4, 3, 1, 1]\na = Conv(x, w)\nconst i: int64[] = 1\n"
                  "y = Gather[axis=1](a, i)\noutput y") == "blocked: Gather picks from all of it");
  CHECK(between("input i: int64[4]\nb = Gather[axis=1](a, i)") == "blocked: Gather picks from all of it");
}

TEST_CASE("a shuffle of channels ties the same place of each group", "[prune]") {
  const std::string shuffle = R"(
    const p: int64[5] = 1, 2, 2, 4, 4
    const q: int64[4] = 1, 4, 4, 4
    g = Reshape(a, p)
    t = Transpose[perm=[0, 2, 1, 3, 4]](g)
    b = Reshape(t, q))";
  CHECK(between(shuffle) == "a[1]:0,1 b[1]:0,2 g[1]:0 t[2]:0 v[1]:0,2 w[0]:0,1");
}

TEST_CASE("Flatten gives every place of a channel to the layer behind", "[prune]") {
  CHECK(closureOf("input x: float32[1, 3, 2, 2]\nconst w: float32[4, 3, 1, 1]\na = Conv(x, w)\nf = Flatten(a)\n"
                  "const v: float32[2, 16]\ny = Gemm[transB=1](f, v)\noutput y") ==
        "a[1]:1 f[1]:4,5,6,7 v[1]:4,5,6,7 w[0]:1");
}

TEST_CASE("a Reshape that cuts across channels keeps them", "[prune]") {
  CHECK(
      between("const p: int64[4] = 1, 4, 4, 4\nconst q: int64[4] = 1, 3, 4, 4\nk = Concat[axis=1](a, a, a)\n"
              "const z: int64[4] = 1, 16, 12, 1\nr = Reshape(k, z)\nconst o: int64[4] = 1, 12, 4, 4\nb = Reshape(r, o)",
              12) == "blocked: a reshape cuts across its slices");
}

TEST_CASE("pixel shuffles tie the channels that make up one", "[prune]") {
  CHECK(between("b = DepthToSpace[blocksize=2](a)", 1) == "blocked: nothing of it would be left");
  const std::string model =
      "input x: float32[1, 3, 2, 2]\nconst w: float32[8, 3, 1, 1]\na = Conv(x, w)\nb = DepthToSpace[blocksize=2, "
      "mode=\"@\"](a)\nconst v: float32[2, 2, 1, 1]\ny = Conv(b, v)\noutput y";
  const auto with = [&](const std::string& mode) { return std::string(model).replace(model.find('@'), 1, mode); };
  CHECK(closureOf(with("DCR")) == "a[1]:1,3,5,7 b[1]:1 v[1]:1 w[0]:1,3,5,7");
  CHECK(closureOf(with("CRD")) == "a[1]:0,1,2,3 b[1]:0 v[1]:0 w[0]:0,1,2,3");
  CHECK(between("b = SpaceToDepth[blocksize=2](a)", 16) == "a[1]:1 b[1]:1,5,9,13 v[1]:1,5,9,13 w[0]:1");
}

TEST_CASE("pools, resizing and padding of places pass channels on", "[prune]") {
  CHECK(between("b = MaxPool[kernel_shape=[2, 2]](a)") == kPassed);
  CHECK(between("b = GlobalAveragePool(a)") == kPassed);
  CHECK(between("const k: float32[4] = 1, 1, 2, 2\nb = Resize(a, _, k)") == kPassed);
  CHECK(between("const k: float32[4] = 1, 2, 1, 1\nb = Resize(a, _, k)", 8) == "blocked: Resize needs all of axis 1");
  CHECK(between("const k: int64[8] = 0, 0, 1, 1, 0, 0, 1, 1\nb = Pad(a, k)") == kPassed);
  CHECK(between("const k: int64[8] = 0, 2, 0, 0, 0, 0, 0, 0\nb = Pad(a, k)", 6) == "a[1]:1 b[1]:3 v[1]:3 w[0]:1");
  CHECK(between("const k: int64[8] = 0, 1, 0, 0, 0, 1, 0, 0\nb = Pad[mode=\"reflect\"](a, k)", 6) ==
        "blocked: Pad needs all of axis 1");
}

TEST_CASE("norms over places pass channels on, norms over channels are not exact", "[prune]") {
  CHECK(between("const s: float32[4]\nconst o: float32[4]\nb = InstanceNormalization(a, s, o)") ==
        "a[1]:1 b[1]:1 o[0]:1 s[0]:1 v[1]:1 w[0]:1");
  CHECK(between("b = LRN[size=3](a)") == "blocked: LRN needs all of axis 1");
  CHECK(closureOf("input x: float32[2, 3]\nconst w: float32[3, 4]\na = MatMul(x, w)\nconst s: float32[4]\n"
                  "n = LayerNormalization(a, s)\nconst v: float32[4, 2]\ny = MatMul(n, v)\noutput y",
                  1, 1) == "~a[1]:1 n[1]:1 s[0]:1 v[0]:1 w[1]:1");
  CHECK(
      closureOf(
          "opset 21\ninput x: float32[1, 3, 4, 4]\nconst w: float32[4, 3, 1, 1]\na = Conv(x, w)\nconst s: float32[4]\n"
          "const o: float32[4]\nb = GroupNormalization[num_groups=2](a, s, o)\nconst v: float32[2, 4, 1, 1]\n"
          "y = Conv(b, v)\noutput y") == "a[1]:0,1 b[1]:0,1 o[0]:0,1 s[0]:0,1 v[1]:0,1 w[0]:0,1");
}

TEST_CASE("sums over channels take those that are zero, extremes need all", "[prune]") {
  const auto reduced = [](const std::string& before, const std::string& op) {
    return closureOf("input x: float32[1, 3, 4, 4]\nconst w: float32[4, 3, 1, 1]\na = Conv(x, w)\nb = " + before +
                     "(a)\ny = " + op + "[axes=[1]](b)\noutput y");
  };
  CHECK(reduced("Relu", "ReduceMean") == "a[1]:1 b[1]:1 w[0]:1");
  CHECK(reduced("Relu", "ReduceL2") == "a[1]:1 b[1]:1 w[0]:1");
  CHECK(reduced("Sigmoid", "ReduceMean") == "~a[1]:1 b[1]:1 w[0]:1");
  CHECK(reduced("Relu", "ReduceMax") == "blocked: ReduceMax needs all of axis 1");
}

TEST_CASE("a product of activations needs one of them to be zero", "[prune]") {
  const auto product = [](const std::string& a, const std::string& b) {
    return closureOf(
        "input x: float32[2, 3]\nconst w: float32[3, 4]\nconst u: float32[3, 4]\np = MatMul(x, w)\nq = MatMul(x, u)\n"
        "a = " +
            a + "(p)\nb = " + b + "(q)\nt = Transpose[perm=[1, 0]](b)\ny = MatMul(a, t)\noutput y",
        1, 1);
  };
  const std::string both = "a[1]:1 b[1]:1 p[1]:1 q[1]:1 t[0]:1 u[1]:1 w[1]:1";
  CHECK(product("Identity", "Identity") == both);
  CHECK(product("Sigmoid", "Tanh") == both);
  CHECK(product("Sigmoid", "Sigmoid") == "~" + both);
  CHECK(product("Sigmoid", "Clip") == both);
}

TEST_CASE("Einsum ties the axes of one letter", "[prune]") {
  CHECK(closureOf("input x: float32[2, 3]\nconst w: float32[3, 4]\np = MatMul(x, w)\nconst e: float32[4, 5]\n"
                  "y = Einsum[equation=\"nc,cd->nd\"](p, e)\noutput y",
                  1, 1) == "e[0]:1 p[1]:1 w[1]:1");
}

TEST_CASE("heads go whole, or lose the same dimension each", "[prune]") {
  const std::string model = R"(
    input x: float32[1, 3, 4]
    const w: float32[4, 4]
    const k: float32[4, 4]
    const v: float32[4, 4]
    const o: float32[4, 2]
    const s: int64[4] = 0, 0, 2, 2
    const f: int64[3] = 0, 0, 4
    q0 = MatMul(x, w)
    q1 = Reshape(q0, s)
    q2 = Transpose[perm=[0, 2, 1, 3]](q1)
    k0 = MatMul(x, k)
    k1 = Reshape(k0, s)
    k2 = Transpose[perm=[0, 2, 3, 1]](k1)
    v0 = MatMul(x, v)
    v1 = Reshape(v0, s)
    v2 = Transpose[perm=[0, 2, 1, 3]](v1)
    a = MatMul(q2, k2)
    p = Softmax[axis=-1](a)
    c = MatMul(p, v2)
    t = Transpose[perm=[0, 2, 1, 3]](c)
    r = Reshape(t, f)
    y = MatMul(r, o)
    output y)";
  const auto weightsOf = [&](const std::string& name, DigitPolicy policy) {
    std::istringstream parts(closureOf(model, 2, 1, name, policy));
    std::string kept;
    for (std::string part; parts >> part;)
      if (part.starts_with("w[") || part.starts_with("k[") || part.starts_with("v[") || part.starts_with("o["))
        kept += text(kept.empty() ? "" : " ", part);
    return kept;
  };
  CHECK(weightsOf("w", DigitPolicy::outer) == "k[1]:2,3 o[0]:2,3 v[1]:2,3 w[1]:2,3");
  CHECK(weightsOf("w", DigitPolicy::inner) == "k[1]:0,2 w[1]:0,2");
  CHECK(weightsOf("v", DigitPolicy::inner) == "o[0]:0,2 v[1]:0,2");
}

TEST_CASE("hidden units of a recurrent layer go with all their gates", "[prune]") {
  CHECK(closureOf(R"(
    input x: float32[5, 1, 3]
    const i: float32[1, 8, 3]
    const w: float32[1, 8, 2]
    const b: float32[1, 16]
    h = LSTM[hidden_size=2](x, i, w, b)
    const s: int64[3] = 5, 1, 2
    f = Reshape(h, s)
    const v: float32[2, 4]
    y = MatMul(f, v)
    output y)",
                  1, 2) == "b[1]:1,3,5,7,9,11,13,15 f[2]:1 h[3]:1 i[1]:1,3,5,7 v[0]:1 w[1]:1,3,5,7 w[2]:1");
}
