// What every pass promises, over random models. The seed of a failure is printed.
#include <catch2/catch.hpp>

#include "lib/base/error.h"
#include "lib/ir/print.h"
#include "lib/ir/verify.h"
#include "tests/support/build.h"
#include "tests/support/passes.h"
#include "tests/support/random_model.h"

using namespace compress;

namespace {

constexpr uint64_t kFastSeeds = 150;
constexpr uint64_t kSlowSeeds = 5000;
/// Sums in double, one rounding to float32 per weight and layer, up to twenty layers: 20 * 2^-24 = 1.2e-6 of the
/// largest number, with room.
constexpr double kLossless = 1e-5;

void checkPass(const PassSpec& spec, uint64_t seed, const Model& before, const test::Expectation& expected) {
  CAPTURE(spec.name, seed);
  Model model = before;
  const test::PassResult result = test::runPass(spec, model, seed);
  CHECK((result.changes == 0) == (print(before) == print(model)));
  REQUIRE_NOTHROW(verify(model));
  if (result.changes > 0) CHECK(expected.differenceTo(model) < kLossless);
  if (!spec.idempotent) return;
  Model again = model;
  CHECK(test::runPass(spec, again, seed).changes == 0);
  CHECK(print(again) == print(model));
}

std::vector<PassSpec> losslessPasses() {
  std::vector<PassSpec> passes;
  for (const PassSpec& spec : allPasses())
    if (spec.lossless) passes.push_back(spec);
  return passes;
}

/// All lossless passes, one after another.
void checkSequence(uint64_t seed, const Model& before, const test::Expectation& expected) {
  CAPTURE(seed);
  Model model = before;
  for (const PassSpec& spec : losslessPasses()) test::runPass(spec, model, seed);
  REQUIRE_NOTHROW(verify(model));
  CHECK(expected.differenceTo(model) < kLossless);
  for (size_t i = 0; i < before.graph.outputs().size(); ++i)
    CHECK(model.graph.value(model.graph.outputs()[i]).name == before.graph.value(before.graph.outputs()[i]).name);
}

/// Each pass by itself, then all in a row.
void checkAll(uint64_t seed) {
  const Model before = test::randomModel(seed);
  const test::Expectation expected(before, seed);
  for (const PassSpec& spec : losslessPasses()) checkPass(spec, seed, before, expected);
  checkSequence(seed, before, expected);
}

}  // namespace

TEST_CASE("random models are sound and repeat by seed", "[property]") {
  for (uint64_t seed = 0; seed < kFastSeeds; ++seed) {
    CAPTURE(seed);
    const Model model = test::randomModel(seed);
    REQUIRE_NOTHROW(verify(model));
    CHECK(print(model) == print(test::randomModel(seed)));
    CHECK(test::Expectation(model, seed).differenceTo(model) == 0);
  }
}

TEST_CASE("a lossless pass is honest, sound, repeatable and keeps outputs, alone and after others",
          "[property][passes]") {
  for (uint64_t seed = 0; seed < kFastSeeds; ++seed) checkAll(seed);
}

TEST_CASE("lossless passes on many random models", "[property][passes][slow]") {
  for (uint64_t seed = kFastSeeds; seed < kSlowSeeds; ++seed) checkAll(seed);
}

TEST_CASE("random models give every lossless pass something to do", "[property][passes]") {
  for (const PassSpec& spec : losslessPasses()) {
    int64_t models = 0;
    for (uint64_t seed = 0; seed < kFastSeeds; ++seed) {
      Model model = test::randomModel(seed);
      models += test::runPass(spec, model, seed).changes > 0 ? 1 : 0;
    }
    CAPTURE(spec.name);
    CHECK(models >= 3);
  }
}
