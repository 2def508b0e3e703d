#include "tests/support/conformance.h"

#include <algorithm>
#include <fstream>
#include <sstream>

#include "lib/base/error.h"
#include "lib/base/text.h"
#include "lib/eval/drift.h"
#include "lib/onnx/read.h"
#include "lib/runtime/session.h"

namespace compress::test {
namespace {

namespace fs = std::filesystem;

/// input_0.pb, input_1.pb, ... as far as they go.
std::vector<Tensor> readNumbered(const fs::path& folder, const std::string& stem) {
  std::vector<Tensor> tensors;
  for (int i = 0; fs::exists(folder / text(stem, "_", i, ".pb")); ++i)
    tensors.push_back(readTensorProto(folder / text(stem, "_", i, ".pb")));
  return tensors;
}

/// Two units in the last place of half floats, on which intermediate rounding has a say; 1e-3 for wider ones.
double relativeTolerance(DType dtype) {
  return dtype == DType::bf16 ? 0x1p-6 : dtype == DType::f16 ? 0x1p-9 : 1e-3;
}

/// What differs between the outputs of one data set; empty when nothing does.
std::string difference(std::span<const Tensor> expected, std::vector<Buffer>& found) {
  if (expected.size() != found.size()) return text(found.size(), " outputs, expected ", expected.size());
  for (size_t i = 0; i < expected.size(); ++i) {
    const Tensor output = found[i].snapshot();
    if (output.dtype() != expected[i].dtype() || output.shape() != expected[i].shape())
      return text("output ", i, " is ", nameOf(output.dtype()), print(output.shape()), ", expected ",
                  nameOf(expected[i].dtype()), print(expected[i].shape()));
    const bool isExact = !isFloating(output.dtype()) || bitsOf(output.dtype()) < 16;
    const int64_t wrong = isExact ? (equal(output, expected[i]) ? 0 : 1)
                                  : countMismatches(expected[i], output, relativeTolerance(output.dtype()), 1e-5);
    if (wrong > 0) return text("output ", i, ": ", wrong, " elements differ");
  }
  return {};
}

Conformance attempt(const fs::path& folder, Backend& backend) {
  const Model model = readModel(folder / "model.onnx").model;
  Session session(model, backend);
  std::vector<fs::path> sets;
  for (const auto& entry : fs::directory_iterator(folder))
    if (entry.path().filename().string().starts_with("test_data_set_")) sets.push_back(entry.path());
  std::ranges::sort(sets);
  for (const fs::path& set : sets) {
    Bindings bindings;
    bindings.inputs = readNumbered(set, "input");
    session.run(bindings);
    if (const std::string reason = difference(readNumbered(set, "output"), bindings.outputs); !reason.empty())
      return {"failed", reason};
  }
  return {"passed", {}};
}

}  // namespace

Conformance runConformance(const fs::path& folder, Backend& backend) {
  try {
    return attempt(folder, backend);
  } catch (const Error& error) {
    return {error.kind() == ErrorKind::unsupported ? "unsupported" : "failed", error.message()};
  } catch (const std::exception& error) {
    return {"failed", error.what()};
  }
}

std::vector<std::string> conformanceTests(const fs::path& root) {
  std::vector<std::string> names;
  for (const auto& entry : fs::recursive_directory_iterator(root))
    if (entry.path().filename() == "model.onnx" && fs::is_directory(entry.path().parent_path() / "test_data_set_0"))
      names.push_back(fs::relative(entry.path().parent_path(), root).string());
  std::ranges::sort(names);
  return names;
}

ConformanceTable readConformanceTable(const fs::path& path) {
  ConformanceTable table;
  std::ifstream in(path);
  for (std::string line; std::getline(in, line);) {
    std::istringstream words(line);
    std::string name;
    ConformanceRow row;
    words >> name >> row.reference >> row.cpu >> std::ws;
    std::getline(words, row.reason);
    table[name] = row;
  }
  return table;
}

void writeConformanceTable(const fs::path& path, const ConformanceTable& table) {
  std::ofstream out(path);
  for (const auto& [name, row] : table)
    out << name << ' ' << row.reference << ' ' << row.cpu << (row.reason.empty() ? "" : " ") << row.reason << '\n';
}

ConformanceTable runSuite(const fs::path& root) {
  const auto reference = makeReferenceBackend(), cpu = makeCpuBackend();
  ConformanceTable table;
  for (const std::string& name : conformanceTests(root)) {
    const Conformance plain = runConformance(root / name, *reference), fast = runConformance(root / name, *cpu);
    std::string reason = plain.reason.empty() ? fast.reason : plain.reason;
    if (const size_t path = reason.find(root.string()); path != reason.npos)
      reason.erase(path, (root / name).string().size() + 1);
    table[name] = {plain.outcome, fast.outcome, reason};
  }
  return table;
}

}  // namespace compress::test
