// The quantize pass on models and data that are unlike what exporters write: each is quantized soundly, or left alone
// or refused with the reason.
#include <catch2/catch.hpp>
#include <limits>

#include "lib/base/text.h"
#include "lib/ir/print.h"
#include "tests/support/build.h"
#include "tests/support/errors.h"
#include "tests/support/quantizing.h"

using namespace compress;
using namespace compress::test;

namespace {

constexpr const char* kOneConv = R"(
opset 13
input x: float32[1, 3, 8, 8]
const w: float32[4, 3, 3, 3]
const b: float32[4]
y = Conv[pads=[1, 1, 1, 1]](x, w, b)
output y
)";

/// One sample per number: all of the input is that number.
GivenSamples constantSamples(const std::vector<float>& numbers, const Shape& shape = {1, 3, 8, 8}) {
  std::vector<std::vector<Tensor>> samples;
  for (const float number : numbers) {
    const std::vector<float> values(static_cast<size_t>(shape.elementCount()), number);
    samples.push_back({Tensor::of<float>(shape, values)});
  }
  return GivenSamples(std::move(samples));
}

void setWeights(Model& model, std::string_view name, float value, size_t first, size_t count) {
  const ValueId id = model.graph.findValue(name);
  std::vector<float> values = toFloats(*model.graph.constant(id));
  for (size_t i = first; i < first + count; ++i) values[i] = value;
  model.graph.setConstant(id, Tensor::of<float>(model.graph.constant(id)->shape(), values));
}

bool scalesAreSound(const QuantizeReport& report) {
  for (const auto& [name, encoding] : report.encodings)
    for (const float scale : encoding.scales)
      if (!std::isfinite(scale) || scale <= 0) return false;
  return true;
}

}  // namespace

TEST_CASE("calibration data that are not finite are refused by sample and value", "[quantize][hostile]") {
  const Model model = buildModel(kOneConv);
  for (const float bad : {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity()}) {
    const GivenSamples data = constantSamples({1.0F, bad});
    CHECK(throwsError(ErrorKind::numeric, "value 'x' holds NaN or Inf for sample given[1]",
                      [&] { quantizeModel(model, {}, 1, &data); }));
  }
}

TEST_CASE("an empty calibration set is refused", "[quantize][hostile]") {
  const GivenSamples none({});
  CHECK(throwsError(ErrorKind::numeric, "the calibration data are empty",
                    [&] { quantizeModel(buildModel(kOneConv), {}, 1, &none); }));
}

TEST_CASE("infinite weights are refused at every level", "[quantize][hostile]") {
  for (const int64_t level : {0, 1, 2}) {
    Model model = buildModel(kOneConv);
    setWeights(model, "w", std::numeric_limits<float>::infinity(), 5, 1);
    CHECK(throwsError(ErrorKind::numeric, "weight 'w' holds", [&] { quantizeModel(model, atLevel(level)); }));
  }
}

TEST_CASE("channels of zeros, constant and zero activations and one value get sound scales", "[quantize][hostile]") {
  for (const int64_t level : {0, 1, 2}) {
    CAPTURE(level);
    Model zeroChannel = buildModel(kOneConv);
    setWeights(zeroChannel, "w", 0, 0, 27);
    CHECK(scalesAreSound(quantizeModel(zeroChannel, atLevel(level)).report));
    Model zeroWeight = buildModel(kOneConv);
    setWeights(zeroWeight, "w", 0, 0, 4 * 27);
    CHECK(scalesAreSound(quantizeModel(zeroWeight, atLevel(level)).report));
    for (const float number : {0.0F, -2.5F, 1e-38F, 3e30F, -1e-44F}) {
      CAPTURE(number);
      const GivenSamples data = constantSamples({number, number});
      const Quantized quantized = quantizeModel(buildModel(kOneConv), atLevel(level), 1, &data);
      CHECK(quantized.count == 1);
      CHECK(scalesAreSound(quantized.report));
    }
  }
}

TEST_CASE("very large and very small weights get sound scales", "[quantize][hostile]") {
  for (const int64_t level : {0, 1, 2})
    for (const float number : {1e30F, 1e-30F, 1e-42F}) {
      CAPTURE(level, number);
      Model model = buildModel(kOneConv);
      setWeights(model, "w", number, 0, 27);
      CHECK(scalesAreSound(quantizeModel(model, atLevel(level)).report));
    }
}

TEST_CASE("a bias far larger than the products moves the scale of its channel alone", "[quantize][hostile]") {
  Model model = buildModel(kOneConv);
  setWeights(model, "b", 1e9F, 1, 1);
  const Quantized quantized = quantizeModel(model, atLevel(1));
  CHECK(scalesAreSound(quantized.report));
  const auto& scales = quantized.report.encodings.at("w").scales;
  CHECK(scales[1] > scales[0] * 10);
}

TEST_CASE("a weight shared by Convs that see other inputs is quantized for each", "[quantize][hostile]") {
  const Model model = buildModel(R"(
opset 13
input x: float32[1, 4, 6, 6]
const w: float32[4, 4, 1, 1]
const b: float32[4]
a = Conv(x, w, b)
r = Relu(a)
y = Conv(r, w, b)
output y
)");
  const Quantized quantized = quantizeModel(model);
  CHECK(quantized.count == 2);
  CHECK(sqnrOf(model, quantized.model) > 25);
}

TEST_CASE("one weight read as columns and as rows is quantized along the axis of each", "[quantize][hostile]") {
  const Model model = buildModel(R"(
opset 13
input x: float32[2, 8]
const w: float32[8, 8]
a = Gemm(x, w)
r = Relu(a)
y = Gemm[transB=1](r, w)
output y
)");
  const Quantized quantized = quantizeModel(model);
  CHECK(quantized.count == 2);
  CHECK(sqnrOf(model, quantized.model) > 25);
}

TEST_CASE("computed weights and biases leave a layer float, with the reason", "[quantize][hostile]") {
  const Quantized quantized = quantizeModel(buildModel(R"(
opset 13
input x: float32[1, 4, 6, 6]
input v: float32[4, 4, 1, 1]
const w: float32[4, 4, 1, 1]
const b: float32[4]
a = Conv(x, v)
c = Exp(b)
d = Conv(a, w, c)
e = Conv(d, w)
m = MatMul(e, e)
output m
)"));
  CHECK(quantized.count == 1);
  CHECK(quantized.reasonFor("a") == "its weight is not constant");
  CHECK(quantized.reasonFor("d") == "its bias is not a float32 constant");
  CHECK(quantized.reasonFor("m") == "its weight is not constant");
}

TEST_CASE("a layer of constant data stays float, with the reason", "[quantize][hostile]") {
  const Quantized quantized = quantizeModel(buildModel(R"(
opset 13
input x: float32[1, 4, 6, 6]
const k: float32[1, 4, 6, 6]
const s: int64[4] = 1, 4, 6, 6
const w: float32[4, 4, 1, 1]
a = Conv(k, w)
k2 = Reshape(k, s)
c = Conv(k2, w)
d = Conv(x, w)
e = Add(a, c)
y = Add(e, d)
output y
)"));
  CHECK(quantized.count == 2);  // c and d
  CHECK(quantized.reasonFor("a") == "its data are constant");
  CHECK(quantized.reasonFor("k2") == "its data are constant");
}

TEST_CASE("height and width that are not known until run time are no obstacle", "[quantize][hostile]") {
  const Model model = buildModel(R"(
opset 13
input x: float32[N, 3, H, W]
const w: float32[4, 3, 3, 3]
const w2: float32[4, 4, 3, 3]
c = Conv[pads=[1, 1, 1, 1]](x, w)
r = Relu(c)
y = Conv[pads=[1, 1, 1, 1]](r, w2)
output y
)");
  const GivenSamples data(
      {{buildTensor(DType::f32, {1, 3, 8, 8}, "", "a")}, {buildTensor(DType::f32, {1, 3, 5, 11}, "", "b")}});
  for (const int64_t level : {1, 2}) {
    const Quantized quantized = quantizeModel(model, atLevel(level), 1, &data);
    CHECK(quantized.count == 2);
    CHECK(quantized.report.encodings.contains("r"));
  }
}

TEST_CASE("two inputs are calibrated each", "[quantize][hostile]") {
  const Model model = buildModel(R"(
opset 13
input x: float32[1, 3, 8, 8]
input z: float32[1, 3, 8, 8]
const w: float32[4, 3, 1, 1]
const w2: float32[4, 4, 1, 1]
a = Conv(x, w)
b = Conv(z, w)
s = Add(a, b)
y = Conv(s, w2)
output y
)");
  const Quantized quantized = quantizeModel(model);
  CHECK(quantized.count == 4);
  CHECK(quantized.report.encodings.contains("x"));
  CHECK(quantized.report.encodings.contains("z"));
  CHECK(sqnrOf(model, quantized.model) > 25);
}

TEST_CASE("what a body holds stays float and is told of", "[quantize][hostile]") {
  const Model model = buildModel(R"(
opset 13
input x: float32[1, 3, 8, 8]
input c: bool[]
const w: float32[4, 3, 1, 1]
const w2: float32[4, 4, 1, 1]
a = Conv(x, w)
graph yes
input ta: float32[1, 4, 8, 8]
const v: float32[4, 4, 1, 1]
t = Conv(ta, v)
output t
end
graph no
input ua: float32[1, 4, 8, 8]
u = Relu(ua)
output u
end
r = If[then_branch=@yes, else_branch=@no](c, a) captures 1
y = Conv(r, w2)
output y
)");
  const Quantized quantized = quantizeModel(model);
  CHECK(quantized.count == 2);
  CHECK(quantized.reasonFor("r") == "If has no integer kernel in the target");
  CHECK(quantized.reasonFor("t") == "it is in a body, which stays float");
}

TEST_CASE("an old opset is converted first", "[quantize][hostile]") {
  const Model model = buildModel(R"(
opset 7
ir 3
input x: float32[1, 3, 8, 8]
input w: float32[4, 3, 1, 1]
y = Conv(x, w)
output y
)");
  Model withWeights = model;
  withWeights.graph.setConstant(withWeights.graph.findValue("w"), buildTensor(DType::f32, {4, 3, 1, 1}, "", "weights"));
  const Quantized quantized = quantizeModel(withWeights);
  CHECK(quantized.count == 1);
  CHECK(quantized.model.opsets.version("") == 13);
  CHECK(quantized.model.graph.inputs().size() == 1);
}

TEST_CASE("a Conv whose result is an output of the graph keeps its name and its clamp", "[quantize][hostile]") {
  const Model model = buildModel(R"(
opset 13
input x: float32[1, 3, 8, 8]
const w: float32[4, 3, 1, 1]
const w2: float32[4, 4, 1, 1]
a = Conv(x, w)
r = Relu(a)
y = Conv(r, w2)
output a
output r
output y
)");
  const Quantized quantized = quantizeModel(model);
  CHECK(quantized.count == 2);
  const Graph& graph = quantized.model.graph;
  REQUIRE(graph.outputs().size() == 3);
  CHECK(graph.value(graph.outputs()[0]).name == "a");
  CHECK(graph.value(graph.outputs()[1]).name == "r");
  CHECK(graph.value(graph.outputs()[2]).name == "y");
  CHECK(sqnrOf(model, quantized.model) > 25);
}

TEST_CASE("a product that is an output of the graph is not drawn into a Gemm", "[quantize][hostile]") {
  const Model model = buildModel(R"(
opset 13
input x: float32[2, 8]
const w: float32[8, 4]
const b: float32[4]
p = MatMul(x, w)
y = Add(p, b)
output y
output p
)");
  const Quantized quantized = quantizeModel(model);
  CHECK(countOf(quantized.model.graph, "Gemm") == 0);
  CHECK(sqnrOf(model, quantized.model) > 25);
}

TEST_CASE("results that nothing reads are dropped or kept, never broken", "[quantize][hostile]") {
  const Model model = buildModel(R"(
opset 13
input x: float32[1, 4, 8, 8]
const w: float32[4, 4, 1, 1]
a = Conv(x, w)
dead = Conv(a, w)
m, i = MaxPool[kernel_shape=[2, 2]](a)
y = Conv(m, w)
output y
)");
  const Quantized quantized = quantizeModel(model);
  CHECK(quantized.count >= 2);
  CHECK(sqnrOf(model, quantized.model) > 25);
}

TEST_CASE("a partly quantized model is left alone, and told of", "[quantize][hostile]") {
  const Model model = buildModel(R"(
opset 13
input x: float32[1, 4, 8, 8]
const w: float32[4, 4, 1, 1]
const s: float32[] = 0.05
const z: uint8[] = 128
q = QuantizeLinear(x, s, z)
d = DequantizeLinear(q, s, z)
a = Conv(d, w)
y = Conv(a, w)
output y
)");
  const Quantized quantized = quantizeModel(model);
  CHECK(quantized.count == 0);
  REQUIRE(quantized.skipped.size() == 1);
  CHECK(quantized.skipped[0].reason == "it is quantized already");
  CHECK(print(quantized.model) == print(model));
}

TEST_CASE("a half precision model stays as it is, with the reason", "[quantize][hostile]") {
  const Model model = buildModel(R"(
opset 13
input x: float16[1, 4, 8, 8]
const w: float16[4, 4, 1, 1]
y = Conv(x, w)
output y
)");
  const Quantized quantized = quantizeModel(model);
  CHECK(quantized.count == 0);
  CHECK(quantized.reasonFor("y") == "its data are not float32");
}
