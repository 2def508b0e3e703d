// Shape inference: symbols survive, concrete inputs make all concrete, contradictions name their node.
#include "lib/ops/infer_types.h"

#include <catch2/catch.hpp>
#include <ctime>

#include "lib/ops/evaluate.h"
#include "tests/support/build.h"
#include "tests/support/errors.h"

using namespace compress;
using namespace compress::test;

namespace {

std::string inferred(const Model& model, std::string_view value, const std::map<ValueId, Type>& inputs = {}) {
  return print(inferTypes(model.graph, inputs).types.at(static_cast<size_t>(model.graph.findValue(value).index)));
}

std::string inferred(std::string_view text, std::string_view value = "y") {
  return inferred(buildModel(text), value);
}

/// Time of this thread, whatever else the machine does, for the types of `count` nodes in a row.
double processorSecondsOfChain(int count) {
  Graph graph;
  ValueId value = graph.add({"x", Type::tensor(DType::f32, Shape{1, 8}), std::nullopt, {}});
  graph.addInput(value);
  for (int i = 0; i < count; ++i) value = graph.emit("Relu", {value}, "r");
  graph.addOutput(value);
  const auto now = [] {
    timespec time{};
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
    return static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
  };
  const double start = now();
  const Inferred result = inferTypes(graph);
  CHECK(print(result.types.at(static_cast<size_t>(value.index))) == "float32[1, 8]");
  return now() - start;
}

}  // namespace

TEST_CASE("symbolic dimensions survive", "[infer]") {
  CHECK(inferred("input x: float32[N, 3, 32, 32]\nconst w: float32[8, 3, 3, 3]\n"
                 "c = Conv[pads=[1, 1, 1, 1], strides=[2, 2]](x, w)\nr = Relu(c)\ny = MaxPool[kernel_shape=[2, 2], "
                 "strides=[2, 2]](r)\noutput y\n") == "float32[N, 8, 8, 8]");
  CHECK(inferred("input x: float32[N, 3, H, W]\nconst w: float32[8, 3, 3, 3]\ny = Conv[pads=[1, 1, 1, 1]](x, "
                 "w)\noutput y\n") == "float32[N, 8, H, W]");
  CHECK(inferred(
            "input x: float32[N, 3, H, W]\nconst w: float32[8, 3, 3, 3]\ny = Conv[strides=[2, 2]](x, w)\noutput y\n") ==
        "float32[N, 8, ?, ?]");
  CHECK(inferred("input x: float32[N, 4]\ninput z: float32[M, 1]\ny = Add(x, z)\noutput y\n") == "float32[?, 4]");
  CHECK(inferred("input x: float32[N, 4]\ninput z: float32[N, 1]\ny = Add(x, z)\noutput y\n") == "float32[N, 4]");
  CHECK(inferred("input x: float32[N, 64, 1, 1]\nconst s: int64[2] = -1, 64\ny = Reshape(x, s)\noutput y\n") ==
        "float32[N, 64]");
  CHECK(inferred("input x: float32[N, 4, 4]\nconst b: int64[1] = 0\nconst e: int64[1] = 2147483647\nconst a: int64[1] "
                 "= 0\ny = Slice(x, b, e, a)\noutput y\n") == "float32[N, 4, 4]");
}

TEST_CASE("shape arithmetic is evaluated, in part where only a part is known", "[infer]") {
  const char* flatten =
      "input x: float32[N, 64, 2, 2]\ns = Shape(x)\nconst zero: int64[] = 0\nn = Gather(s, zero)\nconst axis: int64[1] "
      "= 0\nu = Unsqueeze(n, axis)\n"
      "const rest: int64[1] = -1\nt = Concat[axis=0](u, rest)\ny = Reshape(x, t)\noutput y\n";
  CHECK(inferred(flatten) == "float32[N, 256]");
  const Model model = buildModel(flatten);
  const ValueId x = model.graph.findValue("x");
  CHECK(inferred(model, "y", {{x, Type::tensor(DType::f32, Shape{3, 64, 2, 2})}}) == "float32[3, 256]");
  const Inferred result = inferTypes(model.graph, {{x, Type::tensor(DType::f32, Shape{3, 64, 2, 2})}});
  const auto& target = result.known.at(static_cast<size_t>(model.graph.findValue("t").index));
  REQUIRE(target);
  CHECK(toInts(*target) == std::vector<int64_t>{3, -1});
}

TEST_CASE("what two rules say against each other is an error with the node's name", "[infer]") {
  CHECK(throwsError(ErrorKind::input, "node 'y' (Conv): x has 4 channels, the weights want 3", [] {
    inferred("input x: float32[1, 4, 8, 8]\nconst w: float32[8, 3, 3, 3]\ny = Conv(x, w)\noutput y\n");
  }));
  CHECK(throwsError(ErrorKind::input, "node 'y' (Add): dimensions 3 and 4 do not broadcast",
                    [] { inferred("input x: float32[3]\ninput z: float32[4]\ny = Add(x, z)\noutput y\n"); }));
  CHECK(inferred("input x: float32[0, 2, 4]\nconst s: int64[2] = 0, 4\ny = Reshape[allowzero=1](x, s)\noutput y\n") ==
        "float32[0, 4]");
  CHECK(throwsError(ErrorKind::input, "node 'y' (Reshape)",
                    [] { inferred("input x: float32[3]\nconst s: int64[2] = 2, 2\ny = Reshape(x, s)\noutput y\n"); }));
}

TEST_CASE("an op without a rule leaves its outputs unknown", "[infer]") {
  CHECK(inferred("opset com.example 1\ninput x: float32[3]\nz = com.example.Op(x)\ny = Relu(z)\noutput y\n") == "?");
}

TEST_CASE("the time of inference grows with the nodes, not with their square", "[infer]") {
  constexpr int kShort = 20'000, kFactor = 5;
  const double few = processorSecondsOfChain(kShort), many = processorSecondsOfChain(kFactor * kShort);
  CHECK(many < 3 * kFactor * few);  // kFactor squared would be 5 * kFactor
}

TEST_CASE("a Loop's carried values keep what every iteration keeps", "[infer]") {
  CHECK(inferred("input n: int64[]\ninput c: bool[]\ninput x: float32[1, 4]\ngraph body\ninput i: int64[]\ninput go: "
                 "bool[]\ninput v: float32[?, 4]\n"
                 "w = Concat[axis=0](v, v)\ns = ReduceSum[keepdims=0](v)\ngo2 = Identity(go)\noutput go2\noutput "
                 "w\noutput s\nend\n"
                 "y, t = Loop[body=@body](n, c, x)\noutput y\noutput t\n") == "float32[?, 4]");
}

TEST_CASE("a Loop runs its body and collects", "[ops]") {
  const Model model = buildModel(
      "input n: int64[]\ninput c: bool[]\ninput x: float32[1]\ngraph body\ninput i: int64[]\ninput go: bool[]\ninput "
      "v: float32[1]\ninput k: float32[1]\n"
      "w = Add(v, k)\nu = Identity(w)\ngo2 = Identity(go)\noutput go2\noutput w\noutput u\nend\n"
      "y, t = Loop[body=@body](n, c, x, x) captures 1\noutput y\noutput t\n");
  const std::vector<Tensor> inputs = {Tensor::scalar<int64_t>(3), Tensor::scalar(true),
                                      Tensor::of<float>(Shape{1}, std::vector<float>{2})};
  const auto outputs = evaluate(model.graph, inputs);
  CHECK(toFloats(outputs.at(0)) == std::vector<float>{8});
  CHECK(outputs.at(1).shape() == Shape{3, 1});
  CHECK(toFloats(outputs.at(1)) == std::vector<float>{4, 6, 8});
}
