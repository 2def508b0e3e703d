// The npy reader: every accepted form, and hostile headers.
#include "lib/eval/npy.h"

#include <catch2/catch.hpp>

#include "tests/support/errors.h"
#include "tests/support/npy.h"
#include "tests/support/paths.h"

using namespace compress;
using namespace compress::test;

namespace {

StoredArray openBytes(const TemporaryDirectory& folder, std::string_view bytes) {
  writeBytes(folder.path() / "x.npy", bytes);
  return openNpy(folder.path() / "x.npy");
}

std::optional<Error> refused(std::string_view bytes) {
  const TemporaryDirectory folder;
  return errorOf([&] { openBytes(folder, bytes); });
}

bool refusedAs(ErrorKind kind, std::string_view part, std::string_view bytes) {
  const auto error = refused(bytes);
  if (!error) return false;
  INFO(error->message());
  return error->kind() == kind && error->message().find(part) != std::string::npos &&
         error->message().find("x.npy") != std::string::npos;
}

}  // namespace

TEST_CASE("npy samples are read in C order whatever the file's order", "[npy]") {
  const TemporaryDirectory folder;
  // The array a[i][j][k] = 100 i + 10 j + k of shape (2, 3, 2).
  const std::vector<int32_t> c = {0, 1, 10, 11, 20, 21, 100, 101, 110, 111, 120, 121};
  const std::vector<int32_t> fortran = {0, 100, 10, 110, 20, 120, 1, 101, 11, 111, 21, 121};
  for (const bool isFortran : {false, true}) {
    const StoredArray array =
        openBytes(folder, npyBytes("<i4", "(2, 3, 2)", bytesOfValues(isFortran ? fortran : c), isFortran));
    CHECK(array.count() == 2);
    CHECK(array.sampleShape() == Shape{3, 2});
    CHECK(toInts(array.read(0)) == std::vector<int64_t>{0, 1, 10, 11, 20, 21});
    CHECK(toInts(array.read(1)) == std::vector<int64_t>{100, 101, 110, 111, 120, 121});
  }
}

TEST_CASE("npy element types, byte orders and header versions", "[npy]") {
  const TemporaryDirectory folder;
  const auto first = [&](const std::string& bytes) { return toDoubles(openBytes(folder, bytes).read(0)).at(0); };
  CHECK(first(npyBytes("<f4", "(1,)", bytesOfValues<float>({1.5F}))) == 1.5);
  CHECK(first(npyBytes("<f8", "(1,)", bytesOfValues<double>({-2.25}))) == -2.25);
  CHECK(first(npyBytes("<f2", "(1,)", bytesOfValues<uint16_t>({0x3C00}))) == 1.0);
  CHECK(first(npyBytes("|u1", "(1,)", "\xFF")) == 255);
  CHECK(first(npyBytes("|i1", "(1,)", "\xFF")) == -1);
  CHECK(first(npyBytes("|b1", "(1,)", "\x01")) == 1);
  CHECK(first(npyBytes(">i2", "(1,)", std::string("\x01\x02", 2))) == 258);
  CHECK(first(npyBytes("<u2", "(1,)", std::string("\x01\x02", 2))) == 513);
  CHECK(first(npyBytes(">f4", "(1,)", std::string("\x3F\xC0\0\0", 4))) == 1.5);
  CHECK(first(npyBytes("<i8", "(1,)", bytesOfValues<int64_t>({-7}))) == -7);
  CHECK(first(npyBytes("<u4", "(1,)", bytesOfValues<uint32_t>({4000000000U}))) == 4000000000.0);
  for (const char version : {'\1', '\2', '\3'})
    CHECK(first(npyWithHeader("{\"descr\": \"|u1\", \"shape\": (1,), \"fortran_order\": False}\n", "\x05", version)) ==
          5);
}

TEST_CASE("npy: damaged and hostile files are refused by name", "[npy][hostile]") {
  CHECK(refusedAs(ErrorKind::input, "no npy file", ""));
  CHECK(refusedAs(ErrorKind::input, "no npy file", "PK\3\4 something else"));
  const std::string good = npyBytes("<f4", "(2, 2)", std::string(16, '\0'));
  for (size_t cut = 0; cut < good.size(); ++cut) {
    CAPTURE(cut);
    REQUIRE(refused(good.substr(0, cut)));
  }
  CHECK(refusedAs(ErrorKind::input, "takes 144 bytes", good + "x"));
  CHECK(refusedAs(ErrorKind::input, "pickled", npyBytes("|O", "(1,)", "x")));
  CHECK(refusedAs(ErrorKind::unsupported, "'<c8'", npyBytes("<c8", "(1,)", "12345678")));
  CHECK(refusedAs(ErrorKind::unsupported, "'<U3'", npyBytes("<U3", "(1,)", "123456789012")));
  CHECK(refusedAs(ErrorKind::unsupported, "records",
                  npyWithHeader("{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (1,)}", "1234")));
  CHECK(refusedAs(ErrorKind::input, "too large", npyBytes("<f4", "(4294967296, 4294967296)", "")));
  CHECK(refusedAs(ErrorKind::input, "takes", npyBytes("<f4", "(281474976710655,)", "")));
  CHECK(refusedAs(ErrorKind::input, "extent", npyBytes("<f4", "(99999999999999999999,)", "")));
  CHECK(refusedAs(ErrorKind::input, "extent", npyBytes("<f4", "(-1,)", "")));
  CHECK(refusedAs(ErrorKind::input, "twice", npyWithHeader("{'descr': '<f4', 'descr': '<f4', 'shape': (1,)}", "1234")));
  CHECK(refusedAs(ErrorKind::input, "unknown key",
                  npyWithHeader("{'descr': '<f4', 'code': 'x', 'shape': (1,)}", "1234")));
  CHECK(refusedAs(ErrorKind::input, "expected the keys", npyWithHeader("{'descr': '<f4', 'shape': (1,)}", "1234")));
  CHECK(refusedAs(ErrorKind::input, "after the closing brace",
                  npyWithHeader("{'descr': '|u1', 'fortran_order': False, 'shape': (1,)} + f()", "1")));
  CHECK(refusedAs(ErrorKind::input, "version 9", npyWithHeader("{}", "", '\x09')));
  std::string tooLong = good;
  tooLong[8] = tooLong[9] = '\xFF';
  CHECK(refusedAs(ErrorKind::input, "header of 65535 bytes", tooLong));
  std::string deep = "{'descr': '|u1', 'fortran_order': False, 'shape': (";
  for (int i = 0; i < 70; ++i) deep += "1,";
  CHECK(refusedAs(ErrorKind::input, "axes", npyWithHeader(deep + ")}", "1")));
}

TEST_CASE("npy: every single-bit flip of the header ends in a clean verdict", "[npy][hostile]") {
  const TemporaryDirectory folder;
  const std::string good = npyBytes("<f4", "(2, 2)", std::string(16, '\0'));
  int accepted = 0;
  for (size_t bit = 0; bit < 128 * 8; ++bit) {
    std::string bytes = good;
    bytes[bit / 8] = static_cast<char>(bytes[bit / 8] ^ (1 << (bit % 8)));
    const auto error = errorOf([&] { openBytes(folder, bytes).read(0); });
    accepted += !error;
    if (error) CHECK((error->kind() == ErrorKind::input || error->kind() == ErrorKind::unsupported));
  }
  CHECK(accepted > 0);
  CHECK(accepted < 400);
}

TEST_CASE("npy: directories, FIFOs and missing files", "[npy][hostile]") {
  const TemporaryDirectory folder;
  CHECK(throwsError(ErrorKind::input, "not a regular file", [&] { openNpy(folder.path()); }));
  CHECK(throwsError(ErrorKind::input, "not a regular file", [&] { openNpy("/dev/zero"); }));
  CHECK(throwsError(ErrorKind::io, "No such file", [&] { openNpy(folder.path() / "gone.npy"); }));
}
