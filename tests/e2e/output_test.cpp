// Where results go: never over a file unasked, never over the input by accident, whole or not at all.
#include <catch2/catch.hpp>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "lib/base/text.h"
#include "lib/onnx/write.h"
#include "tests/e2e/fixtures.h"
#include "tests/support/build.h"
#include "tests/support/npy.h"

using namespace compress;
using namespace compress::test;
using Json = nlohmann::json;

TEST_CASE("the default name lies beside the input, and is not overwritten unasked", "[e2e]") {
  const Workplace place;
  const ProcessResult first = runCompress({"optimize", place.model()});
  CHECK(first.exitCode == 0);
  CHECK(contains(first.out, "m.onnx -> " + place.path("m.opt.onnx") + "  319.0 kB -> "));
  CHECK(place.has("m.opt.onnx"));
  const std::string bytes = place.content("m.opt.onnx");
  const ProcessResult second = runCompress({"optimize", place.model()});
  CHECK(second.exitCode == 5);
  CHECK(contains(second.err, "m.opt.onnx: exists"));
  CHECK(contains(second.err, "--force"));
  CHECK(runCompress({"optimize", "--force", place.model()}).exitCode == 0);
  CHECK(place.content("m.opt.onnx") == bytes);
}

TEST_CASE("a folder that is not there is told before any work", "[e2e]") {
  const Workplace place;
  const ProcessResult output = runCompress({"optimize", place.model(), "-o", place.path("missing/m.onnx")});
  CHECK(output.exitCode == 5);
  CHECK(contains(output.err, "missing' does not exist"));
  const ProcessResult report =
      runCompress({"optimize", place.model(), "-o", place.path("n.onnx"), "--report", place.path("missing/r.json")});
  CHECK(report.exitCode == 5);
  CHECK(contains(report.err, "missing' does not exist"));
  CHECK_FALSE(place.has("n.onnx"));
}

TEST_CASE("the input is never written over but with --in-place", "[e2e]") {
  const Workplace place;
  const std::string before = place.content("m.onnx");
  std::filesystem::create_symlink(place.model(), place.path("link.onnx"));
  std::filesystem::create_hard_link(place.model(), place.path("hard.onnx"));
  for (const char* name : {"m.onnx", "link.onnx", "hard.onnx"}) {
    const ProcessResult result = runCompress({"optimize", "--force", "-o", place.path(name), place.model()});
    CHECK(result.exitCode == 2);
    CHECK(contains(result.err, "is the input itself"));
  }
  CHECK(place.content("m.onnx") == before);
  CHECK(runCompress({"optimize", "--in-place", "-o", place.path("x.onnx"), place.model()}).exitCode == 2);
  CHECK(runCompress({"optimize", "--in-place", place.path("link.onnx")}).exitCode == 0);
  CHECK(place.content("m.onnx") != before);
  CHECK(std::filesystem::is_symlink(place.path("link.onnx")));
  CHECK(runCompress({"run", place.model()}).exitCode == 0);
}

TEST_CASE("models pass through pipes", "[e2e]") {
  const Workplace place;
  REQUIRE(runCompress({"optimize", place.model()}).exitCode == 0);
  const std::string wanted = place.content("m.opt.onnx");
  const ProcessResult piped = runCompress({"optimize", "-o", "-", "-"}, {.input = place.content("m.onnx")});
  CHECK(piped.exitCode == 0);
  CHECK(piped.out == wanted);
  CHECK(contains(piped.err, "standard input -> standard output"));
  CHECK(runCompress({"optimize", "-"}, {.input = place.content("m.onnx")}).exitCode == 2);
  CHECK(runCompress({"optimize", "--in-place", "-"}, {.input = place.content("m.onnx")}).exitCode == 2);
  const ProcessResult both = runCompress({"optimize", "--json", "-o", "-", place.model()});
  CHECK(both.exitCode == 2);
  CHECK(Json::parse(both.out)["exit_code"] == 2);
}

TEST_CASE("a dry run writes nothing", "[e2e]") {
  const Workplace place;
  const std::vector<std::string> before = place.files();
  const ProcessResult result = runCompress({"optimize", "--dry-run", place.model()});
  CHECK(result.exitCode == 0);
  CHECK(contains(result.out, "dry run: not written"));
  CHECK(place.files() == before);
}

TEST_CASE("a result that is not smaller gives way to the input", "[e2e]") {
  const Workplace place;
  REQUIRE(runCompress({"optimize", "-o", place.path("a.onnx"), place.model()}).exitCode == 0);
  const ProcessResult again = runCompress({"optimize", "--json", "-o", place.path("b.onnx"), place.path("a.onnx")});
  CHECK(again.exitCode == 0);
  CHECK(Json::parse(again.out)["improved"] == false);
  CHECK(place.content("a.onnx") == place.content("b.onnx"));
  const ProcessResult required =
      runCompress({"optimize", "--require-gain", "-o", place.path("c.onnx"), place.path("a.onnx")});
  CHECK(required.exitCode == 1);
  CHECK(contains(required.out, "not written"));
  CHECK_FALSE(place.has("c.onnx"));
  CHECK(runCompress({"optimize", "--keep-larger", "-o", place.path("d.onnx"), place.path("a.onnx")}).exitCode == 0);
  CHECK(place.has("d.onnx"));
}

TEST_CASE("optimize keeps what the model computes, converts the opset and fixes shapes", "[e2e]") {
  const Workplace place;
  REQUIRE(runCompress({"run", "--save-outputs", place.path("saved"), place.model()}).exitCode == 0);
  const ProcessResult result =
      runCompress({"optimize", "--json", "--opset", "21", "--shape", "image:1x1x28x28", place.model()});
  REQUIRE(result.exitCode == 0);
  const Json document = Json::parse(result.out);
  CHECK(document["passes"][0]["name"] == "opset");
  CHECK(document["passes"][0]["rewrites"] == 4);
  for (const Json& pass : document["passes"]) CHECK(pass["status"] != "dropped");
  CHECK(runCompress({"run", "--expect", place.path("saved"), place.path("m.opt.onnx")}).exitCode == 0);
  CHECK(contains(runCompress({"run", "--shape", "image:2x1x28x28", place.path("m.opt.onnx")}).err,
                 "is declared float32[1, 1, 28, 28]"));
  CHECK(runCompress({"optimize", "--force", "--opset", "99", place.model()}).exitCode == 2);
  CHECK(runCompress({"optimize", "--force", "--opset", "11", place.model()}).exitCode == 4);
  CHECK(contains(runCompress({"optimize", "--skip", "fold-batch", place.model()}).err, "near: fold-batch-norm"));
}

TEST_CASE("reports are written by suffix, and not over what exists", "[e2e]") {
  const Workplace place;
  CHECK(runCompress({"optimize", "--report", place.path("r.json"), place.model()}).exitCode == 0);
  const Json report = Json::parse(place.content("r.json"));
  CHECK(report["schema"] == 1);
  CHECK(report["effective_config"]["seed"]["origin"] == "default");
  CHECK(report["effective_config"]["report"]["origin"] == "flag");
  CHECK(report["inputs"][0]["sha256"] == "0a8eca5f9b290a571a6139bca1a0cc0a89f684f4a9ca35d90fc804196613806b");
  CHECK(
      runCompress({"optimize", "--report", place.path("r.json"), "-o", place.path("x.onnx"), place.model()}).exitCode ==
      5);
  CHECK_FALSE(place.has("x.onnx"));
  CHECK(runCompress({"optimize", "--report", place.path("r.banana"), "-o", place.path("x.onnx"), place.model()})
            .exitCode == 2);
}

TEST_CASE("every type of report is written, failures too", "[e2e]") {
  const Workplace place;
  std::vector<std::string> arguments = {"quantize", "--no-bench", "--calib", place.path("images.npy"), place.model()};
  for (const char* name : {"r.json", "r.html", "r.md", "r.xml", "r.csv", "r.prom"}) {
    arguments.emplace_back("--report");
    arguments.push_back(place.path(name));
  }
  CHECK(runCompress(arguments).exitCode == 0);
  CHECK(contains(place.content("r.html"), "<h2>Layers</h2>"));
  CHECK(contains(place.content("r.csv"), ",Conv,int8,"));
  CHECK(contains(place.content("r.prom"), "compress_model_bytes{model=\"after\""));
  CHECK(contains(runCompress({"optimize", "--report", place.path("r.sarif"), place.model()}).err,
                 ".sarif is for the findings of check only"));
  writeBytes(place.path("bad.onnx"), place.content("m.onnx").substr(0, 1000));
  const ProcessResult bad = runCompress(
      {"check", "--report", place.path("r.sarif"), "--report", place.path("bad.json"), place.path("bad.onnx")});
  CHECK(bad.exitCode == 3);
  const Json finding = Json::parse(place.content("r.sarif"))["runs"][0]["results"][0];
  CHECK(finding["ruleId"] == "E-INPUT");
  CHECK(contains(finding["message"]["text"].get<std::string>(), "cut short"));
  CHECK(Json::parse(place.content("bad.json"))["exit_code"] == 3);
  CHECK(Json::parse(place.content("bad.json"))["error"]["code"] == "E-INPUT");
}

TEST_CASE("reports of a thousand layers stay within their limits", "[e2e]") {
  const Workplace place(1);
  std::string lines = "opset 13\ninput t0: float32[1, 4, 2, 2]\nconst w: float32[4, 4, 1, 1] = uniform(-0.5, 0.5)\n";
  for (int i = 0; i < 1000; ++i)
    lines += text("t", i + 1, " = Conv(t", i, ", w) 'backbone/stage<script>/block_with_a_long_name/conv_", i, "'\n");
  writeModel(buildModel(lines + "output t1000\n"), place.path("deep.onnx"));
  const ProcessResult result =
      runCompress({"quantize", "-O1", "--calib", "random", "--calib-samples", "2", "--report", place.path("r.html"),
                   "--report", place.path("r.md"), "--report", place.path("r.csv"), place.path("deep.onnx")});
  CAPTURE(result.err);
  REQUIRE(result.exitCode == 0);
  const std::string page = place.content("r.html"), comment = place.content("r.md"), table = place.content("r.csv");
  CHECK(page.size() < 2'000'000);
  CHECK_FALSE(contains(page, "<script>"));
  CHECK(std::ranges::count(comment, '\n') <= 60);
  CHECK(comment.size() < 64'000);
  CHECK(std::ranges::count(table, '\n') == 1001);
}
