// Zeros in weights: exactly as many as asked, where they are asked, and what is done about what they cost.
#include <catch2/catch.hpp>
#include <cmath>
#include <limits>

#include "lib/base/parallel.h"
#include "lib/base/text.h"
#include "lib/eval/run_over.h"
#include "lib/ir/print.h"
#include "lib/runtime/backend.h"
#include "passes/sparsify/granularity.h"
#include "passes/sparsify/obs.h"
#include "passes/sparsify/sparsify.h"
#include "tests/support/build.h"
#include "tests/support/errors.h"
#include "tests/support/plans.h"

using namespace compress;
using namespace compress::test;

namespace {

constexpr const char* kNet =
    "input x: float32[1, 16, 6, 6]\nconst a: float32[24, 16, 3, 3]\nconst b: float32[24]\nconst d: float32[24, 1, 3, "
    "3]\nconst p: float32[40, 24, 1, 1]\nconst g: float32[40, 10]\n"
    "conv = Conv[pads=[1, 1, 1, 1]](x, a, b)\nrelu = Relu(conv)\ndepth = Conv[group=24, pads=[1, 1, 1, 1]](relu, d)\n"
    "point = Conv(depth, p)\nmean = GlobalAveragePool(point)\nflat = Flatten(mean)\ny = MatMul(flat, g)\noutput y";

const Tensor& weightOf(const Model& model, std::string_view name) {
  return *model.graph.constant(model.graph.findValue(name));
}

int64_t zerosOf(const Tensor& tensor) {
  const auto values = tensor.as<float>();
  return std::ranges::count(values, 0.0F);
}

struct Outcome {
  Model model;
  SparsifyReport report;
  std::vector<Skipped> skipped;
  int64_t made = 0;
};

/// `samples` 0: without calibration.
Outcome sparsify(const Model& model, const SparsifyOptions& options, int64_t samples = 0, int threads = 1) {
  Outcome outcome{model, {}, {}, 0};
  const auto backend = makeCpuBackend();
  const auto data = randomDataset(inputSpecs(model), std::max<int64_t>(samples, 1), 3);
  PassContext context{*backend, threads, 0, nullptr, [](std::string_view) {}, {}, {}};
  if (samples > 0) context.calibration = data.get();
  Sparsify pass(options);
  outcome.made = pass.run(outcome.model, context);
  outcome.report = pass.report();
  outcome.skipped = context.skipped;
  return outcome;
}

/// How far the outputs of `model` are from those of `wanted` on samples that calibration did not see.
double errorOn(const Model& model, const Model& wanted) {
  const auto backend = makeReferenceBackend();
  const std::vector<Tensor> inputs = randomDataset(inputSpecs(wanted), 1, 77)->read(0).inputs;
  return normalizedError(runOn(*backend, model, inputs), runOn(*backend, wanted, inputs));
}

SparsifyOptions optionsOf(std::string granularity, std::optional<double> sparsity,
                          std::string criterion = "magnitude") {
  SparsifyOptions options;
  options.granularity = std::move(granularity);
  options.sparsity = sparsity;
  options.criterion = std::move(criterion);
  return options;
}

SparsifyOptions elements(double sparsity, std::string criterion = "magnitude") {
  return optionsOf("element", sparsity, std::move(criterion));
}

SparsifyOptions overAllLayers(SparsifyOptions options) {
  options.scope = "global";
  return options;
}

}  // namespace

TEST_CASE("granularities are read or refused", "[sparsify]") {
  CHECK(Granularity::parse("element").kind == Granularity::Kind::element);
  CHECK(Granularity::parse("block4").height() == 4);
  const Granularity pattern = Granularity::parse("2:4");
  CHECK(pattern.left == 2);
  CHECK(pattern.of == 4);
  for (const char* text :
       {"", "2", ":", "2:", ":4", "4:4", "5:4", "0:4", "-1:4", "2:4:8", "2 :4", "1:33", "block", "a:b"})
    CHECK(throwsError(ErrorKind::usage, text, [&] { Granularity::parse(text); }));
}

TEST_CASE("the least go first, and of equals the earlier", "[sparsify]") {
  const ZeroChooser chooser(Granularity::parse("element"), {2, 3, 1});
  ZeroMask mask(6, 0);
  chooser.markLeast(chooser.units({3, 1, 2, 1, 5, 0}, {0, 1, 2}), 2, mask);
  CHECK(mask == ZeroMask{0, 1, 0, 0, 0, 1});
  chooser.markLeast(chooser.units({3, 1, 2, 1, 5, 0}, {0, 1, 2}), 100, mask);
  CHECK(mask == ZeroMask{1, 1, 1, 1, 1, 1});
}

TEST_CASE("a pattern groups neighbouring channels at each place of the window", "[sparsify]") {
  const ZeroChooser chooser(Granularity::parse("2:4"), {1, 6, 2});
  const auto groups = chooser.inputGroups();
  REQUIRE(groups.size() == 4);
  CHECK(groups[0] == std::vector<int64_t>{0, 2, 4, 6});
  CHECK(groups[1] == std::vector<int64_t>{8, 10});
  CHECK(groups[2] == std::vector<int64_t>{1, 3, 5, 7});
  ZeroMask mask(12, 0);
  std::vector<double> scores(12, 1.0);
  scores[4] = scores[6] = 2;
  chooser.markPattern(scores, 0, groups[0], mask);
  chooser.markPattern(scores, 0, groups[1], mask);
  CHECK(mask == ZeroMask{1, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0});
}

TEST_CASE("as many single weights become zero as asked, by every criterion", "[sparsify]") {
  const Model model = buildModel(kNet);
  for (const std::string criterion : {"magnitude", "wanda", "sparsegpt"}) {
    CAPTURE(criterion);
    const Outcome outcome = sparsify(model, elements(0.6, criterion), 8);
    CHECK(zerosOf(weightOf(outcome.model, "a")) == std::llround(0.6 * 24 * 144));
    CHECK(zerosOf(weightOf(outcome.model, "g")) == std::llround(0.6 * 40 * 10));
    CHECK(zerosOf(weightOf(outcome.model, "d")) == 0);
    CHECK(outcome.report.layers.size() == 2);
    CHECK(outcome.made == std::llround(0.6 * 24 * 144) + std::llround(0.6 * 40 * 10));
    CHECK(outcome.report.layers[0].zerosAfter == std::llround(0.6 * 24 * 144));
  }
}

TEST_CASE("magnitude takes the smallest weights and leaves the others as they are", "[sparsify]") {
  const Model model = buildModel(kNet);
  const Outcome outcome = sparsify(model, elements(0.5));
  const auto before = weightOf(model, "a").as<float>(), after = weightOf(outcome.model, "a").as<float>();
  float largestGone = 0, smallestLeft = std::numeric_limits<float>::infinity();
  for (size_t i = 0; i < before.size(); ++i) {
    if (after[i] == 0) {
      largestGone = std::max(largestGone, std::abs(before[i]));
    } else {
      CHECK(after[i] == before[i]);
      smallestLeft = std::min(smallestLeft, std::abs(before[i]));
    }
  }
  CHECK(largestGone <= smallestLeft);
}

TEST_CASE("four output channels lose a weight together", "[sparsify]") {
  const Model model =
      buildModel("input x: float32[1, 40, 5, 5]\nconst w: float32[10, 40, 1, 1]\ny = Conv(x, w)\noutput y");
  for (const std::string criterion : {"magnitude", "sparsegpt"}) {
    const Outcome outcome = sparsify(model, optionsOf("block4", 0.75, criterion), 20);
    const auto values = weightOf(outcome.model, "w").as<float>();
    int64_t blocks = 0;
    for (size_t first = 0; first < 10; first += 4)
      for (size_t input = 0; input < 40; ++input) {
        const bool isZero = values[first * 40 + input] == 0;
        blocks += isZero ? 1 : 0;
        for (size_t o = first; o < std::min<size_t>(first + 4, 10); ++o) CHECK((values[o * 40 + input] == 0) == isZero);
      }
    CHECK(blocks == 90);
  }
}

TEST_CASE("two of four channels are left, at every place of the window", "[sparsify]") {
  const Model model = buildModel(kNet);
  for (const std::string criterion : {"magnitude", "wanda", "sparsegpt"}) {
    const Outcome outcome = sparsify(model, optionsOf("2:4", {}, criterion), 8);
    const auto values = weightOf(outcome.model, "a").as<float>();
    for (size_t o = 0; o < 24; ++o)
      for (size_t channel = 0; channel < 16; channel += 4)
        for (size_t place = 0; place < 9; ++place) {
          int64_t left = 0;
          for (size_t c = channel; c < channel + 4; ++c) left += values[o * 144 + c * 9 + place] != 0 ? 1 : 0;
          CHECK(left == 2);
        }
  }
}

TEST_CASE("over all layers at once, the smallest of all go, and every layer keeps some", "[sparsify]") {
  const Model model = buildModel(
      "input x: float32[4, 40]\nconst a: float32[40, 40] = uniform(-10, 10)\nconst b: float32[40, 40] = uniform(-0.1, "
      "0.1)\nm = MatMul(x, a)\ny = MatMul(m, b)\noutput y");
  const Outcome outcome = sparsify(model, overAllLayers(elements(0.6)));
  const int64_t ofLarge = zerosOf(weightOf(outcome.model, "a")), ofSmall = zerosOf(weightOf(outcome.model, "b"));
  CHECK(ofLarge + ofSmall == 1920);
  CHECK(ofSmall == 1440);
}

TEST_CASE("zeros of another tool stay, and count", "[sparsify]") {
  const Model model = buildModel(
      "input x: float32[1, 64, 5, 5]\nconst w: float32[64, 64, 1, 1] = sparse(0.7, 1)\ny = Conv(x, w)\noutput y");
  const int64_t before = zerosOf(weightOf(model, "w"));
  for (const std::string criterion : {"magnitude", "sparsegpt"}) {
    CAPTURE(criterion);
    const Outcome fewer = sparsify(model, elements(0.5, criterion), 20);
    CHECK(fewer.made == 0);
    CHECK(print(fewer.model) == print(model));
    CHECK(fewer.report.layers[0].zerosBefore == before);
    const Outcome more = sparsify(model, elements(0.9, criterion), 20);
    CHECK(zerosOf(weightOf(more.model, "w")) == std::llround(0.9 * 64 * 64));
    const auto old = weightOf(model, "w").as<float>(), now = weightOf(more.model, "w").as<float>();
    for (size_t i = 0; i < old.size(); ++i) CHECK((old[i] != 0 || now[i] == 0));
  }
}

TEST_CASE("samples make up for zeros: biases, then weights, then the choice itself", "[sparsify]") {
  const Model model = buildModel(
      "input x: float32[1, 32, 8, 8]\nconst m: float32[32, 32, 3, 3] = uniform(-0.1, 0.15)\nconst w: float32[24, 32, "
      "3, "
      "3]\nc = Conv[pads=[1, 1, 1, 1]](x, m)\nr = Relu(c)\ny = Conv(r, w)\noutput y");
  SparsifyOptions options = elements(0.6);
  options.exclude = {"node:c"};
  const double alone = errorOn(sparsify(model, options).model, model);
  options.reconstruct = false;
  const double withBias = errorOn(sparsify(model, options, 64).model, model);
  options.reconstruct = true;
  const double fitted = errorOn(sparsify(model, options, 64).model, model);
  options.criterion = "sparsegpt";
  const double chosen = errorOn(sparsify(model, options, 64).model, model);
  CAPTURE(alone, withBias, fitted, chosen);
  CHECK(withBias < 0.9 * alone);
  CHECK(fitted < 0.9 * withBias);
  CHECK(chosen < fitted);
}

TEST_CASE("error feedback makes up for what goes", "[sparsify]") {
  using Matrix = NormalEquations::Matrix;
  const WeightGrid grid{1, 2, 1};
  Matrix covariance(2, 2);
  covariance << 1, 0.99, 0.99, 1;
  Matrix weights(3, 1);
  weights << 1, 2, 0.5;
  ZeroMask mask(2, 0);
  pruneByObs(weights, covariance, Granularity::parse("element"), grid, 0.5, mask);
  CHECK(mask == ZeroMask{1, 0});
  CHECK(weights(0, 0) == 0);
  CHECK(weights(1, 0) == Approx(2.98).margin(0.02));
  CHECK(weights(2, 0) == 0.5);
}

TEST_CASE("zeros are the same bytes for any number of threads", "[sparsify]") {
  const Model model = buildModel(kNet);
  const std::string one = print(sparsify(model, elements(0.7, "sparsegpt"), 12, 1).model);
  for (const int threads : {2, 4}) {
    setThreadCount(threads);
    CHECK(print(sparsify(model, elements(0.7, "sparsegpt"), 12, threads).model) == one);
  }
  setThreadCount(1);
}

TEST_CASE("layers that keep their weights are named with the reason", "[sparsify]") {
  const Model model = buildModel(kNet);
  SparsifyOptions options = elements(0.5);
  options.exclude = {"op:MatMul"};
  const Outcome outcome = sparsify(model, options);
  REQUIRE(outcome.skipped.size() == 3);
  CHECK(outcome.skipped[0].node == "depth");
  CHECK(outcome.skipped[0].reason == "its outputs sum 9 products, fewer than 32");
  CHECK(outcome.skipped[1].node == "point");
  CHECK(outcome.skipped[2].reason == "excluded by 'op:MatMul'");
  options.include = {"node:depth"};
  options.exclude = {};
  const Outcome named = sparsify(model, options);
  CHECK(named.report.layers.size() == 1);
  CHECK(zerosOf(weightOf(named.model, "d")) == 24 * 5);
}

TEST_CASE("half of the weights become zero where no share is told", "[sparsify]") {
  const Model model = buildModel(kNet);
  CHECK(print(sparsify(model, optionsOf("element", {})).model) == print(sparsify(model, elements(0.5)).model));
}

TEST_CASE("a model without such weights stays as it is", "[sparsify]") {
  const Model model = buildModel("input x: float32[1, 3, 4, 4]\ny = Relu(x)\noutput y");
  const Outcome outcome = sparsify(model, elements(0.5));
  CHECK(outcome.made == 0);
  CHECK(outcome.report.layers.empty());
  CHECK(print(outcome.model) == print(model));
}

TEST_CASE("options of zeros that do not go together are refused", "[sparsify]") {
  const Model model = buildModel(kNet);
  const auto refuses = [&](const SparsifyOptions& options, std::string_view part) {
    return throwsError(ErrorKind::usage, part, [&] { sparsify(model, options); });
  };
  CHECK(refuses(optionsOf("2:4", 0.5), "exclude each other"));
  for (const double sparsity : {0.0, 1.0, -0.5, 1.5, std::nan("")})
    CHECK(refuses(elements(sparsity), "between 0 and 1"));
  CHECK(refuses(elements(0.5, "bn-scale"), "expected magnitude, wanda or sparsegpt"));
  CHECK(refuses(elements(0.5, "wanda"), "needs samples"));
  CHECK(refuses(overAllLayers(optionsOf("2:4", {})), "global"));
  SparsifyOptions misspelt = elements(0.5);
  misspelt.include = {"node:convv"};
  CHECK(refuses(misspelt, "convv"));
  const Model broken =
      buildModel("input x: float32[1, 40]\nconst w: float32[40, 1] = fill(nan)\ny = MatMul(x, w)\noutput y");
  CHECK(throwsError(ErrorKind::numeric, "w", [&] { sparsify(broken, elements(0.5)); }));
}
