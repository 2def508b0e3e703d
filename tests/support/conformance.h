// ONNX's own backend tests: a model, inputs, expected outputs.
#pragma once
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "lib/runtime/backend.h"

namespace compress::test {

/// Result of one backend test: "passed", "failed" or "unsupported", and why it is not the first.
struct Conformance {
  std::string outcome;
  std::string reason;
};

/// How far results may be off: half floats always by two units in the last place.
struct Tolerance {
  double relative = 1e-3;
  double absolute = 1e-5;
  int64_t steps = 0;  ///< of 8-bit integers
};

/// Runs every test_data_set_* below `folder` on model.onnx there.
Conformance runConformance(const std::filesystem::path& folder, Backend& backend, const Tolerance& tolerance = {});

/// Folders of ONNX's tests with data, relative to `root`, sorted.
std::vector<std::string> conformanceTests(const std::filesystem::path& root);

/// What the committed table says of a test: its outcome on each backend, and why where not both are "passed".
struct ConformanceRow {
  std::string reference;
  std::string cpu;
  std::string reason;
};
using ConformanceTable = std::map<std::string, ConformanceRow>;

/// One test per line: "name reference-outcome cpu-outcome reason".
ConformanceTable readConformanceTable(const std::filesystem::path& path);
void writeConformanceTable(const std::filesystem::path& path, const ConformanceTable& table);

/// Runs all tests below `root` on both backends; the outcomes as the table would hold them.
ConformanceTable runSuite(const std::filesystem::path& root);

}  // namespace compress::test
