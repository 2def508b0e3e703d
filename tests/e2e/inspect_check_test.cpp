// `inspect` and `check` as a user sees them.
#include <catch2/catch.hpp>
#include <cmath>
#include <fstream>
#include <nlohmann/json.hpp>

#include "lib/onnx/write.h"
#include "tests/e2e/fixtures.h"
#include "tests/support/build.h"

using namespace compress;
using namespace compress::test;
using Json = nlohmann::json;

namespace {

/// The path of a model made of `lines`.
std::string saved(const Workplace& place, const std::string& name, std::string_view lines) {
  writeModel(buildModel(lines), place.path(name));
  return place.path(name);
}

}  // namespace

TEST_CASE("inspect shows interface, operators, parameters and the heaviest nodes", "[e2e]") {
  const Workplace place;
  const auto path = saved(
      place, "conv.onnx",
      "opset 13\ninput x: float32[N, 3, 8, 8]\nconst w: float32[4, 3, 3, 3]\ny = Conv(x, w)\nz = Relu(y)\noutput z\n");
  const ProcessResult shown = runCompress({"inspect", path});
  CHECK(shown.exitCode == 0);
  CHECK(contains(shown.out, "opset 13"));
  CHECK(contains(shown.out, "input   x: float32[N, 3, 8, 8]"));
  CHECK(contains(shown.out, "108 parameters"));
  const Json document = Json::parse(runCompress({"inspect", "--json", path}).out);
  CHECK(document["models"][0]["macs"] == 4 * 6 * 6 * 3 * 9);
  CHECK(document["models"][0]["ops"] == Json({{"Conv", 1}, {"Relu", 1}}));
  CHECK(document["layers"][0]["type"] == "float32[1, 4, 6, 6]");
  CHECK(document["layers"][0]["bytes"] == 432);
  const Json larger = Json::parse(runCompress({"inspect", "--json", "--shape", "x:2x3x8x8", path}).out);
  CHECK(larger["models"][0]["macs"] == 2 * document["models"][0]["macs"].get<int64_t>());
}

TEST_CASE("inspect lists as many nodes as it is told", "[e2e]") {
  const Workplace place;
  CHECK(contains(runCompress({"inspect", "--top", "1", place.model()}).out, "heaviest nodes"));
  CHECK_FALSE(contains(runCompress({"inspect", "--top", "0", place.model()}).out, "heaviest nodes"));
}

TEST_CASE("inspect works on operators and opsets that are not known, and says so", "[e2e]") {
  const Workplace place;
  const auto unknown =
      saved(place, "unknown.onnx", "opset com.example 1\ninput x: float32[2]\ny = com.example.Magic(x)\noutput y\n");
  const ProcessResult shown = runCompress({"inspect", unknown});
  CHECK(shown.exitCode == 0);
  CHECK(contains(shown.out, "com.example:Magic"));
  CHECK(contains(shown.err, "W-UNKNOWN-OP: com.example:Magic (1 node)"));
  const auto newer = saved(place, "newer.onnx", "opset 999\ninput x: float32[2]\ny = Relu(x)\noutput y\n");
  const ProcessResult future = runCompress({"inspect", newer});
  CHECK(future.exitCode == 0);
  CHECK(contains(future.err, "W-OPSET: opset 999 is newer than"));
}

TEST_CASE("inspect counts NaN and Inf in weights", "[e2e]") {
  const Workplace place;
  Model model = buildModel("input x: float32[3]\nconst w: float32[3] = 1, 2, 3\ny = Add(x, w)\noutput y\n");
  const float odd[] = {1, NAN, INFINITY};
  model.graph.setConstant(model.graph.findValue("w"), Tensor::of<float>({3}, odd));
  writeModel(model, place.path("odd.onnx"));
  CHECK(contains(runCompress({"inspect", place.path("odd.onnx")}).err, "initializer 'w' has 2 NaN or Inf"));
}

TEST_CASE("check accepts sound models and names what is wrong with others", "[e2e]") {
  const Workplace place;
  const ProcessResult sound = runCompress({"check", place.model()});
  CHECK(sound.exitCode == 0);
  CHECK(contains(sound.out, "sound"));
  std::ofstream(place.path("text.onnx")) << "no model\n";
  const ProcessResult text = runCompress({"check", place.path("text.onnx")});
  CHECK(text.exitCode == 3);
  CHECK(contains(text.err, "text.onnx: not an ONNX model: it looks like a text file"));
  CHECK(runCompress({"check", place.path("missing.onnx")}).exitCode == 5);
  CHECK(runCompress({"check", "-"}, {.input = place.content("m.onnx").substr(0, 1000)}).exitCode == 3);
}

TEST_CASE("check --deep reads external data and compares shapes", "[e2e]") {
  const Workplace place;
  WriteOptions options;
  options.externalData = WriteOptions::ExternalData::always;
  writeModel(buildModel("input x: float32[2000]\nconst w: float32[2000]\ny = Add(x, w)\noutput y\n"),
             place.path("big.onnx"), options);
  CHECK(runCompress({"check", "--deep", place.path("big.onnx")}).exitCode == 0);
  for (const std::string& name : place.files())
    if (name.ends_with(".data")) std::filesystem::resize_file(place.path(name), 100);
  const ProcessResult cut = runCompress({"check", place.path("big.onnx")});
  CHECK(cut.exitCode == 3);
  CHECK(contains(cut.err, "pass the end of"));
  const auto wrong = saved(place, "wrong.onnx", "input x: float32[2]\nconst w: float32[3]\ny = Add(x, w)\noutput y\n");
  CHECK(runCompress({"check", wrong}).exitCode == 0);
  CHECK(runCompress({"check", "--deep", wrong}).exitCode == 3);
}
