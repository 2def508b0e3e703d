#include "tests/support/golden.h"

#include <cstdlib>
#include <fstream>
#include <iterator>

#include "tests/support/paths.h"

namespace compress::test {

GoldenPair againstGolden(const std::string& name, const std::string& found) {
  const auto path = sourceDirectory() / "tests/golden" / name;
  if (std::getenv("COMPRESS_UPDATE") != nullptr) std::ofstream(path) << found;
  std::ifstream stream(path);
  return {found, std::string(std::istreambuf_iterator<char>(stream), {})};
}

}  // namespace compress::test
