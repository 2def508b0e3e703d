// `report` renders, merges and compares documents; `lint` and `debug bisect` tell of a model from inside.
#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "tests/e2e/fixtures.h"
#include "tests/support/npy.h"

using namespace compress::test;
using Json = nlohmann::json;

namespace {

/// a.json and b.json: reports of quantizing in two ways.
struct Reports {
  Workplace place;
  std::string a = place.path("a.json"), b = place.path("b.json");

  Reports() {
    make(a, "-O0");
    make(b, "-O1");
  }

 private:
  void make(const std::string& report, const std::string& level) {
    REQUIRE(runCompress({"quantize", "--no-bench", level, "--force", "--calib", place.path("images.npy"), "--fail-if",
                         "size_ratio>1", "--report", report, place.model()})
                .exitCode == 0);
  }
};

size_t countOf(const std::string& text, const std::string& part) {
  size_t count = 0;
  for (size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++count;
  return count;
}

}  // namespace

TEST_CASE("report renders one document in every format, and merges several", "[e2e]") {
  const Reports reports;
  for (const char* format : {"text", "html", "md", "junit", "csv", "prom", "json"}) {
    CAPTURE(format);
    const ProcessResult one = runCompress({"report", format, reports.a});
    CHECK(one.exitCode == 0);
    CHECK_FALSE(one.out.empty());
    const ProcessResult two = runCompress({"report", format, reports.a, reports.b});
    CHECK(two.exitCode == (std::string(format) == "prom" ? 2 : 0));
  }
  const std::string html = runCompress({"report", "html", reports.a, reports.b}).out;
  CHECK(countOf(html, "<body>") == 1);
  CHECK(countOf(html, "</html>") == 1);
  CHECK(countOf(html, "<article>") == 2);
  const std::string junit = runCompress({"report", "junit", reports.a, reports.b}).out;
  CHECK(countOf(junit, "<?xml") == 1);
  CHECK(countOf(junit, "<testsuite ") == 2);
  CHECK(Json::parse(runCompress({"report", "json", reports.a, reports.b}).out)["reports"].size() == 2);
  CHECK(runCompress({"report", "md", reports.a, "-o", reports.place.path("out.md")}).exitCode == 0);
  CHECK(reports.place.content("out.md") == runCompress({"report", "md", reports.a}).out);
  CHECK(runCompress({"report", "md", reports.a, "-o", reports.place.path("out.md")}).exitCode == 5);
}

TEST_CASE("report diff tells what differs, as an exit code too", "[e2e]") {
  const Reports reports;
  const ProcessResult same = runCompress({"report", "diff", reports.a, reports.a});
  CHECK(same.exitCode == 0);
  CHECK(same.out == "no difference\n");
  const ProcessResult other = runCompress({"report", "diff", reports.a, reports.b, "--json"});
  CHECK(other.exitCode == 1);
  const Json differences = Json::parse(other.out)["differences"];
  bool hasSize = false;
  for (const Json& difference : differences) {
    hasSize = hasSize || difference["path"] == "/models/1/bytes";
    CHECK_FALSE(contains(difference["path"].get<std::string>(), "started_at"));
  }
  CHECK(hasSize);
  CHECK(runCompress({"report", "diff", reports.a}).exitCode == 2);
}

TEST_CASE("report refuses what is no report", "[e2e]") {
  const Workplace place;
  writeBytes(place.path("x.json"), "{\"schema\": 1}");
  writeBytes(place.path("y.json"), "{\"schema\": 2, \"tool\": {}}");
  writeBytes(place.path("z.json"), "no JSON");
  CHECK(runCompress({"report", "md", place.path("x.json")}).exitCode == 3);
  CHECK(runCompress({"report", "md", place.path("y.json")}).exitCode == 4);
  CHECK(runCompress({"report", "md", place.path("z.json")}).exitCode == 3);
  CHECK(runCompress({"report", "md", place.path("none.json")}).exitCode == 5);
  const ProcessResult format = runCompress({"report", "pdf", place.path("x.json")});
  CHECK(format.exitCode == 2);
  CHECK(contains(format.err, "one of text, html, md, junit, csv, prom, json; or diff"));
  CHECK(runCompress({"report", "md"}).exitCode == 2);
}

TEST_CASE("lint tells what will run as integers, and what does", "[e2e]") {
  const Workplace place;
  const Json planned = Json::parse(runCompress({"lint", "--json", place.model()}).out);
  CHECK(planned["lint"]["quantized"] == false);
  CHECK(planned["lint"]["integer_nodes"] > 5);
  const ProcessResult quantized =
      runCompress({"quantize", "--no-bench", "--json", "--exclude", "node:block1.conv1.conv", "--calib",
                   place.path("images.npy"), place.model()});
  REQUIRE(quantized.exitCode == 0);
  const Json found = Json::parse(runCompress({"lint", "--json", place.path("m.int8.onnx")}).out);
  CHECK(found["lint"]["quantized"] == true);
  CHECK(found["lint"]["integer_nodes"] > 5);
  CHECK(found["lint"]["integer_nodes"] < planned["lint"]["integer_nodes"]);
  std::string why;
  for (const Json& layer : found["layers"])
    if (layer["name"] == "block1.conv1.conv") why = layer.value("reason_kept_float", "");
  CHECK(contains(why, "comes from no DequantizeLinear"));
  CHECK(contains(runCompress({"lint", place.model()}).out, "would run as integers (--target portable)"));
  CHECK(runCompress({"lint", "--target", "tpu", place.model()}).exitCode == 2);
}

TEST_CASE("debug bisect is quiet where the backends agree, and names a step where they do not", "[e2e]") {
  const Workplace place;
  const ProcessResult equal = runCompress({"debug", "bisect", place.model()});
  CHECK(equal.exitCode == 0);
  CHECK(contains(equal.out, "agree"));
  const ProcessResult differing =
      runCompress({"debug", "bisect", "--rtol", "0", "--atol", "0", "--json", place.model()});
  CHECK(differing.exitCode == 1);
  const Json bisect = Json::parse(differing.out)["bisect"];
  CHECK(bisect["outputs"][0]["value"] == "logits");
  CHECK(bisect["differs_unfused"] == true);
  CHECK(bisect["step"]["op"] == "Conv");
  CHECK(bisect["step"]["divergence"]["mismatches"] > 0);
  CHECK(runCompress({"debug", "reduce", place.model()}).exitCode == 2);
}
