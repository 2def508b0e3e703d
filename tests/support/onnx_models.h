// The real models that reading and writing is tried on.
#pragma once
#include <filesystem>
#include <vector>

namespace compress::test {

/// Every .onnx file of Debian's libonnx-testdata and of the zoo, sorted; empty where neither is there.
std::vector<std::filesystem::path> realModels();

}  // namespace compress::test
