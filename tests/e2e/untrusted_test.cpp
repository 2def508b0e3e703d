// --untrusted: the filter is in force while a verb works, the work is the same, and limits hold.
#include <catch2/catch.hpp>
#include <csignal>
#include <fstream>
#include <nlohmann/json.hpp>

#include "lib/onnx/read.h"
#include "lib/onnx/write.h"
#include "tests/e2e/fixtures.h"
#include "tests/support/build.h"

using namespace compress;
using namespace compress::test;

namespace {

/// Sanitizers reserve memory without end and look at themselves with ptrace.
bool canConfine() {
#ifdef __SANITIZE_ADDRESS__
  WARN("skipped: the limits of --untrusted do not go with the sanitizers");
  return false;
#else
  return true;
#endif
}

/// Runs optimize; before its first write into its folder it does what code that took the process over might do.
ProcessResult attacked(const Workplace& place, const std::string& action, bool untrusted) {
  std::vector<std::string> arguments = {"optimize", "--force", place.model(), "-o", place.path("o.onnx")};
  if (untrusted) arguments.insert(arguments.begin() + 1, "--untrusted");
  ProcessOptions options;
  options.environment = {{"LD_PRELOAD", faultLibrary()->string()},
                         {"FAULT_FOLDER", std::filesystem::path(place.model()).parent_path().string()},
                         {"FAULT_AT", "3"},
                         {"FAULT_ACTION", action}};
  return runCompress(arguments, options);
}

}  // namespace

TEST_CASE("option --untrusted: network, programs, processes, tracing and mounts end the process", "[e2e][untrusted]") {
  if (!canConfine() || !faultLibrary()) return;
  const Workplace place(1);
  for (const char* action : {"socket", "execute", "fork", "trace", "mount"}) {
    CAPTURE(action);
    CHECK(attacked(place, action, true).exitCode == 128 + SIGSYS);
    CHECK_FALSE(place.has("o.onnx"));
  }
  CHECK(attacked(place, "socket", false).exitCode == 0);  // the attack itself works
  CHECK(attacked(place, "fork", false).exitCode == 0);
}

TEST_CASE("option --untrusted: signals to other processes do not leave", "[e2e][untrusted]") {
  if (!canConfine() || !faultLibrary()) return;
  const Workplace place(1);
  const auto before = signal(SIGUSR1, SIG_IGN);
  CHECK(attacked(place, "kill-parent", true).exitCode == 0);
  signal(SIGUSR1, before);
}

TEST_CASE("option --untrusted: every verb does its work, with the same bytes", "[e2e][untrusted]") {
  if (!canConfine()) return;
  const Workplace place;
  const std::string images = place.path("images.npy"), labels = place.path("labels.npy");
  for (const std::vector<std::string>& arguments : std::vector<std::vector<std::string>>{
           {"inspect"},
           {"check", "--deep"},
           {"run"},
           {"eval", "--data", images, "--labels", labels},
           {"bench", "--runs", "2", "--per-layer", "--threads", "2"},
           {"calibrate", "--calib", images, "-o", place.path("t.json")},
           {"quantize", "--calib", images, "--data", images, "--labels", labels, "--report", place.path("r.html")}}) {
    std::vector<std::string> words = arguments;
    words.insert(words.begin() + 1, "--untrusted");
    words.push_back(place.model());
    const ProcessResult result = runCompress(words);
    CAPTURE(arguments[0], result.err);
    CHECK(result.exitCode == 0);
    CHECK_FALSE(contains(result.err, "W-SANDBOX"));
  }
  const std::string confined = place.content("m.int8.onnx");
  CHECK(runCompress({"quantize", "--force", "--no-bench", "--calib", images, place.model()}).exitCode == 0);
  CHECK((confined == place.content("m.int8.onnx")));
}

TEST_CASE("option --untrusted: operators of domains that nobody knows are refused", "[e2e][untrusted]") {
  if (!canConfine()) return;
  const Workplace place(1);
  writeModel(buildModel("opset strange 1\ninput x: float32[2]\ny = strange.Op(x)\noutput y\n"), place.path("s.onnx"));
  CHECK(runCompress({"check", place.path("s.onnx")}).exitCode == 0);
  const ProcessResult refused = runCompress({"check", "--untrusted", place.path("s.onnx")});
  CHECK(refused.exitCode == 4);
  CHECK(contains(refused.err, "node 'y' (Op): the domain 'strange' is not known"));
}

TEST_CASE("option --untrusted: memory is bounded without being asked for, and more tightly where it is",
          "[e2e][untrusted]") {
  if (!canConfine()) return;
  const Workplace place;
  const ProcessResult result = runCompress({"quantize", "--untrusted", "--no-bench", "--memory-limit", "20MB",
                                            "--calib", place.path("images.npy"), place.model()});
  CHECK(result.exitCode == 6);
}

TEST_CASE("option --untrusted: no event starts a program", "[e2e][untrusted]") {
  const Workplace place;
  const ProcessResult result = runCompress({"run", "--hook", "cat", "--untrusted", place.model()});
  CHECK(result.exitCode == 2);
  CHECK(contains(result.err, "a confined process starts no programs"));
}

TEST_CASE("option --untrusted: no program is the judge", "[e2e][untrusted]") {
  if (!canConfine()) return;
  const Workplace place;
  for (const Words& words : std::vector<Words>{{"eval", "--metric-cmd", "echo 1", place.model()},
                                               {"compare", "--latency-cmd", "echo 1", place.model(), place.model()}}) {
    const ProcessResult result = runCompress(joined(words, {"--untrusted"}));
    CHECK(result.exitCode == 2);
    CHECK(contains(result.err, "a confined process starts no programs"));
  }
}

TEST_CASE("option --limits: a file changes what a model may hold, and the refusal names limit, value and file",
          "[e2e]") {
  const Workplace place(1);
  const auto check = [&](const std::string& limits) {
    std::ofstream(place.path("limits.toml")) << limits;
    return runCompress({"check", "--limits", place.path("limits.toml"), place.model()});
  };
  CHECK(check("schema = 1\n").exitCode == 0);
  const std::pair<std::string, std::string> refusals[] = {
      {"nodes = 5", "m.onnx: has more than 5 nodes (limit 'nodes')"},
      {"file_bytes = 1000", "at most 1000 are allowed (limit 'file_bytes')"},
      {"tensor_rank = 3", "has rank 4, at most 3 is allowed"},
      {"initializers = 1", "(limit 'initializers')"},
      {"name_bytes = 2", "(limit 'name_bytes'"}};
  for (const auto& [limit, message] : refusals) {
    const ProcessResult result = check("schema = 1\n" + limit + "\n");
    CAPTURE(limit, result.err);
    CHECK(result.exitCode == 3);
    CHECK(contains(result.err, message));
    CHECK(contains(result.err, "--limits"));
  }
  CHECK(check("schema = 1\nmemory_bytes = 1000\n").exitCode == 6);
  const ProcessResult unknown = check("schema = 1\nnode = 5\n");
  CHECK(unknown.exitCode == 2);
  CHECK(contains(unknown.err, "limits.toml:2: there is no limit 'node'"));
  CHECK(check("schema = 1\nnodes = 0\n").exitCode == 2);
  CHECK(check("schema = 1\nnodes = \"many\"\n").exitCode == 2);
}

TEST_CASE("the configuration's hash does not depend on threads or places, but on what counts", "[e2e]") {
  const Workplace place;
  const auto hashOf = [&](std::vector<std::string> more) {
    std::vector<std::string> arguments = {
        "quantize", "--json", "--force", "--no-bench", "--calib", place.path("images.npy"), place.model()};
    arguments.insert(arguments.end(), more.begin(), more.end());
    const ProcessResult result = runCompress(arguments);
    REQUIRE(result.exitCode == 0);
    return nlohmann::json::parse(result.out)["config_hash"].get<std::string>();
  };
  const std::string hash = hashOf({"--threads", "1"});
  CHECK(hash.size() == 64);
  CHECK(*readModel(place.path("m.int8.onnx")).model.findMetadata("compress.config") == hash);
  CHECK(hash == hashOf({"--threads", "2", "--report", place.path("r.json"), "-o", place.path("other.onnx")}));
  CHECK((place.content("m.int8.onnx") == place.content("other.onnx")));
  CHECK(hash != hashOf({"--seed", "7"}));
  CHECK(hash != hashOf({"-O1"}));
}
