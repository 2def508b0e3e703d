// Limits of time and memory, a reader that goes away, and names made to harm.
#include <catch2/catch.hpp>

#include "lib/onnx/read.h"
#include "lib/onnx/write.h"
#include "tests/e2e/fixtures.h"
#include "tests/support/build.h"

using namespace compress;
using namespace compress::test;

TEST_CASE("time that is over is exit code 6, and nothing is written", "[e2e]") {
  const Workplace place;
  const std::vector<std::string> before = place.files();
  const ProcessResult result = runCompress(
      {"quantize", "--no-bench", "--timeout", "0.001s", "--calib", place.path("images.npy"), place.model()});
  CHECK(result.exitCode == 6);
  CHECK(contains(result.err, "--timeout 0.001 s is over"));
  CHECK(place.files() == before);
  CHECK(runCompress({"quantize", "--timeout", "soon", "--calib", place.path("images.npy"), place.model()}).exitCode ==
        2);
}

TEST_CASE("memory that is out is exit code 6, and nothing is written", "[e2e]") {
  const Workplace place;
  const std::vector<std::string> before = place.files();
  for (const char* limit : {"1MB", "5MB", "20MB"}) {
    CAPTURE(limit);
    const ProcessResult result = runCompress(
        {"quantize", "--no-bench", "--memory-limit", limit, "--calib", place.path("images.npy"), place.model()});
    CHECK(result.exitCode == 6);
    CHECK(place.files() == before);
  }
}

TEST_CASE("a huge declared batch is verified on a small one, or said not to be", "[e2e]") {
  const TemporaryDirectory folder;
  const auto path = [&](const char* name) { return (folder.path() / name).string(); };
  const std::string clean = "input x: float32[1048576, 1024]\na = Identity(x)\ny = Relu(a)\noutput y\n";
  writeModel(buildModel(clean), path("clean.onnx"));
  const Words command = {"optimize", "--json", "--force", "--verify-memory", "64MB", "-o", path("out.onnx")};
  const ProcessResult smaller = runCompress(joined(command, {path("clean.onnx")}));
  CAPTURE(smaller.err);
  CHECK(smaller.exitCode == 0);
  CHECK(contains(smaller.err, "W-VERIFIED-SMALLER: outputs were compared at x: float32[1024, 512]"));
  CHECK(contains(smaller.out, R"("inputs": "x: float32[1024, 512]")"));
  writeModel(buildModel("input x: float32[1048576, 1024]\nconst s: int64[1] = 1073741824\na = Identity(x)\n"
                        "y = Reshape(a, s)\noutput y\n"),
             path("rigid.onnx"));
  const ProcessResult none = runCompress(joined(command, {path("rigid.onnx")}));
  CHECK(none.exitCode == 1);
  CHECK(contains(none.err, "remove-no-ops was dropped: not verified numerically: would need "));
  const ProcessResult compared = runCompress({"compare", "--memory-limit", "2GB", path("clean.onnx"), path("out.onnx")});
  CHECK(compared.exitCode == 6);
  CHECK(contains(compared.err, "to compare at the declared shapes would need "));
  CHECK(runCompress({"optimize", "--verify-memory", "much", path("clean.onnx")}).exitCode == 2);
}

TEST_CASE("names in a model cannot steer the terminal", "[e2e]") {
  const Workplace place;
  Model model = readModel(place.model()).model;
  model.graph.rename(model.graph.outputs()[0], "logits\x1b]52;c;eA==\x07\n::error::x\xE2\x80\xAE");
  for (NodeId id : model.graph.nodes()) model.graph.rename(id, "\x1b[2J" + model.graph.node(id).name);
  writeModel(model, place.path("hostile.onnx"));
  for (const std::vector<std::string>& arguments : std::vector<std::vector<std::string>>{
           {"run", place.path("hostile.onnx")},
           {"inspect", place.path("hostile.onnx")},
           {"optimize", "-v", place.path("hostile.onnx")},
           {"bench", "--runs", "2", "--per-layer", place.path("hostile.onnx")},
           {"compare", "--no-bench", place.path("hostile.onnx"), place.path("hostile.onnx")},
           {"quantize", "-v", "--no-bench", "--exclude", "op:Gemm", "--calib", place.path("images.npy"),
            place.path("hostile.onnx")}}) {
    const ProcessResult result = runCompress(arguments);
    CAPTURE(arguments[0]);
    CHECK(result.exitCode == 0);
    for (const std::string& shown : {result.out, result.err}) {
      CHECK_FALSE(contains(shown, "\x1b"));
      CHECK_FALSE(contains(shown, "\n::error"));
      CHECK_FALSE(contains(shown, "\xE2\x80\xAE"));
    }
  }
}
