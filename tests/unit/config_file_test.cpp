// Configuration files: TOML and JSON give the same tree with the lines of their keys; what is wrong is refused with its
// place.
#include "tools/config_file.h"

#include <catch2/catch.hpp>

#include "lib/base/text.h"
#include "tests/support/errors.h"

using namespace compress;
using compress::test::outcomeOf;

namespace {

/// "threads@2=4 quantize@3={calib@4="a" mean@5=[1 2.5]}"
std::string shown(const ConfigTable& table);

std::string shown(const ConfigValue& value) {
  if (value.isTable()) return "{" + shown(value.table()) + "}";
  if (const auto* items = std::get_if<ConfigList>(&value.data)) {
    std::vector<std::string> words;
    for (const ConfigValue& item : *items) words.push_back(shown(item));
    return "[" + join(words, " ") + "]";
  }
  if (const auto* word = std::get_if<std::string>(&value.data)) return '"' + *word + '"';
  if (const auto* integer = std::get_if<int64_t>(&value.data)) return text(*integer);
  if (const auto* real = std::get_if<double>(&value.data)) return text(*real);
  return text(std::get<bool>(value.data));
}

std::string shown(const ConfigTable& table) {
  std::vector<std::string> words;
  for (const auto& [key, value] : table) words.push_back(text(key, '@', value.line, '=', shown(value)));
  return join(words, " ");
}

std::string outcome(std::string_view content) {
  return outcomeOf([&] { return parseConfig(content, "ci.toml"); });
}

}  // namespace

TEST_CASE("TOML and JSON with the same keys give the same tree", "[tools]") {
  constexpr std::string_view kToml =
      "schema = 1\n\n[quantize]\nforce = true\ncalib = \"a.npz\"\nmean = [1, 2.5]\npass = [{verb = \"prune\"}]\n";
  constexpr std::string_view kJson =
      "{ \"schema\": 1,\n\n\"quantize\": {\n \"force\": true,\n \"calib\": \"a.npz\",\n\"mean\": [1, 2.5],\n\"pass\": "
      "[{\"verb\": \"prune\"}]}}\n";
  const std::string expected =
      "schema@1=1 quantize@3={force@4=true calib@5=\"a.npz\" mean@6=[1 2.5] pass@7=[{verb@7=\"prune\"}]}";
  CHECK(shown(parseConfig(kToml, "a")) == expected);
  CHECK(shown(parseConfig(kJson, "a")) == expected);
}

TEST_CASE("keys keep the order of the file", "[tools]") {
  CHECK(shown(parseConfig("b = 1\na = 2\nc = 3\n", "x")) == "b@1=1 a@2=2 c@3=3");
}

TEST_CASE("bad syntax is refused with file and line", "[tools]") {
  CHECK(outcome("schema = 1\nthreads = = 2\n").starts_with("2: ci.toml:2: "));
  CHECK(outcome("{\"schema\": 1,\n \"threads\": }").starts_with("2: ci.toml:2: no JSON: "));
  CHECK(outcome("{\"a\": 1} x").starts_with("2: ci.toml:1: no JSON: "));
}

TEST_CASE("a key that is there twice is refused with its line", "[tools]") {
  CHECK(outcome("a = 1\nb = 2\na = 3\n").starts_with("2: ci.toml:3: "));
  CHECK(outcome("{\"a\": 1,\n\"b\": 2,\n\"a\": 3}") == "2: ci.toml:3: key 'a' is there twice");
}

TEST_CASE("dates, nulls and deep nesting are refused", "[tools]") {
  CHECK(outcome("a = 2020-01-01\n").starts_with("2: ci.toml:1: a date or a time"));
  CHECK(outcome("{\n\"a\": null}").starts_with("2: ci.toml:2: null"));
  CHECK(outcome("{\"a\": 18446744073709551615}").starts_with("2: ci.toml:1: 18446744073709551615"));
  const std::string open(40, '['), close(40, ']');
  CHECK(outcome("a = " + open + close).starts_with("2: ci.toml:1: nested more than 32 deep"));
  CHECK(outcome("{\"a\": " + open + close + "}").starts_with("2: ci.toml:1: nested more than 32 deep"));
}

TEST_CASE("the schema is required", "[tools]") {
  const auto schema = [](std::string_view content) {
    return outcomeOf([&] {
      requireSchema(parseConfig(content, "c"), "c");
      return 0;
    });
  };
  CHECK(schema("schema = 1\n") == "nothing");
  CHECK(schema("threads = 1\n") == "2: c:1: key 'schema' is missing");
  CHECK(schema("\nschema = 2\n") == "2: c:2: schema is 2, expected 1");
  CHECK(schema("schema = \"1\"\n") == "2: c:1: schema is a string, expected 1");
}
