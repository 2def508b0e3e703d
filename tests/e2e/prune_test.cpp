// `prune` as a user sees it.
#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "lib/onnx/write.h"
#include "tests/e2e/fixtures.h"
#include "tests/support/build.h"

using namespace compress::test;
using Json = nlohmann::json;

TEST_CASE("prune writes a smaller model and says what it cost", "[e2e][prune]") {
  const Workplace place;
  const ProcessResult result =
      runCompress(joined(onImages(place, "prune", {"--target", "macs=-30%", "--data", place.path("images.npy")}),
                         {"--labels", place.path("labels.npy")}));
  CHECK(result.exitCode == 0);
  CHECK(contains(result.out, "m.onnx -> " + place.path("m.pruned.onnx") + "  319.0 kB -> "));
  CHECK(contains(result.out, "masked = pruned"));
  CHECK(contains(result.out, "kept whole: "));
  CHECK(std::filesystem::file_size(place.path("m.pruned.onnx")) < 300'000);
  CHECK(runCompress({"run", place.path("m.pruned.onnx")}).exitCode == 0);
}

TEST_CASE("prune meets its target and counts what it wrote", "[e2e][prune]") {
  const Workplace place;
  for (const std::string criterion : {"auto", "l1", "l2", "fpgm", "bn-scale", "activation", "obs", "random"}) {
    CAPTURE(criterion);
    const ProcessResult result = runCompress(onImages(
        place, "prune", {"-f", "--json", "--criterion", criterion, "--target", "params=-40%", "--round", "1"}));
    REQUIRE(result.exitCode == 0);
    const Json prune = Json::parse(result.out)["prune"];
    CHECK(prune["target_met"] == true);
    CHECK(prune["masked_difference"].get<double>() < 1e-4);
    CHECK(prune["parameters_after"].get<double>() <= 0.6 * prune["parameters_before"].get<double>());
    const Json facts = Json::parse(runCompress({"inspect", "--json", place.path("m.pruned.onnx")}).out);
    CHECK(facts["models"][0]["macs"] == prune["macs_after"]);
  }
}

TEST_CASE("prune writes the same bytes for any number of threads", "[e2e][prune]") {
  const Workplace place;
  for (const std::string threads : {"1", "2", "4"})
    REQUIRE(runCompress(onImages(place, "prune",
                                 {"--criterion", "obs", "--threads", threads, "-o", place.path(threads + ".onnx")}))
                .exitCode == 0);
  CHECK(place.content("1.onnx") == place.content("2.onnx"));
  CHECK(place.content("1.onnx") == place.content("4.onnx"));
}

TEST_CASE("prune tells the metric after each step", "[e2e][prune]") {
  const Workplace place;
  const Words data = {"--data", place.path("images.npy"), "--labels", place.path("labels.npy"), "--json", "--dry-run"};
  const auto stages = [&](const Words& more) {
    std::string found;
    const ProcessResult result = runCompress(onImages(place, "prune", joined(data, more)));
    REQUIRE(result.exitCode == 0);
    const Json document = Json::parse(result.out);
    for (const Json& one : document["prune"]["stages"])
      found += one["stage"].get<std::string>() + std::to_string(one["step"].get<int>()) + " ";
    return found;
  };
  CHECK(stages({}) == "cut1 repaired1 norms1 ");
  CHECK(stages({"--repair", "none", "--no-norms"}) == "cut1 ");
  CHECK(stages({"--repair", "mean", "--steps", "2", "--schedule", "cubic", "--round", "1"}) ==
        "cut1 repaired1 cut2 repaired2 norms2 ");
}

TEST_CASE("prune meets its target in several steps and by every scope", "[e2e][prune]") {
  const Workplace place;
  for (const Words& words : std::vector<Words>{{"--steps", "3", "--target", "macs=-50%"},
                                               {"--steps", "2", "--schedule", "exponential", "--target", "size=-40%"},
                                               {"--scope", "layer", "--target", "macs=-50%"},
                                               {"--scope", "isomorphic", "--target", "params=-40%"},
                                               {"--target", "channels=-50%"}}) {
    CAPTURE(words);
    const ProcessResult result =
        runCompress(onImages(place, "prune", joined({"--dry-run", "--json", "--round", "1"}, words)));
    REQUIRE(result.exitCode == 0);
    const Json prune = Json::parse(result.out)["prune"];
    CHECK(prune["target_met"] == true);
    CHECK(prune["masked_difference"].get<double>() < 1e-4);
  }
}

TEST_CASE("prune by latency takes its times from a table: the same table, the same bytes", "[e2e][prune]") {
  const Workplace place;
  const Words latency = {"--target", "latency=-30%", "--allow-slower", "--keep-larger"};
  REQUIRE(runCompress(
              onImages(place, "prune", joined(latency, {"--report", place.path("r.json"), "-o", place.path("0.onnx")})))
              .exitCode == 0);
  const Json found = Json::parse(place.content("r.json"))["prune"]["latency"];
  CHECK(found["promised"] == 0.7);
  CHECK(found["measured"].get<double>() > 0);
  CHECK(found["table"].size() > 2);
  for (const std::string name : {"1.onnx", "2.onnx"})
    REQUIRE(runCompress(onImages(place, "prune",
                                 joined(latency, {"--latency-table", place.path("r.json"), "-o", place.path(name)})))
                .exitCode == 0);
  CHECK(place.content("1.onnx") == place.content("0.onnx"));
  CHECK(place.content("2.onnx") == place.content("0.onnx"));
  const ProcessResult none =
      runCompress(onImages(place, "prune", joined(latency, {"--latency-table", place.path("images.npy")})));
  CHECK(none.exitCode == 3);
  CHECK(contains(none.err, "--latency-table"));
}

TEST_CASE("prune refuses targets that are none, and patterns that match nothing", "[e2e][prune]") {
  const Workplace place;
  for (const char* target :
       {"macs=-0%", "macs=-100%", "macs=-150%", "macs=30%", "macs=-30", "macs", "flops=-30%", "macs=-nan%", ""}) {
    CAPTURE(target);
    const ProcessResult result = runCompress(onImages(place, "prune", {"--target", target}));
    CHECK(result.exitCode == 2);
    CHECK(contains(result.err, "--target"));
  }
  const ProcessResult nothing = runCompress(onImages(place, "prune", {"--exclude", "node:block1.conv1.con"}));
  CHECK(nothing.exitCode == 2);
  CHECK(contains(nothing.err, "block1.conv1.conv"));
  CHECK(runCompress({"prune", "--criterion", "obs", place.model()}).exitCode == 2);
  CHECK_FALSE(place.has("m.pruned.onnx"));
}

TEST_CASE("prune says when there is nothing to prune", "[e2e][prune]") {
  const Workplace place;
  compress::writeModel(
      buildModel("input x: float32[1, 3, 4, 4]\nconst w: float32[4, 3, 1, 1]\ny = Conv(x, w)\noutput y"),
      place.path("single.onnx"));
  const ProcessResult result = runCompress({"prune", "--no-bench", "--keep-larger", place.path("single.onnx")});
  CHECK(result.exitCode == 0);
  CHECK(contains(result.err, "W-TARGET-MISSED"));
  CHECK(contains(result.out, "nothing to prune"));
}

TEST_CASE("prune cuts the development models, and the cut ones compute what the masked ones do", "[e2e][prune][slow]") {
  if (!zoo()) {
    WARN("skipped: the folder of development models is absent");
    return;
  }
  for (const std::string name :
       {"cifar10_resnet20", "mobilenet_v1_0.25_128", "mobilenet_v1_0.25_128_quant", "yolox_nano", "use_lite_en",
        "g2p_en_loop", "mnist_cntk", "espcn_x3", "bilstm_fsdd_ours"}) {
    CAPTURE(name);
    const ProcessResult result =
        runCompress({"prune", "--no-bench", "--dry-run", "--heads", "--head-dim", "--target", "params=-20%", "--json",
                     (*zoo() / "models" / (name + ".onnx")).string()});
    CHECK(result.exitCode == 0);
    const Json prune = Json::parse(result.out)["prune"];
    CHECK(prune["target_met"] == true);
    CHECK(prune["masked_difference"].get<double>() < 1e-5);
  }
}
