// Passes on a long chain take n log n steps, and real models keep their outputs.
#include <catch2/catch.hpp>

#include <algorithm>
#include <ctime>
#include <set>

#include "lib/base/error.h"
#include "lib/base/text.h"
#include "lib/ir/print.h"
#include "lib/ir/verify.h"
#include "lib/onnx/read.h"
#include "tests/support/build.h"
#include "tests/support/onnx_models.h"
#include "tests/support/passes.h"

using namespace compress;

namespace {

/// x -> Relu -> Identity -> Mul by 1 -> Transpose pair -> Add of a constant, over and over.
Model longChain(int64_t nodes) {
  Model model = test::buildModel("input x: float32[2, 3]\n");
  Graph& graph = model.graph;
  const ValueId one = graph.addConstant("one", Tensor::scalar(1.0F));
  Attributes swap;
  swap.set("perm", std::vector<int64_t>{1, 0});
  ValueId at = graph.findValue("x");
  for (int64_t i = 0; i < nodes / 6; ++i) {
    at = graph.emit("Tanh", {at}, "v");
    at = graph.emit("Identity", {at}, "v");
    at = graph.emit("Mul", {at, one}, "v");
    at = graph.emit("Transpose", {at}, "v", swap);
    at = graph.emit("Transpose", {at}, "v", swap);
    at = graph.emit("Add", {at, graph.addConstant("c", Tensor::scalar(static_cast<float>(i)))}, "v");
  }
  graph.addOutput(graph.emit("Neg", {at}, "y"));
  return model;
}

/// Outputs of the passes' result against those before; nothing where the references cannot run the model or its inputs
/// are not numbers.
std::optional<double> driftOfAllPasses(const Model& before) {
  for (const ValueId id : before.graph.runtimeInputs()) {
    const Type& type = before.graph.value(id).type;
    if (!type.isTensor() || !type.hasRank() || bitsOf(type.dtype) < 8) return std::nullopt;
  }
  std::optional<test::Expectation> expected;
  try {
    expected.emplace(before, 1);
  } catch (const std::exception&) {
    return std::nullopt;
  }
  Model model = before;
  for (const PassSpec& spec : allPasses())
    if (spec.lossless) {
      test::runPass(spec, model);
      verify(model);
    }
  return expected->differenceTo(model);
}

/// Is there an operator that draws numbers without a seed of its own? What it draws is nobody's promise.
bool drawsFreely(const Graph& graph) {
  static const std::set<std::string> kDraws = {"Bernoulli",     "Multinomial",       "RandomNormal", "RandomNormalLike",
                                               "RandomUniform", "RandomUniformLike", "Dropout"};
  return std::ranges::any_of(graph.nodes(), [&](NodeId id) {
    const Node& node = graph.node(id);
    return node.domain.empty() && kDraws.contains(node.op) && !node.attributes.has("seed");
  });
}

}  // namespace

TEST_CASE("all lossless passes on 100,000 nodes take less than 10 seconds", "[passes][slow]") {
  Model model = longChain(100'000);
  const auto processorSeconds = [] {
    return static_cast<double>(std::clock()) / CLOCKS_PER_SEC;
  };  // whatever else the machine does
  const double start = processorSeconds();
  for (const PassSpec& spec : allPasses())
    if (spec.lossless) {
      const double before = processorSeconds();
      test::runPass(spec, model);
      UNSCOPED_INFO(spec.name << " " << processorSeconds() - before << " s");
    }
  CHECK(processorSeconds() - start < 10);
  CHECK(model.graph.nodeCount() < 50'000);
}

TEST_CASE("lossless passes keep the outputs of real models", "[passes][slow]") {
  const auto paths = test::realModels();
  if (paths.empty()) {
    WARN("skipped: neither libonnx-testdata nor the zoo is here");
    return;
  }
  int compared = 0;
  for (const auto& path : paths) {
    CAPTURE(path);
    if (std::filesystem::file_size(path) > 20'000'000) continue;
    const Model model = readModel(path).model;
    if (drawsFreely(model.graph)) continue;
    std::optional<double> drift;
    CHECK_NOTHROW(drift = driftOfAllPasses(model));
    if (!drift) continue;
    ++compared;
    CHECK(*drift <= 1e-4);  // the bar that a lossless pass is held to
  }
  CHECK(compared > 300);
}
