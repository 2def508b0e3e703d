// Session on the reference backend: names, checks, observed values, kept plans.
#include "lib/runtime/session.h"

#include <catch2/catch.hpp>
#include <algorithm>

#include "tests/support/build.h"
#include "tests/support/errors.h"

using namespace compress;
using namespace compress::test;

namespace {

constexpr const char* kModel = "opset 10\ninput x: float32[N, 2]\nh = Clip[min=0.0](x)\ny = Neg(h)\noutput y\n";

Bindings inputsOf(Tensor tensor) {
  Bindings bindings;
  bindings.inputs.push_back(std::move(tensor));
  return bindings;
}

}  // namespace

TEST_CASE("a session runs older opsets and returns what is observed", "[session]") {
  const auto backend = makeReferenceBackend();
  Session session(buildModel(kModel), *backend, {.observed = {"h"}});
  CHECK(session.inputNames() == std::vector<std::string>{"x"});
  CHECK(session.outputNames() == std::vector<std::string>{"y", "h"});
  Bindings bindings = inputsOf(Tensor::of<float>(Shape{1, 2}, std::vector<float>{-1, 2}));
  session.run(bindings);
  REQUIRE(bindings.outputs.size() == 2);
  CHECK(toFloats(bindings.outputs[0].snapshot()) == std::vector<float>{-0.0F, -2});
  CHECK(toFloats(bindings.outputs[1].snapshot()) == std::vector<float>{0, 2});
}

TEST_CASE("a session refuses tensors that do not fit, by name", "[session]") {
  const auto backend = makeReferenceBackend();
  Session session(buildModel(kModel), *backend);
  CHECK(throwsError(ErrorKind::input, "input 'x' is float32[1, 3], the model expects float32[N, 2]", [&] {
    Bindings bindings = inputsOf(Tensor::of<float>(Shape{1, 3}, std::vector<float>{1, 2, 3}));
    session.run(bindings);
  }));
  CHECK(throwsError(ErrorKind::input, "input 'x' is int32[1, 2]", [&] {
    Bindings bindings = inputsOf(Tensor::of<int32_t>(Shape{1, 2}, std::vector<int32_t>{1, 2}));
    session.run(bindings);
  }));
  CHECK(throwsError(ErrorKind::input, "no value 'nothing'",
                    [&] { Session(buildModel(kModel), *backend, {.observed = {"nothing"}}); }));
}

TEST_CASE("a plan is kept per set of shapes", "[session]") {
  const auto backend = makeReferenceBackend();
  Session session(buildModel(kModel), *backend, {.planLimit = 2});
  const auto tensors = [](int64_t n) {
    return std::vector<Tensor>{Tensor::of<float>(Shape{n, 2}, std::vector<float>(static_cast<size_t>(n) * 2))};
  };
  const Executable* first = &session.plan(tensors(1));
  session.plan(tensors(2));
  CHECK(&session.plan(tensors(1)) == first);
}

TEST_CASE("an op that nothing runs is refused before work, with its name and domain", "[session]") {
  const auto backend = makeReferenceBackend();
  Session session(buildModel("opset com.example 1\ninput x: float32[2]\ny = com.example.Odd(x)\noutput y\n"), *backend);
  CHECK(throwsError(ErrorKind::unsupported, "op 'Odd' of domain 'com.example'", [&] {
    Bindings bindings = inputsOf(Tensor::of<float>(Shape{2}, std::vector<float>{1, 2}));
    session.run(bindings);
  }));
}

TEST_CASE("values observed in any order hold the same numbers", "[session]") {
  const Model model = buildModel(R"(
input x: float32[1, 3, 5, 4]
const w: float32[8, 3, 3, 3]
c = Conv[pads=[1, 1, 1, 1]](x, w)
y = Neg(c)
output y
)");
  const auto backend = makeCpuBackend();
  std::vector<std::vector<float>> observed;
  for (const bool inAnyOrder : {false, true}) {
    Session session(model, *backend, {.observed = {"c"}, .observedInAnyOrder = inAnyOrder});
    Bindings bindings;
    bindings.inputs = randomInputs(model, 1);
    session.run(bindings);
    observed.push_back(toFloats(bindings.outputs[1].snapshot()));
    for (const float value : toFloats(bindings.outputs[0].snapshot())) observed.back().push_back(-value);
  }
  CHECK(std::vector<float>(observed[0].begin() + 160, observed[0].end()) ==
        std::vector<float>(observed[1].begin() + 160, observed[1].end()));
  for (std::vector<float>& values : observed) std::sort(values.begin(), values.begin() + 160);
  CHECK(observed[0] == observed[1]);
}

TEST_CASE("plans refuse a node with more inputs than its op has", "[session][hostile]") {
  const Model model =
      buildModel("input x: float32[1, 6, 4]\ninput s: float32[2]\ny = GlobalAveragePool(x, s, s, s)\noutput y\n");
  const auto backend = makeCpuBackend();
  Session session(model, *backend);
  Bindings bindings;
  bindings.inputs = randomInputs(model, 1);
  CHECK(throwsError(ErrorKind::input, "node 'y' (GlobalAveragePool): input 1 is more than the op has",
                    [&] { session.run(bindings); }));
}
