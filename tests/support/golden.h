// Texts that a test compares with a file of tests/golden; with COMPRESS_UPDATE=1 the file is rewritten, and the diff is
// what is reviewed.
#pragma once
#include <string>

namespace compress::test {

/// A text, and what tests/golden holds of it: to be compared by the test.
struct GoldenPair {
  std::string found, expected;
};
GoldenPair againstGolden(const std::string& name, const std::string& found);

}  // namespace compress::test
