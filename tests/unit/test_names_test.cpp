// ctest calls each test by its name: a name that CMake or Catch reads otherwise would run nothing, and pass.
#include <catch2/catch.hpp>

#include <fstream>
#include <regex>
#include <sstream>
#include <string>
#include <vector>

#include "tests/support/paths.h"

using namespace compress;

namespace {

std::vector<std::string> testNames(const std::string& source) {
  static const std::regex kTestCase(R"__(\n(?:TEST_CASE|SCENARIO)\(\s*"((?:[^"\\]|\\.)*)")__");
  std::vector<std::string> names;
  for (std::sregex_iterator at(source.begin(), source.end(), kTestCase), end; at != end; ++at)
    names.push_back((*at)[1].str());
  return names;
}

/// A leading dash is an option to Catch; a semicolon ends an element of a list of CMake.
bool isSafe(const std::string& name) {
  return !name.empty() && name.front() != '-' && name.find(';') == std::string::npos;
}

}  // namespace

TEST_CASE("a name that would run nothing is found", "[layers]") {
  const std::string keyword = "\nTEST_CASE";
  const auto names = testNames(keyword + "(\"--force does\") {" + keyword + "(\n    \"one; two\", \"[x]\") {" + keyword + "(\"plain\") {");
  REQUIRE(names == std::vector<std::string>{"--force does", "one; two", "plain"});
  CHECK_FALSE(isSafe(names[0]));
  CHECK_FALSE(isSafe(names[1]));
  CHECK(isSafe(names[2]));
}

TEST_CASE("ctest can call every test by its name", "[layers]") {
  size_t count = 0;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(test::sourceDirectory() / "tests")) {
    if (entry.path().extension() != ".cpp") continue;
    std::ostringstream source;
    source << std::ifstream(entry.path()).rdbuf();
    for (const std::string& name : testNames(source.str())) {
      INFO(entry.path().filename() << ": " << name);
      CHECK(isSafe(name));
      ++count;
    }
  }
  CHECK(count > 100);
}
