// `run` and `eval` as a user sees them.
#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "tests/e2e/fixtures.h"

using namespace compress::test;
using Json = nlohmann::json;

TEST_CASE("run shows outputs, and repeats them for any number of threads", "[e2e]") {
  const Workplace place;
  const ProcessResult one = runCompress({"run", "--threads", "1", place.model()});
  CHECK(one.exitCode == 0);
  CHECK(one.out.starts_with("logits: float32[1, 10]  min "));
  CHECK(runCompress({"run", "--threads", "2", place.model()}).out == one.out);
  CHECK(runCompress({"run", "--threads", "4", place.model()}).out == one.out);
  CHECK(runCompress({"run", "--seed", "1", place.model()}).out != one.out);
}

TEST_CASE("run compares with expected outputs and tells where they differ", "[e2e]") {
  const Workplace place;
  REQUIRE(runCompress({"run", "--save-outputs", place.path("saved"), place.model()}).exitCode == 0);
  const ProcessResult same = runCompress({"run", "--expect", place.path("saved"), place.model()});
  CHECK(same.exitCode == 0);
  CHECK(contains(same.out, "equal: 1 outputs within rtol 0.001, atol 1e-05"));
  const ProcessResult other =
      runCompress({"run", "--seed", "7", "--expect", place.path("saved"), "--json", place.model()});
  CHECK(other.exitCode == 1);
  const Json mismatches = Json::parse(other.out)["outputs"][0]["mismatches"];
  CHECK(mismatches["count"] > 0);
  CHECK(mismatches["of"] == 10);
  CHECK(mismatches["worst"][0]["expected"] != mismatches["worst"][0]["found"]);
  CHECK(runCompress({"run", "--save-outputs", place.path("saved"), place.model()}).exitCode == 5);
  CHECK(runCompress({"run", "--save-outputs", place.path("saved"), "--force", place.model()}).exitCode == 0);
}

TEST_CASE("run agrees with the plain loops that define the operators", "[e2e]") {
  const Workplace place;
  REQUIRE(
      runCompress({"run", "--backend", "reference", "--save-outputs", place.path("saved"), place.model()}).exitCode ==
      0);
  CHECK(runCompress({"run", "--expect", place.path("saved"), place.model()}).exitCode == 0);
}

TEST_CASE("run passes the test data that ONNX ships", "[e2e]") {
  const auto data = onnxTestData();
  if (!data) {
    WARN("skipped: no libonnx-testdata");
    return;
  }
  for (const char* name : {"node/test_relu", "node/test_conv_with_strides_padding", "node/test_softmax_axis_1",
                           "node/test_split_equal_parts_1d"}) {
    const std::string folder = *data / name, set = folder + "/test_data_set_0";
    CAPTURE(name);
    CHECK(runCompress({"run", "--inputs", set, "--expect", set, folder + "/model.onnx"}).exitCode == 0);
  }
}

TEST_CASE("a model comes from standard input", "[e2e]") {
  const Workplace place;
  const std::string bytes = place.content("m.onnx");
  const ProcessResult piped = runCompress({"run", "-"}, {.input = bytes});
  CHECK(piped.exitCode == 0);
  CHECK(piped.out == runCompress({"run", place.model()}).out);
}

TEST_CASE("run names inputs and shapes that do not fit", "[e2e]") {
  const Workplace place;
  CHECK(contains(runCompress({"run", "--shape", "img:1x1x28x28", place.model()}).err, "the model has no input 'img'"));
  const ProcessResult contradiction = runCompress({"run", "--shape", "image:1x3x28x28", place.model()});
  CHECK(contradiction.exitCode == 2);
  CHECK(contains(contradiction.err, "is declared float32[N, 1, 28, 28], found [1, 3, 28, 28]"));
  CHECK(contains(runCompress({"run", "--shape", "image:4x1x28x28", place.model()}).out, "float32[4, 10]"));
  CHECK(runCompress({"run", "--input", "img=" + place.path("images.npy"), place.model()}).exitCode == 2);
}

TEST_CASE("eval measures metrics with their intervals", "[e2e]") {
  const Workplace place(64);
  const ProcessResult result =
      runCompress({"eval", "--metric", "top1,top5", "--json", "--data", place.path("images.npy"), "--labels",
                   place.path("labels.npy"), place.model()});
  REQUIRE(result.exitCode == 0);
  const Json accuracy = Json::parse(result.out)["accuracy"];
  REQUIRE(accuracy.size() == 2);
  CHECK(accuracy[0]["metric"] == "top1");
  CHECK(accuracy[0]["n"] == 64);
  CHECK(accuracy[1]["value"] >= accuracy[0]["value"]);
  CHECK(runCompress({"eval", place.model()}).exitCode == 2);
  CHECK(contains(runCompress({"eval", "--metric", "top3", "--data", "x.npy", place.model()}).err, "top3"));
}
