// What each pass makes of small graphs: tests/golden/passes/NAME.txt holds, for pass NAME, cases of text in and text
// out. With COMPRESS_UPDATE=1 the outs are rewritten, and the diff is what is reviewed. Every case is checked for sound
// structure and equal outputs too.
#include <catch2/catch.hpp>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <set>
#include <sstream>

#include "lib/base/text.h"
#include "lib/ir/print.h"
#include "lib/ir/verify.h"
#include "tests/support/build.h"
#include "tests/support/passes.h"
#include "tests/support/paths.h"

using namespace compress;

namespace {

struct Case {
  std::string title, before, after;
};

/// "=== title", lines of the model, "---", lines of the result.
std::vector<Case> readCases(const std::filesystem::path& path) {
  std::ifstream stream(path);
  std::vector<Case> cases;
  bool isResult = false;
  for (std::string line; std::getline(stream, line);) {
    if (line.starts_with("=== ")) {
      cases.push_back({line.substr(4), {}, {}});
      isResult = false;
    } else if (line == "---") {
      isResult = true;
    } else if (!cases.empty()) {
      (isResult ? cases.back().after : cases.back().before) += line + "\n";
    }
  }
  return cases;
}

void writeCases(const std::filesystem::path& path, const std::vector<Case>& cases) {
  std::ofstream stream(path);
  for (const Case& each : cases) stream << "=== " << each.title << "\n" << each.before << "---\n" << each.after;
}

std::string showConstants(const Graph& graph) {
  std::string out;
  for (const ValueId id : graph.values()) {
    const Tensor* tensor = graph.constant(id);
    if (tensor == nullptr) continue;
    out += text("const ", graph.value(id).name, ": ", nameOf(tensor->dtype()), print(tensor->shape()));
    if (tensor->elementCount() <= 8)
      for (const double value : toDoubles(*tensor))
        out += text(value == toDoubles(*tensor)[0] && out.back() == ']' ? " = " : ", ", static_cast<float>(value));
    out += "\n";
  }
  return out;
}

/// The result as it stands in the file.
std::string describe(const test::PassResult& result, const Model& model, bool withNames) {
  std::string out = text("changes ", result.changes, "\n");
  for (const Skipped& skipped : result.skipped)
    out += text("skipped ", skipped.node, " (", skipped.op, "): ", skipped.reason, "\n");
  out += showConstants(model.graph) + print(model.graph);
  if (withNames)
    for (const NodeId id : model.graph.order()) out += text("node '", model.graph.node(id).name, "'\n");
  return out;
}

}  // namespace

TEST_CASE("passes turn small graphs into what their golden files say", "[golden][passes]") {
  const auto folder = test::sourceDirectory() / "tests/golden/passes";
  const bool update = std::getenv("COMPRESS_UPDATE") != nullptr;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    const std::string name = entry.path().stem().string();
    const PassSpec& spec = test::findPass(name);
    std::vector<Case> cases = readCases(entry.path());
    for (Case& each : cases) {
      CAPTURE(name, each.title);
      Model model = test::buildModel(each.before);
      const Model before = model;
      const test::PassResult result = test::runPass(spec, model);
      REQUIRE_NOTHROW(verify(model));
      CHECK((result.changes == 0) == (print(before) == print(model)));
      CHECK(test::Expectation(before, 1).differenceTo(model) < 1e-5);  // double sums, one rounding per weight
      if (const std::string found = describe(result, model, name == "name-nodes"); update)
        each.after = found;
      else
        CHECK(found == each.after);
    }
    if (update) writeCases(entry.path(), cases);
  }
}

TEST_CASE("every lossless pass has a golden file", "[golden][passes]") {
  for (const PassSpec& spec : allPasses()) {
    CAPTURE(spec.name);
    const auto path = test::sourceDirectory() / "tests/golden/passes" / text(spec.name, ".txt");
    if (spec.lossless) CHECK(readCases(path).size() >= 2);
  }
}
