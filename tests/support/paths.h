// Where tests find files: the sources, the built binary, shipped models, and data sets that may be absent.
#pragma once
#include <filesystem>
#include <optional>

namespace compress::test {

std::filesystem::path sourceDirectory();
/// The built `compress`.
std::filesystem::path binary();
/// The library that injects faults; nothing in builds with sanitizers, which it cannot be loaded beside.
std::optional<std::filesystem::path> faultLibrary();
/// The folder of development models named by COMPRESS_ZOO (default: ../shared/zoo beside the sources); nothing when
/// absent. A test that needs it says WARN("skipped: ...") and returns.
std::optional<std::filesystem::path> zoo();
/// Debian's libonnx-testdata, the folder that holds node/, simple/, ...; nothing when absent.
std::optional<std::filesystem::path> onnxTestData();

/// A fresh folder, removed with the object.
class TemporaryDirectory {
 public:
  TemporaryDirectory();
  ~TemporaryDirectory();
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

}  // namespace compress::test
