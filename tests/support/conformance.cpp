#include "tests/support/conformance.h"

#include <algorithm>
#include <fstream>
#include <sstream>

#include "lib/base/error.h"
#include "lib/base/text.h"
#include "lib/eval/drift.h"
#include "lib/onnx/read.h"
#include "lib/runtime/session.h"
#include "tests/support/value_proto.h"

namespace compress::test {
namespace {

namespace fs = std::filesystem;

/// input_0.pb, input_1.pb, ... as far as they go.
std::vector<Tensor> readNumbered(const fs::path& folder, const std::string& stem, const std::vector<Type>& types) {
  std::vector<Tensor> values;
  for (size_t i = 0; fs::exists(folder / text(stem, "_", i, ".pb")); ++i)
    values.push_back(readValueProto(folder / text(stem, "_", i, ".pb"), i < types.size() ? types[i] : Type{}));
  return values;
}

/// Intermediate rounding has a say in half floats.
double relativeTolerance(DType dtype, const Tolerance& tolerance) {
  return dtype == DType::bf16 ? 0x1p-6 : dtype == DType::f16 ? 0x1p-9 : tolerance.relative;
}

int64_t mismatches(const Tensor& expected, const Tensor& found, const Tolerance& tolerance) {
  const DType dtype = found.dtype();
  if (isFloating(dtype) && bitsOf(dtype) >= 16)
    return countMismatches(expected, found, relativeTolerance(dtype, tolerance), tolerance.absolute);
  if (isInteger(dtype) && bitsOf(dtype) == 8)
    return std::ranges::count_if(toInts(found), [&, i = size_t{0}, wanted = toInts(expected)](int64_t value) mutable {
      return std::abs(value - wanted[i++]) > tolerance.steps;
    });
  return equal(found, expected) ? 0 : 1;
}

/// What differs between two values; empty when nothing does.
std::string difference(const Tensor& expected, const Tensor& found, const Tolerance& tolerance) {
  if (found.dtype() != expected.dtype() || found.shape() != expected.shape())
    return text("is ", nameOf(found.dtype()), print(found.shape()), ", expected ", nameOf(expected.dtype()),
                print(expected.shape()));
  if (!found.isList()) {
    const int64_t wrong = mismatches(expected, found, tolerance);
    return wrong > 0 ? text(wrong, " elements differ") : std::string();
  }
  for (size_t i = 0; i < found.elements().size(); ++i)
    if (const std::string inside = difference(expected.elements()[i], found.elements()[i], tolerance); !inside.empty())
      return text("element ", i, " ", inside);
  return {};
}

/// What differs between the outputs of one data set.
std::string difference(std::span<const Tensor> expected, std::vector<Buffer>& found, const Tolerance& tolerance) {
  if (expected.size() != found.size()) return text(found.size(), " outputs, expected ", expected.size());
  for (size_t i = 0; i < expected.size(); ++i)
    if (const std::string inside = difference(expected[i], found[i].snapshot(), tolerance); !inside.empty())
      return text("output ", i, " ", inside);
  return {};
}

Conformance attempt(const fs::path& folder, Backend& backend, const Tolerance& tolerance) {
  const Model model = readModel(folder / "model.onnx").model;
  Session session(model, backend);
  std::vector<Type> outputTypes;
  for (const ValueId id : model.graph.outputs()) outputTypes.push_back(model.graph.value(id).type);
  std::vector<fs::path> sets;
  for (const auto& entry : fs::directory_iterator(folder))
    if (entry.path().filename().string().starts_with("test_data_set_")) sets.push_back(entry.path());
  std::ranges::sort(sets);
  for (const fs::path& set : sets) {
    Bindings bindings;
    bindings.inputs = readNumbered(set, "input", session.inputTypes());
    session.run(bindings);
    if (const std::string reason = difference(readNumbered(set, "output", outputTypes), bindings.outputs, tolerance);
        !reason.empty())
      return {"failed", reason};
  }
  return {"passed", {}};
}

}  // namespace

Conformance runConformance(const fs::path& folder, Backend& backend, const Tolerance& tolerance) {
  try {
    return attempt(folder, backend, tolerance);
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
