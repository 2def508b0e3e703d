// Whatever happens while a file is written, the target is what it was, complete and new, or absent: the process is
// killed before each system call that opens or changes something in the output's folder, and each such call fails in
// the ways that it can fail.
#include <catch2/catch.hpp>
#include <cerrno>
#include <map>
#include <sstream>

#include "lib/base/file.h"
#include "lib/onnx/write.h"
#include "tests/e2e/fixtures.h"
#include "tests/support/build.h"
#include "tests/support/npy.h"

using namespace compress;
using namespace compress::test;

namespace {

constexpr std::string_view kModel = R"(
input x: float32[1, 4]
const w: float32[4, 300]
const v: float32[300, 300]
a = Identity(x)
h = MatMul(a, w)
y = MatMul(h, v)
output y
)";

/// One command that writes into `folder`, which is rebuilt for each run.
struct Scenario {
  std::string name;
  std::vector<std::string> arguments;                           ///< IN and OUT stand for the folders
  std::map<std::string, std::vector<std::string>> before = {};  ///< file in OUT: command that makes it
};

const std::vector<Scenario>& scenarios() {
  static const std::vector<std::string> kOld = {"optimize",  "--skip", "remove-no-ops", "--keep-larger",
                                                "IN/m.onnx", "-o",     "OUT/m.onnx"};
  static const std::vector<std::string> kOldExternal = {"optimize",        "--skip", "remove-no-ops", "--keep-larger",
                                                        "--external-data", "always", "IN/m.onnx",     "-o",
                                                        "OUT/m.onnx"};
  static const std::vector<std::string> kOldTable = {"calibrate", "--calib", "IN/x.npy[:2]",
                                                     "IN/m.onnx", "-o",      "OUT/t.json"};
  static const std::vector<Scenario> kScenarios = {
      {"a new model", {"optimize", "IN/m.onnx", "-o", "OUT/m.onnx"}},
      {"a model over an old one", {"optimize", "--force", "IN/m.onnx", "-o", "OUT/m.onnx"}, {{"m.onnx", kOld}}},
      {"a model in place", {"optimize", "--in-place", "OUT/m.onnx"}, {{"m.onnx", kOld}}},
      {"external data", {"optimize", "--external-data", "always", "--keep-larger", "IN/m.onnx", "-o", "OUT/m.onnx"}},
      {"external data over old ones",
       {"optimize", "--external-data", "always", "--keep-larger", "--force", "IN/n.onnx", "-o", "OUT/m.onnx"},
       {{"m.onnx", kOldExternal}}},
      {"a report", {"inspect", "--report", "OUT/r.md", "IN/m.onnx"}},
      {"a calibration table",
       {"calibrate", "--force", "--calib", "IN/x.npy", "IN/m.onnx", "-o", "OUT/t.json"},
       {{"t.json", kOldTable}}},
  };
  return kScenarios;
}

class Stage {
 public:
  explicit Stage(const Scenario& scenario) : scenario_(scenario) {
    std::filesystem::create_directory(in());
    Model model = buildModel(kModel);
    writeModel(model, in() / "m.onnx");
    model.graph.setConstant(model.graph.findValue("w"), buildTensor(DType::f32, {4, 300}, "fill(0.5)"));
    writeModel(model, in() / "n.onnx");
    writeBytes(in() / "x.npy", npyBytes("<f4", "(4, 4)", std::string(64, '\1')));
    reset();
    old_ = contents(out());
    input_ = contents(in());
    const ProcessResult clean = run({{"FAULT_LOG", (folder_.path() / "log").string()}});
    REQUIRE(clean.exitCode == 0);
    new_ = contents(out());
    REQUIRE(new_ != old_);
    std::istringstream log(contents(folder_.path()).at("log"));
    for (std::string call; std::getline(log, call);) calls_.push_back(call);
  }

  /// Names of the calls of a run in which nothing fails.
  const std::vector<std::string>& calls() const { return calls_; }

  /// The output's folder as it is before the command.
  void reset() const {
    std::filesystem::remove_all(out());
    std::filesystem::create_directory(out());
    for (const auto& [name, command] : scenario_.before) REQUIRE(runCompress(placed(command)).exitCode == 0);
  }

  ProcessResult fail(size_t at, const std::string& action, bool forever) const {
    std::map<std::string, std::string> environment = {{"FAULT_AT", std::to_string(at)}, {"FAULT_ACTION", action}};
    if (forever) environment["FAULT_FOREVER"] = "1";
    return run(environment);
  }

  void requireInputUntouched() const { CHECK(contents(in()) == input_); }
  /// Every named file is the old one, the new one or absent, and what the named model refers to is there.
  void requireWhole(bool mayLeaveTemporaries) const {
    for (const auto& [name, content] : contents(out())) {
      CAPTURE(name);
      if (name.ends_with(".tmp")) {
        CHECK(mayLeaveTemporaries);
        continue;
      }
      const bool isOld = old_.contains(name) && old_.at(name) == content;
      const bool isNew = new_.contains(name) && new_.at(name) == content;
      CHECK((isOld || isNew));
    }
    if (std::filesystem::exists(out() / "m.onnx"))
      CHECK(runCompress({"check", "--deep", (out() / "m.onnx").string()}).exitCode == 0);
    for (const auto& [name, content] : scenario_.before) CHECK(std::filesystem::exists(out() / name));
  }
  bool isOld() const { return contents(out()) == old_; }
  bool isNew() const { return contents(out()) == new_; }
  /// The same command again, from the state that there is.
  ProcessResult rerun() const {
    std::vector<std::string> arguments = placed(scenario_.arguments);
    arguments.insert(arguments.begin() + 1, "--force");
    return runCompress(arguments);
  }

 private:
  std::filesystem::path in() const { return folder_.path() / "in"; }
  std::filesystem::path out() const { return folder_.path() / "out"; }

  std::vector<std::string> placed(std::vector<std::string> words) const {
    for (std::string& word : words) {
      if (word.starts_with("IN/")) word = in() / word.substr(3);
      if (word.starts_with("OUT/")) word = out() / word.substr(4);
    }
    return words;
  }

  ProcessResult run(std::map<std::string, std::string> environment) const {
    environment["LD_PRELOAD"] = faultLibrary()->string();
    environment["FAULT_FOLDER"] = out().string();
    ProcessOptions options;
    options.environment = std::move(environment);
    return runCompress(placed(scenario_.arguments), options);
  }

  static std::map<std::string, std::string> contents(const std::filesystem::path& folder) {
    std::map<std::string, std::string> files;
    for (const auto& entry : std::filesystem::directory_iterator(folder))
      if (entry.is_regular_file()) files[entry.path().filename()] = readFile(entry.path());
    return files;
  }

  const Scenario& scenario_;
  TemporaryDirectory folder_;
  std::map<std::string, std::string> old_, new_, input_;
  std::vector<std::string> calls_;
};

/// In which ways each call can fail.
std::vector<int> errorsOf(const std::string& call) {
  if (call == "open") return {ENOSPC, EIO, EMFILE, EROFS, EINTR};
  if (call == "write") return {ENOSPC, EIO, EDQUOT, EINTR};
  if (call == "fsync") return {ENOSPC, EIO, EINTR};
  if (call == "rename" || call == "renameat2" || call == "link") return {ENOSPC, EIO, EROFS};
  if (call == "fchmod" || call == "close") return {EIO, EINTR};
  return {EIO};
}

void walkKills(const Scenario& scenario, size_t step) {
  const Stage stage(scenario);
  for (size_t at = 1; at <= stage.calls().size(); at += step) {
    CAPTURE(scenario.name, at, stage.calls()[at - 1]);
    stage.reset();
    CHECK(stage.fail(at, "kill", false).exitCode == 137);
    stage.requireInputUntouched();
    stage.requireWhole(true);
    CHECK(stage.rerun().exitCode == 0);
    CHECK(stage.isNew());
  }
}

void walkErrors(const Scenario& scenario, size_t step, bool forever) {
  const Stage stage(scenario);
  size_t turn = 0;
  for (size_t at = 1; at <= stage.calls().size(); ++at)
    for (const int code : errorsOf(stage.calls()[at - 1])) {
      if (turn++ % step != 0 || (forever && code == EINTR)) continue;
      CAPTURE(scenario.name, at, stage.calls()[at - 1], code);
      stage.reset();
      const ProcessResult result = stage.fail(at, std::to_string(code), forever);
      CAPTURE(result.err);
      stage.requireInputUntouched();
      stage.requireWhole(false);
      CHECK((result.exitCode == 0 || result.exitCode == 5));
      if (result.exitCode == 0) CHECK(stage.isNew());
      if (result.exitCode == 5) CHECK(contains(result.err, "/out"));
      if (code == EINTR) CHECK(result.exitCode == 0);
    }
}

bool canInject() {
  if (!faultLibrary()) WARN("skipped: faults cannot be injected beside the sanitizers");
  return faultLibrary().has_value();
}

}  // namespace

TEST_CASE("killed before a call, a command leaves the old output or the new", "[e2e][crash]") {
  if (!canInject()) return;
  for (const Scenario& scenario : scenarios()) walkKills(scenario, 5);
}

TEST_CASE("a call that fails leaves the old output or the new, and no temporary", "[e2e][crash]") {
  if (!canInject()) return;
  for (const Scenario& scenario : scenarios()) walkErrors(scenario, 17, false);
}

TEST_CASE("a write that takes half is continued", "[e2e][crash]") {
  if (!canInject()) return;
  const Stage stage(scenarios()[3]);
  for (size_t at = 1; at <= stage.calls().size(); ++at) {
    if (stage.calls()[at - 1] != "write") continue;
    stage.reset();
    CHECK(stage.fail(at, "short", false).exitCode == 0);
    CHECK(stage.isNew());
  }
}

TEST_CASE("a file system without a rename that keeps what exists gets a hard link", "[e2e][crash]") {
  if (!canInject()) return;
  const Stage stage(scenarios()[0]);
  const auto rename = std::ranges::find(stage.calls(), "renameat2");
  REQUIRE(rename != stage.calls().end());
  stage.reset();
  CHECK(stage.fail(static_cast<size_t>(rename - stage.calls().begin()) + 1, std::to_string(EINVAL), false).exitCode ==
        0);
  CHECK(stage.isNew());
}

TEST_CASE("killed before every call of every kind of output", "[e2e][crash][slow]") {
  if (!canInject()) return;
  for (const Scenario& scenario : scenarios()) walkKills(scenario, 1);
}

TEST_CASE("every call of every kind of output fails in every way, once and for good", "[e2e][crash][slow]") {
  if (!canInject()) return;
  for (const Scenario& scenario : scenarios())
    for (const bool forever : {false, true}) walkErrors(scenario, 1, forever);
}
