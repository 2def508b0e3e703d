// Gradients of whole graphs: where they flow and where not, sums over several readers, families of networks, and the
// straight-through rule of quantization.
#include "lib/train/autodiff.h"

#include <catch2/catch.hpp>

#include "lib/ops/evaluate.h"
#include "lib/ir/tensor.h"
#include "lib/onnx/read.h"
#include "lib/onnx/write.h"
#include "tests/support/build.h"
#include "tests/support/errors.h"
#include "tests/support/gradients.h"

using namespace compress;
using namespace compress::test;

namespace {

std::vector<double> numbers(const Tensor& tensor) {
  return toDoubles(tensor);
}

Graph graphOf(std::string_view text) {
  return buildModel(text).graph;
}

/// Relative error of a whole network's directional derivative in float64.
constexpr double kDirectional = 1e-6;

constexpr const char* kResNetBlock =
    "opset compress.train 1\n"
    "input x: float64[3, 2, 5, 5]\ninput w1: float64[4, 2, 3, 3]\ninput s1: float64[4]\ninput b1: float64[4]\n"
    "input w2: float64[4, 4, 3, 3]\ninput s2: float64[4]\ninput b2: float64[4]\ninput wd: float64[4, 2, 1, 1]\n"
    "input wf: float64[5, 4]\ninput bf: float64[5]\n"
    "c1 = Conv[pads=[1, 1, 1, 1], strides=[2, 2]](x, w1)\n"
    "n1, m1, v1 = compress.train.BatchNormalizationTraining(c1, s1, b1)\nr1 = Relu(n1)\n"
    "c2 = Conv[pads=[1, 1, 1, 1]](r1, w2)\nn2, m2, v2 = compress.train.BatchNormalizationTraining(c2, s2, b2)\n"
    "cd = Conv[strides=[2, 2]](x, wd)\na = Add(n2, cd)\nr2 = Relu(a)\ng = GlobalAveragePool(r2)\nf = Flatten(g)\n"
    "z = Gemm[transB=1](f, wf, bf)\ny = LogSoftmax(z)\noutput y";

constexpr const char* kMobileNetBlock =
    "opset compress.train 1\n"
    "input x: float64[2, 3, 4, 4]\ninput w1: float64[6, 3, 1, 1]\ninput s1: float64[6]\ninput b1: float64[6]\n"
    "input w2: float64[6, 1, 3, 3]\ninput w3: float64[3, 6, 1, 1]\nconst lo: float64[] = 0\nconst hi: float64[] = 6\n"
    "c1 = Conv(x, w1)\nn1, m, v = compress.train.BatchNormalizationTraining(c1, s1, b1)\nr1 = Clip(n1, lo, hi)\n"
    "c2 = Conv[group=6, pads=[1, 1, 1, 1]](r1, w2)\nr2 = HardSwish(c2)\nc3 = Conv(r2, w3)\ny = Add(x, c3)\noutput y";

constexpr const char* kSqueezeExcite =
    "input x: float64[2, 4, 3, 3]\ninput w1: float64[2, 4, 1, 1]\ninput b1: float64[2]\ninput w2: float64[4, 2, 1, 1]\n"
    "const ax: int64[2] = 2, 3\nsx = Sigmoid(x)\na = Mul(x, sx)\nq = ReduceMean(a, ax)\nc1 = Conv(q, w1, b1)\n"
    "sc = Sigmoid(c1)\nr = Mul(c1, sc)\nc2 = Conv(r, w2)\ng = HardSigmoid(c2)\ny = Mul(a, g)\noutput y";

constexpr const char* kTransformer =
    "input x: float64[2, 3, 4]\ninput cls: float64[1, 1, 4]\ninput pos: float64[1, 4, 4]\ninput s: float64[4]\n"
    "input b: float64[4]\ninput wqkv: float64[4, 12]\ninput wp: float64[4, 4]\ninput wf: float64[4, 8]\n"
    "input wg: float64[8, 4]\nconst es: int64[3] = 2, 1, 4\nconst hs: int64[5] = 2, 4, 3, 2, 2\n"
    "const zero: int64[] = 0\nconst one: int64[] = 1\nconst two: int64[] = 2\nconst back: int64[3] = 2, 4, 4\n"
    "const root: float64[] = 1.41421356237\nconst half: float64[] = 0.5\nconst unit: float64[] = 1\n"
    "const scale: float64[] = 0.70710678\n"
    "e = Expand(cls, es)\nt = Concat[axis=1](e, x)\nh = Add(t, pos)\nn = LayerNormalization(h, s, b)\n"
    "qkv = MatMul(n, wqkv)\nr = Reshape(qkv, hs)\np = Transpose[perm=[2, 0, 3, 1, 4]](r)\n"
    "q = Gather(p, zero)\nk = Gather(p, one)\nv = Gather(p, two)\nkt = Transpose[perm=[0, 1, 3, 2]](k)\n"
    "qk = MatMul(q, kt)\nl = Mul(qk, scale)\na = Softmax(l)\no = MatMul(a, v)\n"
    "ot = Transpose[perm=[0, 2, 1, 3]](o)\noc = Reshape(ot, back)\nm = MatMul(oc, wp)\nh1 = Add(h, m)\n"
    "f = MatMul(h1, wf)\nd = Div(f, root)\ner = Erf(d)\ne1 = Add(er, unit)\nfe = Mul(f, e1)\nge = Mul(fe, half)\n"
    "g = MatMul(ge, wg)\nh2 = Add(h1, g)\ny = Gather[axis=1](h2, zero)\noutput y";

constexpr const char* kBert =
    "input emb: float64[5, 4]\ninput s: float64[4]\ninput b: float64[4]\ninput w: float64[4, 4]\ninput c: float64[4]\n"
    "const ids: int64[2, 3] = 1, 4, 1, 0, 2, 2\nconst mask: float64[2, 1, 3] = 0, 0, -10, 0, -10, -10\n"
    "const ax: int64[1] = -1\nconst two: float64[] = 2\nconst eps: float64[] = 0.001\n"
    "x = Gather(emb, ids)\nmu = ReduceMean(x, ax)\nd = Sub(x, mu)\nsq = Pow(d, two)\nv = ReduceMean(sq, ax)\n"
    "ve = Add(v, eps)\nsd = Sqrt(ve)\nn = Div(d, sd)\nns = Mul(n, s)\nh = Add(ns, b)\n"
    "q = MatMul(h, w)\nqb = Add(q, c)\nkt = Transpose[perm=[0, 2, 1]](h)\nqk = MatMul(qb, kt)\nl = Add(qk, mask)\n"
    "a = Softmax(l)\no = MatMul(a, h)\ny = Tanh(o)\noutput y";

}  // namespace

TEST_CASE("gradients of readers are added, and only what leads to the loss gets nodes", "[gradient]") {
  const Differentiated d =
      differentiated(graphOf("input x: float64[2]\ninput unused: float64[2]\na = Exp(x)\nb = Mul(x, x)\nc = Add(a, b)\n"
                             "y = Sub(c, x)\nside = Floor(x)\noutput y"));
  CHECK(worstDifference(d, {Tensor::of<double>({2}, std::vector<double>{0.3, -0.7}),
                            Tensor::of<double>({2}, std::vector<double>{1, 2})}) < 1e-6);
  for (const NodeId id : d.graph.nodes()) CHECK(d.graph.node(id).name.find("unused") == std::string::npos);
}

TEST_CASE("an operator without gradient is refused before any node is made, with the way to the loss", "[gradient]") {
  Graph graph =
      graphOf("input x: float32[2]\na = Exp(x)\nf = Floor(a)\nb = Neg(f)\nl = ReduceSum[keepdims=0](b)\noutput l");
  const size_t before = graph.nodeCount();
  const auto attempt = [&] { appendGradients(graph, graph.outputs()[0], graph.inputs()); };
  CHECK(throwsError(ErrorKind::unsupported,
                    "node 'f' (Floor) has no gradient, and the loss depends on it through node 'b' (Neg), node 'l'",
                    attempt));
  CHECK(graph.nodeCount() == before);
}

TEST_CASE("a loss is one floating element", "[gradient]") {
  Graph graph = graphOf("input x: float32[2]\ny = Exp(x)\noutput y");
  CHECK(throwsError(ErrorKind::bug, "expected one floating element",
                    [&] { appendGradients(graph, graph.outputs()[0], graph.inputs()); }));
}

TEST_CASE("directional derivatives of families of networks", "[gradient]") {
  const auto network = GENERATE(kResNetBlock, kMobileNetBlock, kSqueezeExcite, kTransformer, kBert);
  const Differentiated d = differentiated(graphOf(network));
  for (uint64_t seed = 0; seed < 8; ++seed) CHECK(directionalDifference(d, seed) < kDirectional);
}

TEST_CASE("quantization is passed straight through inside its range, and its scale learns by LSQ", "[gradient]") {
  const Differentiated d =
      differentiated(graphOf("input x: float32[4]\ninput s: float32[]\nconst z: int8[] = 0\n"
                             "q = QuantizeLinear(x, s, z)\ny = DequantizeLinear(q, s, z)\noutput y"));
  const std::vector<float> x = {0.26F, -0.9F, 200.F, -200.F};
  const auto results = evaluate(d.graph, std::vector<Tensor>{Tensor::of<float>({4}, x), Tensor::scalar(0.5F)});
  Graph forward = graphOf("input y: float32[4]\noutput y");
  const auto g = numbers(evaluate(differentiated(forward).graph, std::vector<Tensor>{Tensor::of<float>({4}, x)})[1]);
  const auto dx = numbers(results[1]);
  CHECK(dx[0] == Approx(g[0]));
  CHECK(dx[1] == Approx(g[1]));
  CHECK(dx[2] == 0);
  CHECK(dx[3] == 0);
  const double expected = g[0] * (1 - 0.52) + g[1] * (-2 + 1.8) + g[2] * 127 + g[3] * -128;
  CHECK(numbers(results[2])[0] == Approx(expected));
}

TEST_CASE("no file holds a training graph", "[gradient][onnx]") {
  Model model = buildModel("input x: float32[2]\ny = Softmax(x)\nl = ReduceSum[keepdims=0](y)\noutput l");
  appendGradients(model.graph, model.graph.outputs()[0], model.graph.inputs());
  CHECK(throwsError(ErrorKind::bug, "is private to a run", [&] { serializeModel(model); }));
}
