// Options from files and variables: which wins, what is refused, and how --print-config shows it.
#include <catch2/catch.hpp>
#include <fstream>
#include <nlohmann/json.hpp>

#include "tests/e2e/fixtures.h"

using namespace compress::test;
using Json = nlohmann::json;

namespace {

/// --print-config --json of `verb` with `content` as configuration.
Json settingsOf(const std::string& verb, const std::string& content, const std::vector<std::string>& flags = {},
                const std::map<std::string, std::string>& environment = {}) {
  const TemporaryDirectory folder;
  const std::string file = folder.path() / "c.toml";
  std::ofstream(file) << content;
  std::vector<std::string> arguments = {verb, "--print-config", "--json", "--config", file};
  arguments.insert(arguments.end(), flags.begin(), flags.end());
  const ProcessResult result = runCompress(arguments, {.environment = environment});
  CAPTURE(result.err);
  REQUIRE(result.exitCode == 0);
  return Json::parse(result.out)["effective_config"];
}

/// Exit code, and what stands behind the folder's name in the message.
std::string refusal(const std::string& content, const std::string& verb = "run") {
  const TemporaryDirectory folder;
  std::ofstream(folder.path() / "c.toml") << content;
  const ProcessResult result = runCompress({verb, "--config", folder.path() / "c.toml", "--print-config"});
  CHECK(result.exitCode == 2);
  const size_t at = result.err.find("c.toml:");
  return at == std::string::npos ? result.err : result.err.substr(at);
}

}  // namespace

TEST_CASE("a flag beats a variable, a variable a file, a file the default", "[e2e]") {
  const std::string file = "schema = 1\nthreads = 2\nseed = 5\n[run]\nrtol = 0.5\n";
  const Json config = settingsOf("run", file);
  CHECK(config["threads"]["value"] == 2);
  CHECK(config["threads"]["origin"] == "config");
  CHECK(config["threads"]["where"].get<std::string>().ends_with("c.toml:2"));
  CHECK(config["rtol"]["value"] == 0.5);
  CHECK(config["atol"]["origin"] == "default");
  const std::map<std::string, std::string> variables = {{"COMPRESS_THREADS", "3"}, {"COMPRESS_RTOL", "0.25"}};
  const Json variable = settingsOf("run", file, {}, variables);
  CHECK(variable["threads"]["value"] == 3);
  CHECK(variable["threads"]["origin"] == "env");
  CHECK(variable["threads"]["where"] == "COMPRESS_THREADS");
  CHECK(variable["seed"]["value"] == 5);
  const Json flag = settingsOf("run", file, {"--threads", "4"}, variables);
  CHECK(flag["threads"]["value"] == 4);
  CHECK(flag["threads"]["origin"] == "flag");
  CHECK(flag["rtol"]["value"] == 0.25);
}

TEST_CASE("a verb's table beats the top of the file, other verbs' tables do not count", "[e2e]") {
  const std::string file = "schema = 1\nseed = 5\n[run]\nseed = 6\n[bench]\nseed = 7\nshape = \"x:1x3\"\n";
  CHECK(settingsOf("run", file)["seed"]["value"] == 6);
  CHECK(settingsOf("bench", file)["seed"]["value"] == 7);
  CHECK(settingsOf("eval", file)["seed"]["value"] == 5);
  CHECK(settingsOf("bench", file)["shape"]["value"] == Json::array({"x:1x3"}));
  CHECK(settingsOf("compare", file)["bench"]["value"].is_null());
  CHECK(settingsOf("compare", "schema = 1\nbench = false\n")["bench"]["value"] == false);
}

TEST_CASE("every type of option has a form in files and variables", "[e2e]") {
  const Json file = settingsOf("quantize",
                               "schema = 1\n[quantize]\nforce = true\nverify = false\nbench = false\nmean = [1, 2.5]\n"
                               "exclude = [\"op:Gemm\", \"op:Conv\"]\nmax_drop = \"1%\"\nmin_speedup = 2\n");
  CHECK(file["force"]["value"] == true);
  CHECK(file["verify"]["value"] == false);
  CHECK(file["bench"]["value"] == false);
  CHECK(file["mean"]["value"] == Json::array({1.0, 2.5}));
  CHECK(file["exclude"]["value"] == Json::array({"op:Gemm", "op:Conv"}));
  CHECK(file["max-drop"]["value"] == "1%");
  CHECK(file["min-speedup"]["value"] == 2.0);
  const Json variables = settingsOf("quantize", "schema = 1\n", {},
                                    {{"COMPRESS_FORCE", "1"},
                                     {"COMPRESS_VERIFY", "false"},
                                     {"COMPRESS_MEAN", "1,2.5"},
                                     {"COMPRESS_MAX_DROP", "1%"},
                                     {"COMPRESS_MIN_SPEEDUP", ""}});
  CHECK(variables["force"]["value"] == true);
  CHECK(variables["verify"]["value"] == false);
  CHECK(variables["mean"]["value"] == Json::array({1.0, 2.5}));
  CHECK(variables["max-drop"]["value"] == "1%");
  CHECK(variables["min-speedup"]["origin"] == "default");
}

TEST_CASE("a wrong file is refused with its line and what is near", "[e2e]") {
  CHECK(refusal("threads = 2\n").starts_with("c.toml:1: key 'schema' is missing"));
  CHECK(refusal("schema = 1\nthread = 2\n").starts_with("c.toml:2: unknown key 'thread'\n  hint: near: threads"));
  CHECK(refusal("schema = 1\n[run]\nrtoll = 2\n")
            .starts_with("c.toml:3: unknown key 'rtoll' of run\n  hint: near: rtol"));
  CHECK(refusal("schema = 1\nthreads = \"2\"\n").starts_with("c.toml:2: threads is a string, expected a whole number"));
  CHECK(refusal("schema = 1\nthreads = 0\n")
            .starts_with("c.toml:2: --threads: '0' is not a whole number from 1 to 1024"));
  CHECK(refusal("schema = 1\nthreads = 2\nthreads = 3\n").starts_with("c.toml:3: "));
  CHECK(refusal("schema = 1\n[run]\nrtol = nan\n").starts_with("c.toml:3: --rtol: 'nan' is not a finite number"));
  CHECK(refusal("schema = 1\ndevice = \"gpu\"\n").starts_with("c.toml:2: --device: 'gpu' is not one of"));
  CHECK(refusal("schema = 1\nrun = 3\n").starts_with("c.toml:2: unknown key 'run'"));
  CHECK(refusal("schema = 1\nconfig = \"other\"\n").starts_with("c.toml:2: unknown key 'config'"));
}

TEST_CASE("the whole file is checked, also what other verbs would take", "[e2e]") {
  CHECK(refusal("schema = 1\n[quantize]\nlevel = 99\n").starts_with("c.toml:3: --level: '99'"));
  CHECK(refusal("schema = 1\nmax_drop = 3\n", "inspect")
            .starts_with("c.toml:2: max_drop is a whole number, expected a string"));
}

TEST_CASE("a missing file is exit code 5, a bad variable 2, an unknown one a warning", "[e2e]") {
  CHECK(runCompress({"run", "--config", "none.toml", shippedModel()}).exitCode == 5);
  const ProcessResult bad = runCompress({"run", shippedModel()}, {.environment = {{"COMPRESS_THREADS", "many"}}});
  CHECK(bad.exitCode == 2);
  CHECK(contains(bad.err, "COMPRESS_THREADS: --threads: 'many' is not a whole number"));
  const ProcessResult typo = runCompress({"run", shippedModel()}, {.environment = {{"COMPRESS_THREDS", "1"}}});
  CHECK(typo.exitCode == 0);
  CHECK(contains(typo.err,
                 "W-ENV: COMPRESS_THREDS is no option of any verb and counts for nothing; near: COMPRESS_THREADS"));
}

TEST_CASE("what --print-config prints is a configuration with the same settings", "[e2e]") {
  const std::vector<std::string> flags = {"quantize",      "--calib", "a \"b\".npy", "--mean",    "1,2",
                                          "--max-drop",    "1%",      "--no-bench",  "--exclude", "op:Conv",
                                          "--print-config"};
  const ProcessResult printed = runCompress(flags);
  REQUIRE(printed.exitCode == 0);
  CHECK(contains(printed.out, "calib = \"a \\\"b\\\".npy\"  # flag"));
  const Json again = settingsOf("quantize", printed.out);
  std::vector<std::string> withJson = flags;
  withJson.push_back("--json");
  const Json document = Json::parse(runCompress(withJson).out);
  for (const auto& [name, setting] : document["effective_config"].items()) {
    CAPTURE(name);
    if (name != "config" && name != "print-config" && name != "json") CHECK(again[name]["value"] == setting["value"]);
  }
}

TEST_CASE("no configuration is read unasked", "[e2e]") {
  const Json plain = Json::parse(runCompress({"run", "--json", shippedModel()}).out)["effective_config"];
  CHECK(plain["config"]["value"].is_null());
  CHECK(plain["seed"]["origin"] == "default");
}
