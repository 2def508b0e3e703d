#include "tests/support/paths.h"

#include <cstdlib>
#include <stdexcept>
#include <string>

namespace compress::test {

std::filesystem::path sourceDirectory() {
  return COMPRESS_SOURCE_DIR;
}
std::filesystem::path binary() {
  return COMPRESS_BINARY;
}

std::optional<std::filesystem::path> faultLibrary() {
#ifdef COMPRESS_FAULT_LIBRARY
  return COMPRESS_FAULT_LIBRARY;
#else
  return std::nullopt;
#endif
}

namespace {

std::optional<std::filesystem::path> whenPresent(std::filesystem::path path) {
  if (!std::filesystem::is_directory(path)) return std::nullopt;
  return path;
}

}  // namespace

std::optional<std::filesystem::path> zoo() {
  const char* named = std::getenv("COMPRESS_ZOO");
  return whenPresent(named != nullptr ? std::filesystem::path(named) : sourceDirectory() / "../shared/zoo");
}

std::optional<std::filesystem::path> onnxTestData() {
  return whenPresent("/usr/lib/python3/dist-packages/onnx/backend/test/data");
}

TemporaryDirectory::TemporaryDirectory() {
  std::string name = (std::filesystem::temp_directory_path() / "compress-test-XXXXXX").string();
  if (mkdtemp(name.data()) == nullptr) throw std::runtime_error("cannot make a temporary folder");
  path_ = name;
}

TemporaryDirectory::~TemporaryDirectory() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

}  // namespace compress::test
