// Words of a command line become values, or a refusal that names the option and what is accepted.
#include "tools/option_values.h"

#include <catch2/catch.hpp>

#include <functional>

#include "lib/base/error.h"

using namespace compress;

namespace {

std::string refusal(const std::function<void()>& body) {
  try {
    body();
  } catch (const Error& error) {
    CHECK(error.kind() == ErrorKind::usage);
    return error.message();
  }
  return "accepted";
}

}  // namespace

TEST_CASE("numbers are read whole, in range and finite", "[tools]") {
  const OptionInfo count{.name = "count", .help = "", .min = 1, .max = 8};
  CHECK(parseInteger(count, "8") == 8);
  CHECK(refusal([&] { parseInteger(count, "9"); }) == "--count: '9' is not a whole number from 1 to 8");
  for (const char* word : {"0", "-1", "", "3x", "3.0", "0x3", " 3", "99999999999999999999"})
    CHECK(refusal([&] { parseInteger(count, word); }) != "accepted");
  const OptionInfo ratio{.name = "ratio", .help = "", .min = 0};
  CHECK(parseReal(ratio, "1e-3") == 1e-3);
  CHECK(refusal([&] { parseReal(ratio, "nan"); }) == "--ratio: 'nan' is not a finite number of at least 0");
  for (const char* word : {"inf", "-inf", "NaN", "-0.5", "1,5", "", "1e999"})
    CHECK(refusal([&] { parseReal(ratio, word); }) != "accepted");
}

TEST_CASE("choices are told with a refusal", "[tools]") {
  const OptionInfo device{.name = "device", .help = "", .choices = {"auto", "cpu"}};
  CHECK(parseChoice(device, "cpu") == "cpu");
  CHECK(refusal([&] { parseChoice(device, "banana"); }) == "--device: 'banana' is not one of auto, cpu");
  CHECK(refusal([&] { parseChoice(device, "\x1b[31m"); }) == "--device: '\\x1B[31m' is not one of auto, cpu");
}

TEST_CASE("lists are split at commas unless told otherwise", "[tools]") {
  CHECK(splitWords({.name = "mean", .help = ""}, "1,2,3") == std::vector<std::string>{"1", "2", "3"});
  CHECK(splitWords({.name = "input", .help = "", .splitsAtCommas = false}, "a,b") == std::vector<std::string>{"a,b"});
  for (const char* word : {"", ",", "1,", ",1", "1,,2"})
    CHECK(refusal([&] { splitWords({.name = "mean", .help = ""}, word); }) != "accepted");
}

TEST_CASE("times have units", "[tools]") {
  CHECK(parseSeconds("timeout", "90") == 90);
  CHECK(parseSeconds("timeout", "1.5m") == 90);
  CHECK(parseSeconds("timeout", "2h") == 7200);
  for (const char* word : {"", "m", "0", "-1s", "5 m", "5d", "nan", "inf"})
    CHECK(refusal([&] { parseSeconds("timeout", word); }) != "accepted");
}
