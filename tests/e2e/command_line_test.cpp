// What every verb has in common: help, unknown words, streams, exit codes, one JSON document whatever happens.
#include <catch2/catch.hpp>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <sstream>

#include "tests/e2e/fixtures.h"

using namespace compress::test;
using Json = nlohmann::json;

namespace {

/// Compares with tests/golden/help/NAME.txt; COMPRESS_UPDATE=1 rewrites it.
void checkGolden(const std::string& name, const std::string& found) {
  const std::filesystem::path path = sourceDirectory() / "tests/golden/help" / (name + ".txt");
  if (std::getenv("COMPRESS_UPDATE") != nullptr) std::ofstream(path) << found;
  std::ifstream file(path);
  const std::string expected{std::istreambuf_iterator<char>(file), {}};
  CAPTURE(path);
  CHECK(found == expected);
}

/// Verbs as `compress --help` lists them.
std::vector<std::string> listedVerbs() {
  const std::string help = runCompress({"--help"}).out;
  std::istringstream lines(help.substr(help.find("Verbs:\n") + 7));
  std::vector<std::string> verbs;
  for (std::string line; std::getline(lines, line) && line.starts_with("  ");)
    verbs.push_back(line.substr(2, line.find(' ', 2) - 2));
  return verbs;
}

/// Whether the verb's first operand is a model.
bool readsModel(const std::string& verb) {
  const std::string help = runCompress({verb, "--help"}).out;
  const std::string usage = help.substr(0, help.find('\n'));
  return contains(usage, "[OPTIONS] MODEL") || contains(usage, "[OPTIONS] A B");
}

}  // namespace

TEST_CASE("help texts are as reviewed", "[e2e]") {
  const ProcessResult help = runCompress({"--help"});
  CHECK(help.exitCode == 0);
  checkGolden("compress", help.out);
  REQUIRE(listedVerbs().size() >= 7);
  for (const std::string& verb : listedVerbs()) {
    const ProcessResult result = runCompress({verb, "--help"});
    CHECK(result.exitCode == 0);
    checkGolden(verb, result.out);
    CHECK(runCompress({"help", verb}).out == result.out);
  }
}

TEST_CASE("the version is told in words and as JSON", "[e2e]") {
  CHECK(runCompress({"--version"}).out.starts_with("compress "));
  CHECK(Json::parse(runCompress({"--version", "--json"}).out)["tool"]["name"] == "compress");
}

TEST_CASE("what is not known is exit code 2 with what is near", "[e2e]") {
  const ProcessResult verb = runCompress({"quantise", "m.onnx"});
  CHECK(verb.exitCode == 2);
  CHECK(verb.out.empty());
  CHECK(contains(verb.err, "compress: 'quantise' is no verb\n  hint: near: quantize"));
  const ProcessResult flag = runCompress({"run", "--thread", "2", "m.onnx"});
  CHECK(flag.exitCode == 2);
  CHECK(contains(flag.err, "run has no option '--thread'"));
  CHECK(contains(flag.err, "--threads"));
  CHECK(runCompress({}).exitCode == 2);
  CHECK(runCompress({"run"}).exitCode == 2);
  CHECK(contains(runCompress({"run"}).err, "MODEL is missing"));
  CHECK(contains(runCompress({"run", "a.onnx", "b.onnx"}).err, "one operand too many: 'b.onnx'"));
}

TEST_CASE("every verb refuses bad values before it works", "[e2e]") {
  for (const std::string& verb : listedVerbs()) {
    CAPTURE(verb);
    CHECK(runCompress({verb, "--no-such-option", "x.onnx", "y.onnx"}).exitCode == 2);
    CHECK(runCompress({verb, "--color", "banana", "x.onnx", "y.onnx"}).exitCode == 2);
    CHECK(runCompress({verb, "--progress=often", "x.onnx", "y.onnx"}).exitCode == 2);
  }
  CHECK(contains(runCompress({"run", "--threads", "0", "x.onnx"}).err,
                 "--threads: '0' is not a whole number from 1 to 1024"));
  CHECK(contains(runCompress({"run", "--rtol", "nan", "x.onnx"}).err, "--rtol: 'nan' is not a finite number"));
  CHECK(contains(runCompress({"run", "--rtol", "1", "--rtol", "2", "x.onnx"}).err, "--rtol is given 2 times"));
}

TEST_CASE("a missing file is exit code 5, a file that is no model 3, for every verb", "[e2e]") {
  const Workplace place;
  std::ofstream(place.path("text.onnx")) << "this is no model, only text";
  for (const std::string& verb : listedVerbs()) {
    if (!readsModel(verb)) continue;
    CAPTURE(verb);
    std::vector<std::string> arguments = {verb, place.path("none.onnx")};
    if (verb == "compare") arguments.push_back(place.model());
    const ProcessResult missing = runCompress(arguments);
    CHECK(missing.exitCode == 5);
    CHECK(contains(missing.err, "none.onnx"));
    arguments[1] = place.path("text.onnx");
    const ProcessResult text = runCompress(arguments);
    CHECK(text.exitCode == 3);
    CHECK(contains(text.err, "text.onnx"));
  }
}

TEST_CASE("with --json an error is one document too", "[e2e]") {
  for (const std::vector<std::string>& arguments :
       std::vector<std::vector<std::string>>{{"run", "--json", "none.onnx"},
                                             {"nosuchverb", "--json"},
                                             {"run", "--json", "--bad"},
                                             {"run", "--json", "--device", "cuda", "m.onnx"}}) {
    const ProcessResult result = runCompress(arguments);
    const Json document = Json::parse(result.out);
    CHECK(document["schema"] == 1);
    CHECK(document["status"] == "error");
    CHECK(document["exit_code"] == result.exitCode);
    CHECK_FALSE(document["error"]["text"].get<std::string>().empty());
  }
  CHECK(runCompress({"run", "--device", "cuda", "m.onnx"}).exitCode == 6);
}

TEST_CASE("what the terminal cannot show safely is escaped", "[e2e]") {
  const ProcessResult result = runCompress({"run", "no\x1b]0;title\x07\n::error::x.onnx"});
  CHECK(result.exitCode == 5);
  CHECK_FALSE(contains(result.err, "\x1b"));
  CHECK_FALSE(contains(result.err, "\n::error"));
  CHECK(contains(result.err, "\\x1B]0;title\\x07"));
}

TEST_CASE("a full disk behind standard output is exit code 5", "[e2e]") {
  if (!std::filesystem::exists("/dev/full")) {
    WARN("skipped: no /dev/full");
    return;
  }
  CHECK(runCompress({"--help"}, {.output = "/dev/full"}).exitCode == 5);
}
