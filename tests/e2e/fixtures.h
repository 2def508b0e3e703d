// What the end-to-end tests run on: the shipped model in a folder of its own, with images drawn at random.
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "tests/support/paths.h"
#include "tests/support/process.h"

namespace compress::test {

/// A folder with m.onnx (the shipped residual CNN), images.npy (uint8 [count, 28, 28]) and labels.npy (int64 [count]).
class Workplace {
 public:
  explicit Workplace(int imageCount = 16);
  std::string path(const std::string& name) const { return (folder_.path() / name).string(); }
  std::string model() const { return path("m.onnx"); }
  bool has(const std::string& name) const { return std::filesystem::exists(path(name)); }
  std::string content(const std::string& name) const;
  /// Files in the folder, sorted.
  std::vector<std::string> files() const;

 private:
  TemporaryDirectory folder_;
};

std::filesystem::path shippedModel();

/// Words of a command line.
using Words = std::vector<std::string>;

inline Words joined(Words a, const Words& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

inline bool contains(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

/// VERB on the images of `place` as calibration samples, without timing.
Words onImages(const Workplace& place, std::string_view verb, const Words& more);

}  // namespace compress::test
