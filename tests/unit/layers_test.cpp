// Arrows between folders point one way: reads every #include and compares it with the table of docs/architecture.md.
#include <catch2/catch.hpp>

#include <algorithm>
#include <fstream>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "lib/base/text.h"
#include "tests/support/paths.h"

using namespace compress;

namespace {

/// What a folder may include directly; what those see in turn is allowed too.
const std::map<std::string, std::vector<std::string>> kMaySee = {
    {"lib/base", {}},
    {"lib/ir", {"lib/base"}},
    {"lib/onnx", {"lib/ir"}},
    {"lib/ops", {"lib/ir"}},
    {"lib/runtime", {"lib/ops"}},
    {"lib/parallel", {"lib/base"}},
    {"lib/train", {"lib/runtime", "lib/parallel"}},
    {"lib/eval", {"lib/runtime", "lib/parallel"}},
    {"lib/pass", {"lib/eval", "lib/train"}},
    {"passes", {"lib/pass"}},
    {"cuda", {"lib/runtime"}},
    {"tools", {"passes", "lib/onnx"}},
};

/// Headers of packages (by prefix) and the one place that may include them.
const std::vector<std::pair<std::string, std::string>> kOwnedPackages = {{"onnx/", "lib/onnx/"},
                                                                         {"google/protobuf", "lib/onnx/"},
                                                                         {"dnnl", "lib/runtime/cpu/"},
                                                                         {"oneapi/dnnl", "lib/runtime/cpu/"},
                                                                         {"CLI/", "tools/main.cpp"}};

/// "lib/ir/graph.h" -> "lib/ir", "tools/run.cpp" -> "tools"; empty outside the table.
std::string folderOf(const std::string& path) {
  for (const auto& [folder, unused] : kMaySee)
    if (path.starts_with(folder + "/")) return folder;
  return {};
}

std::set<std::string> visibleFrom(const std::string& folder) {
  std::set<std::string> seen = {folder};
  std::vector<std::string> pending = {folder};
  while (!pending.empty()) {
    const std::string at = pending.back();
    pending.pop_back();
    for (const std::string& next : kMaySee.at(at))
      if (seen.insert(next).second) pending.push_back(next);
  }
  return seen;
}

/// The path of an #include line, without quotes or brackets; empty for other lines.
std::string includedPath(const std::string& line) {
  const size_t hash = line.find_first_not_of(" \t");
  if (hash == std::string::npos || line[hash] != '#') return {};
  const size_t word = line.find_first_not_of(" \t", hash + 1);
  if (word == std::string::npos || line.compare(word, 7, "include") != 0) return {};
  const size_t open = line.find_first_of("\"<", word);
  const size_t close = open == std::string::npos ? open : line.find_first_of("\">", open + 1);
  return close == std::string::npos ? std::string() : line.substr(open + 1, close - open - 1);
}

std::string findFault(const std::string& file, const std::string& included) {
  const std::string from = folderOf(file);
  const std::string to = folderOf(included);
  if (included.starts_with("tests/")) return text(file, " includes ", included, ": only tests may");
  if (!to.empty() && !visibleFrom(from).contains(to))
    return text(file, " includes ", included, ": ", from, " may not see ", to);
  for (const auto& [prefix, owner] : kOwnedPackages)
    if (included.starts_with(prefix) && !file.starts_with(owner))
      return text(file, " includes <", included, ">: only ", owner, " may");
  return {};
}

bool isSource(const std::filesystem::path& path) {
  return path.extension() == ".h" || path.extension() == ".cpp" || path.extension() == ".cu" ||
         path.extension() == ".cuh";
}

struct Findings {
  std::vector<std::string> faults;
  int includes = 0;
};

Findings readTree(const std::filesystem::path& root) {
  Findings findings;
  for (const std::string top : {"lib", "passes", "tools", "cuda"}) {
    if (!std::filesystem::exists(root / top)) continue;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(root / top)) {
      if (!entry.is_regular_file() || !isSource(entry.path())) continue;
      const std::string file = entry.path().lexically_relative(root).generic_string();
      if (folderOf(file).empty()) findings.faults.push_back(text(file, " lies in no folder of the table"));
      std::ifstream stream(entry.path());
      for (std::string line; !folderOf(file).empty() && std::getline(stream, line);) {
        const std::string included = includedPath(line);
        if (included.empty()) continue;
        ++findings.includes;
        if (const std::string fault = findFault(file, included); !fault.empty()) findings.faults.push_back(fault);
      }
    }
  }
  std::ranges::sort(findings.faults);
  return findings;
}

void writeSource(const std::filesystem::path& path, const std::string& content) {
  std::filesystem::create_directories(path.parent_path());
  std::ofstream(path) << content;
}

}  // namespace

TEST_CASE("folders include only what lies below them", "[layers]") {
  const Findings found = readTree(test::sourceDirectory());
  CHECK(found.includes > 100);
  CHECK(join(found.faults, "\n") == "");
}

TEST_CASE("a wrong arrow is found", "[layers]") {
  const test::TemporaryDirectory tree;
  writeSource(tree.path() / "lib/ir/a.h", "#include \"lib/base/text.h\"\n");
  writeSource(tree.path() / "lib/ir/b.cpp", "#include <vector>\n#include \"lib/ops/op.h\"\n");
  writeSource(tree.path() / "passes/c.cpp", "  #  include \"lib/onnx/read.h\"\n");
  writeSource(tree.path() / "lib/runtime/plan/d.cpp", "#include <dnnl.hpp>\n");
  writeSource(tree.path() / "lib/runtime/cpu/e.cpp", "#include <dnnl.hpp>\n");
  writeSource(tree.path() / "tools/run.cpp", "#include <CLI/CLI.hpp>\n");
  writeSource(tree.path() / "tools/main.cpp", "#include <CLI/CLI.hpp>\n#include \"lib/onnx/read.h\"\n");
  writeSource(tree.path() / "tools/f.cpp", "#include <onnx/onnx_pb.h>\n");
  writeSource(tree.path() / "lib/eval/g.cpp", "#include \"tests/support/paths.h\"\n#include \"lib/pass/pass.h\"\n");
  writeSource(tree.path() / "lib/new/h.cpp", "");
  CHECK(readTree(tree.path()).faults ==
        std::vector<std::string>{"lib/eval/g.cpp includes lib/pass/pass.h: lib/eval may not see lib/pass",
                                 "lib/eval/g.cpp includes tests/support/paths.h: only tests may",
                                 "lib/ir/b.cpp includes lib/ops/op.h: lib/ir may not see lib/ops",
                                 "lib/new/h.cpp lies in no folder of the table",
                                 "lib/runtime/plan/d.cpp includes <dnnl.hpp>: only lib/runtime/cpu/ may",
                                 "passes/c.cpp includes lib/onnx/read.h: passes may not see lib/onnx",
                                 "tools/f.cpp includes <onnx/onnx_pb.h>: only lib/onnx/ may",
                                 "tools/run.cpp includes <CLI/CLI.hpp>: only tools/main.cpp may"});
}
