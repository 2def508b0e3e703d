// The opset converter, step by step: text in, text out.
#include "lib/ops/upgrade.h"

#include <catch2/catch.hpp>

#include "lib/ir/print.h"
#include "lib/ops/evaluate.h"
#include "tests/support/build.h"
#include "tests/support/errors.h"

using namespace compress;
using namespace compress::test;

namespace {

Model raised(std::string_view text, int64_t opset) {
  Model model = buildModel(text);
  upgrade(model, opset);
  return model;
}

}  // namespace

TEST_CASE("attributes become inputs", "[upgrade]") {
  CHECK(print(raised("opset 10\ninput x: float32[2]\ny = Clip[min=0.0, max=6.0](x)\noutput y\n", 11).graph) ==
        "y = Clip(x, y.min, y.max)\n");
  CHECK(print(raised("opset 9\ninput x: float32[4]\ny = Slice[starts=[1], ends=[3]](x)\noutput y\n", 13).graph) ==
        "y = Slice(x, y.starts, y.ends)\n");
  CHECK(print(raised("opset 10\ninput x: float32[4]\ny = Pad[pads=[1, 1], mode=\"edge\"](x)\noutput y\n", 13).graph) ==
        "y = Pad[mode=\"edge\"](x, y.pads)\n");
  CHECK(print(raised("opset 12\ninput x: float32[4, 2]\ny = ReduceSum[axes=[1]](x)\nz = "
                     "ReduceMean[axes=[1]](x)\noutput y\noutput z\n",
                     13)
                  .graph) == "y = ReduceSum(x, y.axes)\nz = ReduceMean[axes=[1]](x)\n");
  CHECK(print(raised("opset 12\ninput x: float32[4, 2]\nz = ReduceMean[axes=[1]](x)\noutput z\n", 18).graph) ==
        "z = ReduceMean(x, z.axes)\n");
}

TEST_CASE("bounds behind an If or a Where have the type of what they clamp, not of the condition", "[upgrade]") {
  const Model model = raised(
      "opset 10\ninput c: bool\ninput x: float64[2]\ngraph then\ninput x: float64[2]\nt = Neg(x)\noutput t\nend\n"
      "graph else\ninput x: float64[2]\nt = Relu(x)\noutput t\nend\n"
      "r = If[then_branch=@then, else_branch=@else](c, x) captures 1\ny = Clip[min=0.0](r)\n"
      "s = Where(c, x, x)\nz = Clip[min=0.0](s)\noutput y\noutput z\n",
      11);
  for (const char* bound : {"y.min", "z.min"})
    CHECK(model.graph.constant(model.graph.findValue(bound))->dtype() == DType::f64);
}

TEST_CASE("Softmax over several axes keeps its meaning", "[upgrade]") {
  const char* overLast = "opset 12\ninput x: float32[2, 3]\ny = Softmax(x)\noutput y\n";
  CHECK(print(raised(overLast, 13).graph) == "y = Softmax[axis=-1](x)\n");
  const Model model = raised("opset 12\ninput x: float32[2, 3, 2]\ny = Softmax[axis=1](x)\noutput y\n", 13);
  const std::vector<Tensor> x = {Tensor::of<float>(Shape{2, 3, 2}, std::vector<float>(12, 1.0F))};
  const std::vector<Tensor> y = evaluate(model.graph, x);
  CHECK(y.at(0).shape() == Shape{2, 3, 2});
  CHECK(y.at(0).as<float>()[0] == Approx(1.0 / 6));
}

TEST_CASE("Upsample becomes Resize with the coordinates that it implied", "[upgrade]") {
  const Model model = raised(
      "opset 8\ninput x: float32[1, 1, 1, 2]\ny = Upsample[scales=[1.0, 1.0, 2.0, 2.0], mode=\"nearest\"](x)\noutput "
      "y\n",
      kNewestOpset);
  const std::vector<Tensor> x = {Tensor::of<float>(Shape{1, 1, 1, 2}, std::vector<float>{1, 2})};
  const std::vector<Tensor> y = evaluate(model.graph, x);
  CHECK(toFloats(y.at(0)) == std::vector<float>{1, 1, 2, 2, 1, 1, 2, 2});
}

TEST_CASE("bodies are raised too", "[upgrade]") {
  const Model model = raised(
      "opset 10\ninput c: bool[]\ninput x: float32[2]\ngraph body\ninput v: float32[2]\nr = Clip[min=0.0](v)\noutput "
      "r\nend\n"
      "y = If[then_branch=@body, else_branch=@body](c, x) captures 1\noutput y\n",
      11);
  CHECK(print(model.graph).find("r = Clip(v, r.min)") != std::string::npos);
}

TEST_CASE("an upgrade raises opset and IR version and keeps values' names", "[upgrade]") {
  const Model model = raised("opset 9\nir 3\ninput x: float32[2]\nh = Relu(x)\ny = Clip[min=0.0](h)\noutput y\n", 21);
  CHECK(model.opsets.version("") == 21);
  CHECK(model.irVersion == 10);
  CHECK(model.graph.findValue("h"));
  CHECK(model.graph.findValue("y"));
}

TEST_CASE("what cannot be raised is said", "[upgrade]") {
  CHECK(throwsError(ErrorKind::unsupported, "spatial = 0", [] {
    raised(
        "opset 8\ninput x: float32[1, 2]\nconst s: float32[2]\nb = BatchNormalization[spatial=0](x, s, s, s, "
        "s)\noutput b\n",
        13);
  }));
  CHECK(throwsError(ErrorKind::unsupported, "node 'y' (NoSuchOp)",
                    [] { raised("opset 8\ninput x: float32[1]\ny = NoSuchOp(x)\noutput y\n", 13); }));
  CHECK(throwsError(ErrorKind::usage, "opset 1000",
                    [] { raised("opset 8\ninput x: float32[1]\ny = Relu(x)\noutput y\n", 1000); }));
}

TEST_CASE("a step that misses an input of its node refuses the file", "[upgrade][hostile]") {
  CHECK(throwsError(ErrorKind::input, "node 'y' (Hardmax): to opset 13: an input, an output or an element",
                    [] { raised("opset 12\ny = Hardmax[axis=-1]()\noutput y\n", 13); }));
}

TEST_CASE("references refuse operands that do not fit the result, and types that the op does not take",
          "[upgrade][hostile]") {
  const auto run = [](std::string_view lines, const std::vector<Tensor>& inputs) {
    evaluate(buildModel(lines).graph, inputs);
  };
  const Tensor wide = Tensor::of<float>(Shape{2, 2}, std::vector<float>{1, 2, 3, 4}), one = Tensor::scalar(1.0F);
  CHECK(throwsError(ErrorKind::input, "", [&] {
    run("input x: float32[2, 2]\ninput y: float32[]\nz = LessOrEqual(x, y, y, _)\noutput z\n", {wide, one});
  }));
  CHECK(throwsError(ErrorKind::input, "repeats are not known", [&] {
    run("input x: float32[2, 2]\ninput r: float32[2]\nz = Tile(x, r)\noutput z\n",
        {wide, Tensor::of<float>(Shape{2}, std::vector<float>{1, 2})});
  }));
  CHECK(throwsError(ErrorKind::input, "expected classes on axis 1", [&] {
    run("input x: float32[2, 0]\ninput l: int64[2]\nz = SoftmaxCrossEntropyLoss(x, l)\noutput z\n",
        {Tensor::of<float>(Shape{2, 0}, std::vector<float>{}),
         Tensor::of<int64_t>(Shape{2}, std::vector<int64_t>{0, 0})});
  }));
  CHECK(throwsError(ErrorKind::input, "x is int64, expected float32", [&] {
    run("input x: int64[1]\ny = DynamicQuantizeLinear(x)\noutput y\n",
        {Tensor::of<int64_t>(Shape{1}, std::vector<int64_t>{1})});
  }));
}
