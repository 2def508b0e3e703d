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

/// Runs every test_data_set_* below `folder` on model.onnx there. Floats within 1e-3 relative and 1e-5 absolute, all
/// else exactly.
Conformance runConformance(const std::filesystem::path& folder, Backend& backend);

/// Folders of ONNX's tests with data, relative to `root`, sorted.
std::vector<std::string> conformanceTests(const std::filesystem::path& root);

/// The committed table of a backend: test -> outcome. One test per line, "name outcome".
std::map<std::string, std::string> readConformanceTable(const std::filesystem::path& path);
void writeConformanceTable(const std::filesystem::path& path, const std::map<std::string, std::string>& table);

}  // namespace compress::test
