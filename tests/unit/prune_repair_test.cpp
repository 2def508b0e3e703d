// Repair where the right answer is known: what a removed channel gave is constant, or a sum of others.
#include <catch2/catch.hpp>
#include <cmath>

#include "lib/eval/run_over.h"
#include "lib/ops/evaluate.h"
#include "passes/prune/mean_fold.h"
#include "passes/prune/repair.h"
#include "passes/prune/remove.h"
#include "passes/prune/schedule.h"
#include "tests/support/build.h"
#include "tests/support/passes.h"
#include "tests/support/pruning.h"

using namespace compress;

namespace {

/// Cuts slice `slice` of axis 0 of "w" and what goes with it, repairs with random samples by `repair`, and tells how
/// far the result is from the whole model.
template <typename Repair>
double errorAfter(const Model& whole, int64_t slice, const Repair& repair) {
  const test::PruneCase pruning(whole);
  const TieSet ties = collectTies(whole.graph, pruning.known());
  const auto closed = std::get<Closed>(ClosureFinder(whole.graph, pruning.known(), ties)
                                           .close({whole.graph.findValue("w"), 0}, slice, DigitPolicy::outer));
  Model cut = whole;
  removeSlices(cut, pruning.known(), closed.slices);
  const auto backend = makeReferenceBackend();
  const auto samples = randomDataset(inputSpecs(whole), 64, 1);
  PassContext context{*backend, 1, 0, samples.get(), [](std::string_view) {}, {}, {}};
  repair(whole, cut, closed.slices, context);
  return test::Expectation(whole, 5).differenceTo(cut);
}

const char* const kConstantChannel = R"(
  opset 17
  input x: float32[1, 2, 4, 4]
  const w: float32[3, 2, 1, 1] = 1, 2, 0, 0, -1, 3
  const b: float32[3] = 0.5, 2, -1
  a = Conv(x, w, b)
  const v: float32[2, 3, 1, 1]
  y = Conv(a, v)
  output y)";

const char* const kRepeatedChannel = R"(
  opset 17
  input x: float32[1, 2, 4, 4]
  const w: float32[3, 2, 1, 1] = 1, 2, 1, 2, -1, 3
  a = Conv(x, w)
  const v: float32[2, 3, 3, 3]
  y = Conv[pads=[1, 1, 1, 1]](a, v)
  output y)";

}  // namespace

TEST_CASE("the mean of a constant channel is all that it gave", "[prune]") {
  const Model whole = test::buildModel(kConstantChannel);
  CHECK(errorAfter(whole, 1, [](auto&&...) {}) > 0.1);
  CHECK(errorAfter(whole, 1, [](auto&&... all) { CHECK(foldMeans(all...) == 1); }) < 1e-5);
}

TEST_CASE("least squares put a channel's part on the one that it repeats", "[prune]") {
  const Model whole = test::buildModel(kRepeatedChannel);
  CHECK(errorAfter(whole, 1, [](auto&&...) {}) > 0.1);
  CHECK(errorAfter(whole, 1, [](auto&&... all) { CHECK(repair(all...) == 1); }) < 0.01);
}

TEST_CASE("statistics of norms are those of the samples", "[prune]") {
  Model model = test::buildModel(R"(
    opset 17
    input x: float32[1, 2, 8, 8]
    const s: float32[2] = fill(1)
    const o: float32[2] = fill(0)
    const m: float32[2] = 9, 9
    const q: float32[2] = fill(50)
    y = BatchNormalization(x, s, o, m, q)
    output y)");
  const auto backend = makeReferenceBackend();
  const auto samples = randomDataset(inputSpecs(model), 32, 1);
  PassContext context{*backend, 1, 0, samples.get(), [](std::string_view) {}, {}, {}};
  CHECK(reestimateNorms(model, context) == 1);
  double sum = 0, squares = 0, count = 0;
  for (int64_t i = 0; i < samples->size(); ++i) {
    const std::vector<Tensor> outputs = evaluate(model.graph, samples->read(i).inputs);
    for (const float y : outputs[0].as<float>()) {
      sum += static_cast<double>(y);
      squares += static_cast<double>(y) * static_cast<double>(y);
      ++count;
    }
  }
  CHECK(std::abs(sum / count) < 1e-4);
  CHECK(std::abs(squares / count - 1) < 1e-3);
}

TEST_CASE("schedules end at the target", "[prune]") {
  for (const std::string_view schedule : pruneSchedules()) {
    CAPTURE(schedule);
    CHECK(shareLeft(schedule, 4, 4, 0.4) == Approx(0.4));
    CHECK(shareLeft(schedule, 1, 4, 0.4) < 1);
    CHECK(shareLeft(schedule, 1, 4, 0.4) > shareLeft(schedule, 2, 4, 0.4));
  }
  CHECK(shareLeft("linear", 1, 4, 0.4) == Approx(0.85));
  CHECK(shareLeft("cubic", 1, 2, 0.5) == Approx(1 - 0.5 * 0.875));
  CHECK(shareLeft("exponential", 1, 2, 0.25) == Approx(0.5));
}
