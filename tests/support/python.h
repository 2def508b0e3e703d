// Comparisons with other tools, written in Python: run where an interpreter with onnx and onnxruntime is named.
#pragma once
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace compress::test {

/// The interpreter that COMPRESS_TEST_PYTHON names; nothing when it is not set. A test that needs it says
/// WARN("skipped: ...") and returns.
std::optional<std::filesystem::path> python();

struct ScriptResult {
  int exitCode;
  std::string output;  ///< stdout and stderr together
};

/// Runs tests/interop/`script` with `arguments`, as words, under python().
ScriptResult runScript(const std::string& script, const std::vector<std::string>& arguments);

}  // namespace compress::test
