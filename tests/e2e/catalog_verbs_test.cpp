// Verbs that tell of the program itself: ops, passes, doctor, completion.
#include <catch2/catch.hpp>
#include <cstdlib>
#include <fstream>
#include <set>
#include <nlohmann/json.hpp>

#include "lib/runtime/fast_operators.h"
#include "lib/runtime/session.h"
#include "tests/e2e/fixtures.h"
#include "tests/support/build.h"
#include "tests/support/npy.h"

using namespace compress::test;
using Json = nlohmann::json;

namespace {

Json operatorRecord(const std::string& op) {
  return Json::parse(runCompress({"ops", op, "--json"}).out)["ops"][0];
}

/// A script of `shell` goes through the shell's own parser, where that shell is there.
void checkSyntax(const std::string& shell, const std::string& script) {
  const TemporaryDirectory folder;
  writeBytes(folder.path() / "script", script);
  if (system(("command -v " + shell + " > /dev/null").c_str()) != 0) {
    WARN("skipped: no " + shell);
    return;
  }
  CHECK(system((shell + " -n " + (folder.path() / "script").string()).c_str()) == 0);
}

}  // namespace

TEST_CASE("ops --grad lists what can be trained through, and what was tested", "[e2e]") {
  const ProcessResult table = runCompress({"ops", "--grad"});
  CHECK(table.exitCode == 0);
  CHECK(contains(table.out, "\nConv "));
  CHECK(!contains(table.out, "\nFloor "));
  CHECK(contains(table.out, "depthwise multiplier"));
  CHECK(operatorRecord("Floor")["gradient"].empty());
  CHECK(operatorRecord("Softmax")["gradient"][0] == "last axis");
  CHECK(contains(runCompress({"ops", "Floor"}).out, "gradient: none"));
}

TEST_CASE("ops lists operators with forms, backend and rule, and tells of one", "[e2e]") {
  const ProcessResult table = runCompress({"ops"});
  CHECK(table.exitCode == 0);
  CHECK(contains(table.out, "\nConv "));
  CHECK(operatorRecord("Conv")["backend"] == "cpu");
  CHECK(operatorRecord("Conv")["quantize"]["portable"]["kind"] == "weighted");
  CHECK(operatorRecord("Einsum")["backend"] == "reference");
  CHECK(operatorRecord("Einsum")["quantize"].empty());
  CHECK(operatorRecord("Squeeze")["forms"] == Json::array({13}));
  CHECK(contains(runCompress({"ops", "Conv"}).out, "quantize --target portable: weighted"));
  CHECK(contains(runCompress({"ops", "Einsum"}).out, "quantize: stays float"));
  const ProcessResult unknown = runCompress({"ops", "Convv"});
  CHECK(unknown.exitCode == 2);
  CHECK(contains(unknown.err, "near: Conv"));
}

TEST_CASE("operators that ops calls fast do not run on the reference", "[tools]") {
  const auto backend = compress::makeCpuBackend();
  const std::set<std::string> fast = compress::fastOperators();
  const auto kernelOf = [&](const std::string& op) {
    const compress::Model model = buildModel("input x: float32[1, 4, 8, 8]\ny = " + op + "(x)\noutput y\n");
    compress::Session session(model, *backend);
    return session.plan(randomInputs(model, 1)).steps().at(0).kernel;
  };
  for (const char* op :
       {"Relu", "Sigmoid", "Tanh", "HardSwish", "Mish",      "Softplus",    "Exp",  "Sqrt",    "Abs",
        "Neg",  "Floor",   "Erf",  "Elu",       "LeakyRelu", "HardSigmoid", "Gelu", "Softmax", "GlobalAveragePool",
        "Sin",  "Cos",     "Sign", "Selu",      "Softsign",  "IsNaN"}) {
    CAPTURE(op);
    CHECK((kernelOf(op) != "ref") == fast.contains(op));
  }
}

TEST_CASE("passes lists the catalog and tells of one", "[e2e]") {
  const ProcessResult table = runCompress({"passes"});
  CHECK(table.exitCode == 0);
  CHECK(contains(table.out, "fold-batch-norm"));
  const Json document = Json::parse(runCompress({"passes", "--json"}).out);
  CHECK(document["catalog"].size() >= 10);
  CHECK(document["catalog"][0]["lossless"] == true);
  CHECK(contains(runCompress({"passes", "fold-batch-norm"}).out, "lossless"));
  const ProcessResult quantize = runCompress({"passes", "quantize"});
  CHECK(contains(quantize.out, "lossy"));
  CHECK(contains(quantize.out, "--calib-table"));
  const ProcessResult unknown = runCompress({"passes", "fold-batchnorm"});
  CHECK(unknown.exitCode == 2);
  CHECK(contains(unknown.err, "near: fold-batch-norm"));
}

TEST_CASE("doctor tells what the machine gives", "[e2e]") {
  const ProcessResult result = runCompress({"doctor", "--json"});
  REQUIRE(result.exitCode == 0);
  const Json doctor = Json::parse(result.out)["doctor"];
  CHECK(doctor["processor"]["usable_threads"] >= 1);
  CHECK(doctor["memory"]["total_bytes"] > 0);
  CHECK(doctor["build"]["backends"] == Json::array({"reference", "cpu"}));
  CHECK(contains(runCompress({"doctor"}).out, "usable_threads"));
}

TEST_CASE("completion scripts hold every verb, option and choice", "[e2e]") {
  for (const char* shell : {"bash", "zsh", "fish"}) {
    CAPTURE(shell);
    const ProcessResult result = runCompress({"completion", shell});
    REQUIRE(result.exitCode == 0);
    for (const char* word : {"quantize", "calib-samples", "portable ort-x86", "no-bench", "per-tensor"})
      CHECK(contains(result.out, word));
    checkSyntax(shell, result.out);
  }
  const ProcessResult other = runCompress({"completion", "tcsh"});
  CHECK(other.exitCode == 2);
  CHECK(contains(other.err, "expected one of bash, zsh, fish"));
}

TEST_CASE("bash completes verbs, options and choices", "[e2e]") {
  const TemporaryDirectory folder;
  const std::string file = folder.path() / "script", out = folder.path() / "out";
  writeBytes(file, runCompress({"completion", "bash"}).out);
  const auto completed = [&](const std::string& words, int at) {
    const std::string command = "bash -c 'source " + file + "; COMP_WORDS=(" + words +
                                "); COMP_CWORD=" + std::to_string(at) + "; _compress; echo \"${COMPREPLY[*]}\"' > " +
                                out;
    CHECK(system(command.c_str()) == 0);
    std::ifstream answer(out);
    std::string line;
    std::getline(answer, line);
    return line;
  };
  CHECK(completed("compress quant", 1) == "quantize");
  CHECK(completed("compress run --rto", 2) == "--rtol");
  CHECK(completed("compress quantize --target p", 3) == "portable");
  CHECK(contains(completed("compress help ev", 2), "eval"));
}
