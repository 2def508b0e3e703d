// The user's own gates and judges: --fail-if, --metric-cmd, --latency-cmd; and events for other programs.
#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>
#include <sstream>

#include "lib/base/text.h"
#include "tests/e2e/fixtures.h"
#include "tests/support/npy.h"

using namespace compress::test;
using Json = nlohmann::json;

namespace {

/// A shell script in the place that acts as the user's program; the command that runs it.
std::string program(const Workplace& place, const std::string& name, const std::string& script) {
  writeBytes(place.path(name), script);
  return "sh " + place.path(name);
}

/// The model against itself.
ProcessResult comparing(const Workplace& place, const Words& more) {
  return runCompress(joined(joined({"compare"}, more), {place.model(), place.model()}));
}

std::vector<Json> eventsOf(const std::string& lines) {
  std::vector<Json> events;
  std::istringstream stream(lines);
  for (std::string line; std::getline(stream, line);) events.push_back(Json::parse(line));
  return events;
}

}  // namespace

TEST_CASE("option --fail-if decides the exit code of compare, quantize and eval", "[e2e]") {
  const Workplace place;
  CHECK(comparing(place, {"--no-bench", "--fail-if", "size_ratio>1", "--fail-if", "cosine<0.9"}).exitCode == 0);
  const ProcessResult failed =
      comparing(place, {"--no-bench", "--json", "--fail-if", "size_ratio >= 1 and cosine > 0"});
  CHECK(failed.exitCode == 1);
  const Json gate = Json::parse(failed.out)["gates"][0];
  CHECK(gate["name"] == "fail-if");
  CHECK(gate["passed"] == false);
  CHECK(gate["value"].get<std::string>().starts_with("size_ratio 1, cosine "));
  CHECK(comparing(place, {"--no-bench", "--fail-if", "size_ratio>=1", "--gate-level", "warn"}).exitCode == 0);
  const ProcessResult unmeasured = comparing(place, {"--no-bench", "--fail-if", "top1<0.1"});
  CHECK(unmeasured.exitCode == 1);
  CHECK(contains(unmeasured.err, "not measured: top1"));
  const ProcessResult unknown = comparing(place, {"--fail-if", "tpo1<0.1"});
  CHECK(unknown.exitCode == 2);
  CHECK(contains(unknown.err, "near: top1"));
  const Words data = {"--data", place.path("images.npy"), "--labels", place.path("labels.npy"), place.model()};
  CHECK(runCompress(joined({"eval", "--fail-if", "top1>=0"}, data)).exitCode == 1);
  CHECK(runCompress(joined({"eval", "--fail-if", "top1<0"}, data)).exitCode == 0);
  const ProcessResult quantized = runCompress(
      {"quantize", "--no-bench", "--calib", place.path("images.npy"), "--fail-if", "size_ratio<50%", place.model()});
  CHECK(quantized.exitCode == 1);
  CHECK_FALSE(place.has("m.int8.onnx"));
}

TEST_CASE("a user's program measures the metric that gates judge", "[e2e]") {
  const Workplace place;
  const std::string size = program(place, "size", "wc -c < \"$1\"\n");
  const ProcessResult result = runCompress({"quantize", "--no-bench", "--calib", place.path("images.npy"),
                                            "--metric-cmd", size, "--json", "--max-drop", "1%", place.model()});
  CHECK(result.exitCode == 1);
  const Json accuracy = Json::parse(result.out)["accuracy"];
  REQUIRE(accuracy.size() == 2);
  CHECK(accuracy[0]["metric"] == "metric_cmd");
  CHECK(accuracy[0]["value"] == static_cast<double>(std::filesystem::file_size(place.model())));
  CHECK(accuracy[1]["value"] < 110'000);
  CHECK(comparing(place, {"--no-bench", "--metric-cmd", size + " {model}", "--max-drop", "0", "--min-metric",
                          "metric_cmd>=1", "--fail-if", "metric_cmd_drop>0"})
            .exitCode == 0);
  CHECK(contains(runCompress({"eval", "--metric-cmd", size, place.model()}).out, "metric_cmd 3"));
}

TEST_CASE("a user's program times the models", "[e2e]") {
  const Workplace place;
  const std::string timer = program(place, "timer", "echo 2.5\n");
  const ProcessResult result = comparing(place, {"--latency-cmd", timer, "--json", "--max-latency-p95", "3ms"});
  CHECK(result.exitCode == 0);
  const Json document = Json::parse(result.out);
  CHECK(document["latency"][0]["device"] == "latency-cmd");
  CHECK(document["latency"][1]["p50_ms"] == 2.5);
  CHECK(document["latency"][1]["n"] == 6);
  CHECK(comparing(place, {"--latency-cmd", timer, "--min-speedup", "1.2"}).exitCode == 1);
}

TEST_CASE("what a user's program does wrong is told with the end of its stderr", "[e2e]") {
  const Workplace place;
  const ProcessResult failed =
      comparing(place, {"--no-bench", "--metric-cmd", program(place, "bad", "echo no device >&2; exit 4\n")});
  CHECK(failed.exitCode == 1);
  CHECK(contains(failed.err, "ended with exit code 4"));
  CHECK(contains(failed.err, "its stderr ends: no device"));
  for (const char* output : {"", "fast", "1 2", "nan", "1,5"}) {
    CAPTURE(output);
    const std::string command = program(place, "odd", compress::text("echo '", output, "'\n"));
    CHECK(contains(comparing(place, {"--no-bench", "--metric-cmd", command}).err,
                   "expected one finite number on stdout"));
  }
  CHECK(comparing(place, {"--latency-cmd", program(place, "zero", "echo 0\n")}).exitCode == 1);
  CHECK(comparing(place, {"--no-bench", "--metric-cmd", "/no/such/program"}).exitCode == 5);
  CHECK(comparing(place, {"--no-bench", "--metric-cmd", "'"}).exitCode == 2);
}

TEST_CASE("no shell reads a command, and a model's path stays one word", "[e2e]") {
  const Workplace place;
  const std::string odd = place.path("a;touch x $(touch y) '.onnx");
  std::filesystem::copy_file(place.model(), odd);
  const std::string size = program(place, "size", "test $# = 1 && wc -c < \"$1\"\n");
  CHECK(runCompress({"eval", "--metric-cmd", size, odd}).exitCode == 0);
  CHECK_FALSE(std::filesystem::exists("x"));
  CHECK(runCompress({"eval", "--metric-cmd", "echo 1; touch " + place.path("made"), place.model()}).exitCode == 1);
  CHECK_FALSE(place.has("made"));
}

TEST_CASE("option --progress jsonl makes stderr a stream of events", "[e2e]") {
  const Workplace place;
  const ProcessResult result = runCompress(
      {"quantize", "--no-bench", "--progress", "jsonl", "--calib", "random", "--calib-samples", "4", place.model()});
  REQUIRE(result.exitCode == 0);
  const std::vector<Json> events = eventsOf(result.err);
  REQUIRE(events.size() >= 4);
  CHECK(events.front()["event"] == "start");
  CHECK(events.front()["verb"] == "quantize");
  CHECK(events.back()["event"] == "end");
  CHECK(events.back()["exit_code"] == 0);
  CHECK(events.back()["report"]["schema"] == 1);
  const auto count = [&](const char* name) {
    return std::ranges::count_if(events, [&](const Json& event) { return event["event"] == name; });
  };
  CHECK(count("pass") >= 3);
  CHECK(count("message") >= 1);
  const std::vector<Json> failure = eventsOf(runCompress({"run", "--progress", "jsonl", "none.onnx"}).err);
  CHECK(failure.back()["exit_code"] == 5);
  CHECK(failure.back()["report"]["error"]["code"] == "E-IO");
}

TEST_CASE("option --hook is run with each event on its stdin, its failure is one warning", "[e2e]") {
  const Workplace place;
  const std::string hook = program(place, "hook", "cat >> " + place.path("log") + "\n");
  REQUIRE(runCompress({"run", "--hook", hook, place.model()}).exitCode == 0);
  const std::vector<Json> events = eventsOf(place.content("log"));
  REQUIRE(events.size() == 2);
  CHECK(events[0]["event"] == "start");
  CHECK(events[1]["event"] == "end");
  const ProcessResult broken = runCompress({"run", "--hook", program(place, "broken", "exit 9\n"), place.model()});
  CHECK(broken.exitCode == 0);
  CHECK(contains(broken.err, "W-HOOK"));
  CHECK(broken.err.find("W-HOOK") == broken.err.rfind("W-HOOK"));
  CHECK(runCompress({"run", "--hook", "'", place.model()}).exitCode == 2);
}
