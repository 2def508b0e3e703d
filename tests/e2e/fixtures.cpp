#include "tests/e2e/fixtures.h"

#include <algorithm>
#include <fstream>
#include <iterator>

#include "lib/base/random.h"
#include "lib/base/text.h"
#include "tests/support/npy.h"

namespace compress::test {

std::filesystem::path shippedModel() {
  return sourceDirectory() / "models/fashion_resnet8.onnx";
}

Workplace::Workplace(int imageCount) {
  std::filesystem::copy_file(shippedModel(), model());
  Random random(1, "images");
  std::vector<uint8_t> pixels;
  std::vector<int64_t> labels;
  for (int i = 0; i < imageCount * 28 * 28; ++i) pixels.push_back(static_cast<uint8_t>(random.below(256)));
  for (int i = 0; i < imageCount; ++i) labels.push_back(random.below(10));
  writeBytes(path("images.npy"), npyBytes("|u1", text("(", imageCount, ", 28, 28)"), bytesOfValues(pixels)));
  writeBytes(path("labels.npy"), npyBytes("<i8", text("(", imageCount, ",)"), bytesOfValues(labels)));
}

std::string Workplace::content(const std::string& name) const {
  std::ifstream file(path(name), std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

std::vector<std::string> Workplace::files() const {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(folder_.path()))
    names.push_back(entry.path().filename());
  std::ranges::sort(names);
  return names;
}

Words onImages(const Workplace& place, std::string_view verb, const Words& more) {
  return joined(joined({std::string(verb), "--no-bench", "--calib", place.path("images.npy")}, more), {place.model()});
}

}  // namespace compress::test
