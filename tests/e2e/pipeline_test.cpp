// `pipeline`: recipes as a user writes and runs them.
#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "tests/e2e/fixtures.h"
#include "tests/support/npy.h"

using namespace compress::test;
using Json = nlohmann::json;

namespace {

constexpr std::string_view kTwoPasses = R"(schema = 1
model  = "m.onnx"
data   = { calib = "images.npy", eval = "images.npy", labels = "labels.npy", calib_samples = 8 }
gates  = { max_size = "120 kB" }
pass   = [
  { verb = "optimize" },
  { verb = "quantize", exclude = ["op:Gemm"] },
]
)";

/// A recipe beside the model, in a folder that is not the tests' working folder.
std::string write(const Workplace& place, std::string_view recipe) {
  writeBytes(place.path("r.toml"), recipe);
  return place.path("r.toml");
}

ProcessResult runRecipe(const Workplace& place, std::string_view recipe, const Words& more = {}) {
  return runCompress(joined({"pipeline", "--no-bench", write(place, recipe)}, more));
}

Json documentOf(const ProcessResult& result) {
  return Json::parse(result.out);
}

}  // namespace

TEST_CASE("pipeline runs the passes in order and judges the result against the first model", "[e2e]") {
  const Workplace place;
  const ProcessResult result = runRecipe(place, kTwoPasses, {"--json"});
  REQUIRE(result.exitCode == 0);
  CHECK(std::filesystem::file_size(place.path("m.compressed.onnx")) < 110'000);
  const Json document = documentOf(result);
  REQUIRE(document["stages"].size() == 2);
  CHECK(document["stages"][0]["verb"] == "optimize");
  CHECK(document["stages"][1]["verb"] == "quantize");
  CHECK(document["stages"][1]["effective_config"]["exclude"]["where"] == place.path("r.toml") + ":7");
  CHECK(document["stages"][1]["effective_config"]["calib-samples"]["value"] == 8);
  CHECK(document["effective_config"]["max-size"]["value"] == "120 kB");
  CHECK(document["gates"][0]["passed"] == true);
  CHECK(document["models"][0]["bytes"] == std::filesystem::file_size(place.model()));
  CHECK(document["models"][1]["bytes"] == std::filesystem::file_size(place.path("m.compressed.onnx")));
  CHECK(document["accuracy"].size() == 2);
  bool hasQuantize = false;
  for (const Json& pass : document["passes"]) hasQuantize = hasQuantize || pass["name"] == "2-quantize: quantize";
  CHECK(hasQuantize);
  CHECK(runCompress({"run", place.path("m.compressed.onnx")}).exitCode == 0);
}

TEST_CASE("pipeline gives what its verbs give one by one, and leaves no temporary files", "[e2e]") {
  const Workplace place;
  std::filesystem::create_directory(place.path("tmp"));
  const ProcessResult result = runCompress({"pipeline", "--no-bench", write(place, kTwoPasses)},
                                           {.environment = {{"TMPDIR", place.path("tmp")}}});
  REQUIRE(result.exitCode == 0);
  CHECK(contains(result.out, "m.onnx -> " + place.path("m.compressed.onnx")));
  CHECK(std::ranges::count(result.out, '\n') == 1);
  CHECK(contains(result.err, "pass 2 (quantize)"));
  CHECK(std::filesystem::is_empty(place.path("tmp")));
  REQUIRE(runCompress({"optimize", place.model()}).exitCode == 0);
  REQUIRE(runCompress({"quantize", "--no-bench", "--calib", place.path("images.npy"), "--calib-samples", "8", "--data",
                       place.path("images.npy"), "--labels", place.path("labels.npy"), "--exclude", "op:Gemm", "-o",
                       place.path("by-hand.onnx"), place.path("m.opt.onnx")})
              .exitCode == 0);
  CHECK(std::filesystem::file_size(place.path("by-hand.onnx")) ==
        std::filesystem::file_size(place.path("m.compressed.onnx")));
}

TEST_CASE("pipeline --resume keeps what was made from the same things, and nothing else", "[e2e]") {
  const Workplace place;
  const Words resuming = {"--json", "-f", "--work", place.path("work"), "--resume"};
  REQUIRE(runRecipe(place, kTwoPasses, resuming).exitCode == 0);
  const std::string first = place.content("m.compressed.onnx");
  CHECK(place.has("work/1-optimize.onnx"));
  CHECK(place.has("work/2-quantize.json"));

  Json document = documentOf(runRecipe(place, kTwoPasses, resuming));
  CHECK(document["stages"][0].value("kept", false));
  CHECK(document["stages"][1].value("kept", false));
  CHECK(place.content("m.compressed.onnx") == first);

  std::string other(kTwoPasses);
  other.replace(other.find("op:Gemm"), 7, "op:Conv");
  document = documentOf(runRecipe(place, other, resuming));
  CHECK(document["stages"][0].value("kept", false));
  CHECK_FALSE(document["stages"][1].value("kept", false));

  writeBytes(place.path("work/1-optimize.onnx"), "damaged");
  document = documentOf(runRecipe(place, kTwoPasses, resuming));
  CHECK_FALSE(document["stages"][0].value("kept", false));
  CHECK(place.content("m.compressed.onnx") == first);

  const std::vector<unsigned char> images(16 * 28 * 28, 100);
  writeBytes(place.path("images.npy"), npyBytes("|u1", "(16, 28, 28)", bytesOfValues(images)));
  document = documentOf(runRecipe(place, kTwoPasses, resuming));
  CHECK(document["stages"][0].value("kept", false));
  CHECK_FALSE(document["stages"][1].value("kept", false));
}

TEST_CASE("pipeline --from and --to run a part of the recipe", "[e2e]") {
  const Workplace place;
  const Words working = {"-f", "--json", "--work", place.path("work")};
  Json document = documentOf(runRecipe(place, kTwoPasses, joined(working, {"--to", "1", "--max-size", "1MB"})));
  CHECK(document["stages"].size() == 1);
  document = documentOf(runRecipe(place, kTwoPasses, joined(working, {"--from", "2"})));
  REQUIRE(document["stages"].size() == 1);
  CHECK(document["stages"][0]["verb"] == "quantize");
  ProcessResult refused = runRecipe(place, kTwoPasses, {"--from", "2"});
  CHECK(refused.exitCode == 2);
  CHECK(contains(refused.err, "--from needs --work"));
  refused = runRecipe(place, kTwoPasses, {"--to", "3"});
  CHECK(refused.exitCode == 2);
  CHECK(contains(refused.err, "expected passes from 1 to 2"));
}

TEST_CASE("pipeline: a flag counts more than the recipe, a pass's own option more than the shared one", "[e2e]") {
  const Workplace place;
  const ProcessResult gate = runRecipe(place, kTwoPasses, {"--max-size", "10kB"});
  CHECK(gate.exitCode == 1);
  CHECK_FALSE(place.has("m.compressed.onnx"));
  std::string own(kTwoPasses);
  own.replace(own.find("exclude = [\"op:Gemm\"]"), 21, "calib_samples = 4    ");
  const Json document = documentOf(runRecipe(place, own, {"--json", "--calib-samples", "6"}));
  CHECK(document["effective_config"]["calib-samples"]["value"] == 6);
  CHECK(document["stages"][1]["effective_config"]["calib-samples"]["value"] == 4);
}

TEST_CASE("pipeline stops at the pass that fails", "[e2e]") {
  const Workplace place;
  std::string failing(kTwoPasses);
  failing.replace(failing.find("exclude = [\"op:Gemm\"]"), 21, "max_size = \"1kB\"");
  const ProcessResult result = runRecipe(place, failing);
  CHECK(result.exitCode == 1);
  CHECK(contains(result.err, "pass 2 (quantize) failed: nothing is written"));
  CHECK_FALSE(place.has("m.compressed.onnx"));
}

TEST_CASE("recipes that cannot be are refused with their line", "[e2e]") {
  const Workplace place;
  const auto refused = [&](std::string_view recipe, std::string_view message) {
    const ProcessResult result = runRecipe(place, recipe);
    INFO(result.err);
    CHECK(result.exitCode == 2);
    CHECK(contains(result.err, message));
  };
  const std::string head = "schema = 1\nmodel = \"m.onnx\"\n";
  refused("model = \"m.onnx\"\n", "key 'schema' is missing");
  refused(head, "no passes");
  refused(head + "pass = []\n", "r.toml:3: no passes");
  refused(head + "pass = [{ exclude = \"x\" }]\n", "r.toml:3: a pass without 'verb'");
  refused(head + "pass = [{ verb = \"bench\" }]\n", "r.toml:3: 'bench' is no verb that makes a model");
  refused(head + "pass = [{ verb = \"pipeline\" }]\n", "'pipeline' is no verb that makes a model");
  refused(head + "pass = [{ verb = \"quantize\", banana = 1 }]\n", "r.toml:3: unknown key 'banana' of quantize");
  refused(head + "pass = [{ verb = \"quantize\", percentile = 200 }]\n", "r.toml:3");
  refused(head + "data = { calibs = \"x\" }\npass = [{ verb = \"optimize\" }]\n",
          "r.toml:3: unknown key 'calibs' of data");
  refused(head + "gates = { calib = \"x\" }\npass = [{ verb = \"optimize\" }]\n", "unknown key 'calib' of gates");
  refused(head + "passes = 1\n", "r.toml:3: unknown key 'passes'");
  refused("schema = 1\npass = [{ verb = \"optimize\" }]\n", "no model");
}

TEST_CASE("pipeline: quantizing a pruned model keeps what pruning gained", "[e2e][prune]") {
  const Workplace place;
  constexpr std::string_view kRecipe = R"(schema = 1
model  = "m.onnx"
data   = { calib = "images.npy", eval = "images.npy", labels = "labels.npy" }
pass   = [{ verb = "prune", target = "params=-40%" }, { verb = "quantize" }]
)";
  const ProcessResult result = runRecipe(place, kRecipe, {"--json"});
  REQUIRE(result.exitCode == 0);
  const Json document = documentOf(result);
  REQUIRE(document["stages"].size() == 2);
  CHECK(document["stages"][0]["prune"]["target_met"] == true);
  REQUIRE(runCompress(onImages(place, "quantize", {})).exitCode == 0);
  const auto both = std::filesystem::file_size(place.path("m.compressed.onnx"));
  const auto alone = std::filesystem::file_size(place.path("m.int8.onnx"));
  CHECK(static_cast<double>(both) < 0.75 * static_cast<double>(alone));
  CHECK(runCompress({"run", place.path("m.compressed.onnx")}).exitCode == 0);
}
