// `quantize`, `calibrate` and `compare` as a user sees them.
#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "lib/onnx/write.h"
#include "tests/e2e/fixtures.h"
#include "tests/support/build.h"
#include "tests/support/npy.h"

using namespace compress::test;
using Json = nlohmann::json;

TEST_CASE("quantize writes a smaller model and says what it cost", "[e2e]") {
  const Workplace place;
  const ProcessResult result = runCompress(
      onImages(place, "quantize", {"--data", place.path("images.npy"), "--labels", place.path("labels.npy")}));
  CHECK(result.exitCode == 0);
  CHECK(contains(result.out, "m.onnx -> " + place.path("m.int8.onnx") + "  319.0 kB -> "));
  CHECK(contains(result.out, "top1 "));
  CHECK(contains(result.out, "nodes quantized"));
  CHECK(std::filesystem::file_size(place.path("m.int8.onnx")) < 110'000);
  CHECK(runCompress({"run", place.path("m.int8.onnx")}).exitCode == 0);
}

TEST_CASE("quantize writes the same bytes for any number of threads", "[e2e]") {
  const Workplace place;
  for (const char* threads : {"1", "2", "4"})
    REQUIRE(runCompress(
                onImages(place, "quantize", {"--threads", threads, "-o", place.path(std::string(threads) + ".onnx")}))
                .exitCode == 0);
  CHECK(place.content("1.onnx") == place.content("2.onnx"));
  CHECK(place.content("1.onnx") == place.content("4.onnx"));
}

TEST_CASE("static quantization needs samples, random ones are marked", "[e2e]") {
  const Workplace place;
  const ProcessResult without = runCompress({"quantize", place.model()});
  CHECK(without.exitCode == 2);
  CHECK(contains(without.err, "--calib"));
  const ProcessResult random =
      runCompress({"quantize", "--no-bench", "--calib", "random", "--calib-samples", "4", "--json", place.model()});
  CHECK(random.exitCode == 0);
  CHECK(contains(random.err, "W-CALIB-RANDOM"));
  CHECK(Json::parse(random.out)["warnings"][0]["code"] == "W-CALIB-RANDOM");
}

TEST_CASE("quantize refuses what it does not have", "[e2e]") {
  const Workplace place;
  for (const Words& words : std::vector<Words>{{"-O3"},
                                               {"--target", "tensorrt"},
                                               {"--mode", "dynamic"},
                                               {"--weights", "int4"},
                                               {"--percentile", "nan"},
                                               {"--percentile", "101"},
                                               {"--method", "banana"}}) {
    CAPTURE(words);
    CHECK(runCompress(onImages(place, "quantize", words)).exitCode == 2);
  }
  const ProcessResult nothing = runCompress(onImages(place, "quantize", {"--exclude", "node:block1.conv1.con"}));
  CHECK(nothing.exitCode == 2);
  CHECK(contains(nothing.err, "block1.conv1.conv"));
  CHECK_FALSE(place.has("m.int8.onnx"));
}

TEST_CASE("a gate needs a sound limit and data to judge it", "[e2e]") {
  const Workplace place;
  for (const Words& words : std::vector<Words>{{"--max-drop", "nan"},
                                               {"--max-drop", "1%"},
                                               {"--min-metric", "top1>=nan"},
                                               {"--min-speedup", "nan"},
                                               {"--min-speedup", "1.2"},
                                               {"--max-size", "-1"}}) {
    CAPTURE(words);
    CHECK(runCompress(onImages(place, "quantize", words)).exitCode == 2);
  }
}

TEST_CASE("a result that fails a gate is not written", "[e2e]") {
  const Workplace place;
  const ProcessResult failed = runCompress(onImages(place, "quantize", {"--max-size", "10kB", "--json"}));
  CHECK(failed.exitCode == 1);
  const Json document = Json::parse(failed.out);
  CHECK(document["status"] == "gate_failed");
  CHECK(document["gates"][0]["passed"] == false);
  CHECK_FALSE(place.has("m.int8.onnx"));
  CHECK(runCompress(onImages(place, "quantize", {"--max-size", "10kB", "--gate-level", "warn"})).exitCode == 0);
  CHECK(place.has("m.int8.onnx"));
}

TEST_CASE("what stays float is listed with its reason", "[e2e]") {
  const Workplace place;
  const ProcessResult result = runCompress(onImages(place, "quantize", {"--exclude", "op:Gemm", "--json"}));
  REQUIRE(result.exitCode == 0);
  const Json document = Json::parse(result.out);
  bool isListed = false;
  for (const Json& layer : document["layers"])
    isListed = isListed || (layer["op"] == "Gemm" && !layer["reason_kept_float"].get<std::string>().empty());
  CHECK(isListed);
  CHECK(contains(runCompress(onImages(place, "quantize", {"--force", "--explain", "stem.conv"})).out,
                 "stem.conv (Conv)"));
  CHECK(runCompress(onImages(place, "quantize", {"--force", "--explain", "nothing"})).exitCode == 2);
}

TEST_CASE("evaluation samples that calibration has seen are a warning, and an error under a gate", "[e2e]") {
  const Workplace place;
  const Words data = {"--data", place.path("images.npy"), "--labels", place.path("labels.npy")};
  const ProcessResult warned = runCompress(onImages(place, "quantize", data));
  CHECK(warned.exitCode == 0);
  CHECK(contains(warned.err, "W-CALIB-IN-EVAL: 16 evaluation samples"));
  CHECK(runCompress(onImages(place, "quantize", joined(data, {"--force", "--min-metric", "top1>=0"}))).exitCode == 2);
  CHECK(runCompress(onImages(place, "quantize", joined(data, {"--force", "--fail-if", "top1<0"}))).exitCode == 2);
  CHECK(runCompress(onImages(place, "quantize", joined(data, {"--force", "--fail-if", "size_ratio>1"}))).exitCode == 0);
}

TEST_CASE("calibration tables are written, merged and used", "[e2e]") {
  const Workplace place;
  const Words calibrating = {"calibrate", "--calib", place.path("images.npy"), "--calib-samples", "8"};
  CHECK(runCompress(joined(calibrating, {place.model()})).exitCode == 0);
  REQUIRE(place.has("m.calib.json"));
  CHECK(contains(runCompress(joined(calibrating, {"--merge", place.path("m.calib.json"), "-o", place.path("two.json"),
                                                  place.model()}))
                     .out,
                 "16 samples"));
  CHECK(
      runCompress({"quantize", "--no-bench", "-O1", "--calib-table", place.path("two.json"), place.model()}).exitCode ==
      0);
  CHECK(runCompress({"calibrate", "--force", place.model()}).exitCode == 2);
}

TEST_CASE("compare sets two models side by side and judges gates", "[e2e]") {
  const Workplace place(32);
  REQUIRE(runCompress(onImages(place, "quantize", {})).exitCode == 0);
  const Words data = {"--data", place.path("images.npy"), "--labels", place.path("labels.npy")};
  const Words models = {place.model(), place.path("m.int8.onnx")};
  const ProcessResult result = runCompress(joined(joined({"compare", "--no-bench", "--json"}, data), models));
  CHECK(result.exitCode == 0);
  const Json document = Json::parse(result.out);
  CHECK(document["models"][1]["bytes"] < document["models"][0]["bytes"]);
  CHECK(document["accuracy"][1].contains("flips"));
  CHECK(document["drift"]["sqnr_db"] > 5);
  CHECK(runCompress(joined({"compare", "--no-bench", "--max-size", "1kB"}, models)).exitCode == 1);
  CHECK(runCompress(joined({"compare", "--no-bench", "--max-drop", "1%"}, models)).exitCode == 2);
  CHECK(runCompress({"compare", place.model()}).exitCode == 2);
}

TEST_CASE("a node's name reaches the terminal escaped", "[e2e]") {
  const Workplace place;
  const ProcessResult result = runCompress(onImages(place, "quantize", {"--exclude", "node:\x1b[2J"}));
  CHECK(result.exitCode == 2);
  CHECK_FALSE(contains(result.err, "\x1b"));
}

TEST_CASE("integer inputs and outputs on request, proven equal", "[e2e]") {
  const Workplace place;
  const ProcessResult result = runCompress(onImages(place, "quantize", {"--io-dtype", "uint8", "--json"}));
  CAPTURE(result.err);
  REQUIRE(result.exitCode == 0);
  const Json io = Json::parse(result.out)["io"];
  REQUIRE(io.size() == 2);
  CHECK(io[0]["name"] == "image");
  CHECK(io[0]["role"] == "input");
  CHECK(io[1]["dtype"] == "uint8");
  CHECK(contains(runCompress({"run", place.path("m.int8.onnx")}).out, "logits: uint8[1, 10]"));
  const ProcessResult other = runCompress(onImages(place, "quantize", {"--io-dtype", "int8", "--force"}));
  CHECK(other.exitCode == 4);
  CHECK(contains(other.err, "--activations int8"));
  CHECK(runCompress(onImages(place, "quantize", {"--io-dtype", "int8", "--activations", "int8", "--force"})).exitCode ==
        0);
  CHECK(runCompress(onImages(place, "quantize", {"--io-dtype", "uint8", "--exclude", "node:stem.conv", "--force"}))
            .exitCode == 0);
}

TEST_CASE("a constant input feeds calibration and evaluation alike", "[e2e]") {
  const Workplace place;
  compress::writeModel(buildModel("input x: float32[N, L, 8]\ninput mask: float32[N, L, 1]\nconst w: float32[8, 8]\n"
                                  "m = Mul(x, mask)\ny = MatMul(m, w)\noutput y\n"),
                       place.path("two.onnx"));
  const std::vector<float> values(4 * 3 * 8, 0.5F);
  writeBytes(place.path("x.npy"), npyBytes("<f4", "(4, 3, 8)", bytesOfValues(values)));
  const Words told = {"--calib", place.path("x.npy"), "--input", "mask=@1"};
  const ProcessResult calibrated = runCompress(joined(joined({"calibrate"}, told), {place.path("two.onnx")}));
  CHECK(calibrated.exitCode == 0);
  CHECK(contains(place.content("two.calib.json"), "\"mask\""));
  CHECK(runCompress(joined(joined({"quantize", "--no-bench"}, told), {place.path("two.onnx")})).exitCode == 0);
  const ProcessResult refused = runCompress({"calibrate", "-f", "--calib", place.path("x.npy"), "--input",
                                             "mask=" + place.path("x.npy"), place.path("two.onnx")});
  CHECK(refused.exitCode == 2);
  CHECK(contains(refused.err, "--input mask: expected NAME=@VALUE"));
}
