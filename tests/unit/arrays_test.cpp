// npz, idx and gzip: accepted forms, damaged archives, bombs.
#include "lib/eval/arrays.h"

#include <catch2/catch.hpp>

#include "lib/base/file.h"
#include "lib/eval/dataset.h"
#include "lib/eval/unpack.h"
#include "tests/support/errors.h"
#include "tests/support/npy.h"
#include "tests/support/paths.h"

using namespace compress;
using namespace compress::test;

namespace {

/// gzip with stored blocks only, checksum included, made by hand so that tests can damage it: RFC 1952.
std::string gzipStored(std::string_view content, uint32_t crc) {
  std::string bytes("\x1F\x8B\x08\0\0\0\0\0\0\x03", 10);
  const auto size = static_cast<uint32_t>(content.size());
  bytes += '\1';
  for (const uint32_t word : {size, ~size})
    for (int i = 0; i < 2; ++i) bytes += static_cast<char>(word >> (8 * i));
  bytes += content;
  for (const uint32_t word : {crc, size})
    for (int i = 0; i < 4; ++i) bytes += static_cast<char>(word >> (8 * i));
  return bytes;
}

uint32_t crc32Of(std::string_view content) {
  uint32_t crc = 0xFFFFFFFFU;
  for (const char c : content) {
    crc ^= static_cast<uint8_t>(c);
    for (int i = 0; i < 8; ++i) crc = (crc >> 1) ^ (0xEDB88320U & (0U - (crc & 1U)));
  }
  return ~crc;
}

std::string idxBytes(char type, const std::vector<uint32_t>& dims, std::string_view payload) {
  std::string bytes("\0\0", 2);
  bytes += type;
  bytes += static_cast<char>(dims.size());
  for (const uint32_t dim : dims)
    for (int i = 3; i >= 0; --i) bytes += static_cast<char>(dim >> (8 * i));
  return bytes + std::string(payload);
}

const std::string kTwoFloats = npyBytes("<f4", "(2, 1)", bytesOfValues<float>({1.5F, 2.5F}));

}  // namespace

TEST_CASE("npz: stored and deflated entries by key, labels beside them", "[arrays]") {
  const TemporaryDirectory folder;
  const auto path = folder.path() / "x.npz";
  writeZip(path, {{"x.npy", kTwoFloats, false}, {"labels.npy", npyBytes("|u1", "(2,)", "\3\4")}});
  const ArrayFile file = openArrays(path);
  CHECK(file.kind == "npz");
  REQUIRE(file.arrays.size() == 2);
  CHECK(toFloats(file.arrays.at("x").read(1)) == std::vector<float>{2.5F});
  DataSource source;
  source.path = path;
  const auto data = openDataset(source, {{"x", Type::tensor(DType::f32, std::vector<Dim>{Dim{}, Dim::of(1)})}}, {});
  CHECK(data->kind() == "npz");
  CHECK(toInts(*data->read(1).label) == std::vector<int64_t>{4});
}

TEST_CASE("npz: what is no set of arrays is refused", "[arrays][hostile]") {
  const TemporaryDirectory folder;
  const auto path = folder.path() / "x.npz";
  const auto refused = [&](ErrorKind kind, std::string_view part) {
    return throwsError(kind, part, [&] { openArrays(path); });
  };
  writeZip(path, {{"a.txt", "hello"}});
  CHECK(refused(ErrorKind::input, "a.txt: is no .npy array"));
  writeZip(path, {{"a.npy", npyBytes("|O", "(1,)", "x")}});
  CHECK(refused(ErrorKind::input, "pickled"));
  writeZip(path, {{"a.npy", kTwoFloats + "extra"}});
  CHECK(refused(ErrorKind::input, "a.npy"));
  const std::string huge(static_cast<size_t>(kBombBytes) + (1 << 20), '\0');
  writeZip(path, {{"a.npy", npyBytes("|u1", "(1,)", huge)}});
  CHECK(std::filesystem::file_size(path) < 1 << 20);
  CHECK(refused(ErrorKind::input, "zip bomb"));
}

TEST_CASE("npz: a wrong checksum, any cut and any flipped bit end in a clean verdict", "[arrays][hostile]") {
  const TemporaryDirectory folder;
  const auto path = folder.path() / "x.npz";
  writeZip(path, {{"x.npy", kTwoFloats, false}});
  const std::string good = readFile(path);
  std::string wrong = good;
  wrong[good.find(kTwoFloats.substr(128)) + 1] ^= 1;
  writeBytes(path, wrong);
  CHECK(throwsError(ErrorKind::input, "CRC", [&] { openArrays(path); }));
  for (size_t cut = 0; cut < good.size(); ++cut) {
    CAPTURE(cut);
    writeBytes(path, good.substr(0, cut));
    const auto error = errorOf([&] { openArrays(path); });
    REQUIRE(error);
    REQUIRE(error->kind() == ErrorKind::input);
  }
  for (size_t bit = 0; bit < good.size() * 8; ++bit) {
    std::string flipped = good;
    flipped[bit / 8] = static_cast<char>(flipped[bit / 8] ^ (1 << (bit % 8)));
    writeBytes(path, flipped);
    const auto error = errorOf([&] { openArrays(path); });
    if (error) REQUIRE((error->kind() == ErrorKind::input || error->kind() == ErrorKind::unsupported));
  }
}

TEST_CASE("idx: bytes and big-endian words, plain and in gzip", "[arrays]") {
  const TemporaryDirectory folder;
  const auto path = folder.path() / "images-idx3-ubyte";
  const std::string images = idxBytes(8, {2, 2, 2}, "abcdefgh");
  writeBytes(path, images);
  const ArrayFile plain = openArrays(path);
  CHECK(plain.kind == "idx");
  CHECK(plain.arrays.at("").sampleShape() == Shape{2, 2});
  CHECK(toInts(plain.arrays.at("").read(1)) == std::vector<int64_t>{'e', 'f', 'g', 'h'});
  writeBytes(path, gzipStored(images, crc32Of(images)));
  CHECK(toInts(openArrays(path).arrays.at("").read(0)) == std::vector<int64_t>{'a', 'b', 'c', 'd'});
  writeBytes(path, idxBytes(0x0C, {1}, std::string("\0\0\1\2", 4)));
  CHECK(toInts(openArrays(path).arrays.at("").read(0)) == std::vector<int64_t>{258});
}

TEST_CASE("idx and gzip: damaged files are refused", "[arrays][hostile]") {
  const TemporaryDirectory folder;
  const auto path = folder.path() / "x.idx";
  const auto refused = [&](const std::string& bytes, std::string_view part) {
    writeBytes(path, bytes);
    return throwsError(ErrorKind::input, part, [&] { openArrays(path); });
  };
  const std::string images = idxBytes(8, {2, 2, 2}, "abcdefgh");
  CHECK(refused("", "is empty"));
  CHECK(refused(images.substr(0, images.size() - 1), "takes 24 bytes"));
  CHECK(refused(images + "x", "takes 24 bytes"));
  CHECK(refused(images.substr(0, 9), "cut off"));
  CHECK(refused(idxBytes(7, {2}, "ab"), "type code 7"));
  CHECK(refused(idxBytes(8, {4294967295U, 4294967295U, 4294967295U}, ""), "too large"));
  CHECK(refused(idxBytes(8, std::vector<uint32_t>(9, 1), "x"), "9 axes"));
  const std::string packed = gzipStored(images, crc32Of(images));
  CHECK(refused(gzipStored(images, crc32Of(images) ^ 1), "incorrect data check"));
  for (size_t cut = 2; cut < packed.size(); ++cut) {
    CAPTURE(cut);
    REQUIRE(refused(packed.substr(0, cut), "damaged gzip data"));
  }
  CHECK(refused(packed + "garbage", "damaged gzip data"));
  CHECK(refused("\x80\4pickle", "a Python pickle"));
  CHECK(refused("\xFF\xD8\xFF\xE0 JFIF", "a JPEG picture"));
}

TEST_CASE("Debian's Fashion-MNIST is read from its gzip files", "[arrays]") {
  const std::filesystem::path folder = "/usr/share/datasets/fashion-mnist";
  if (!std::filesystem::exists(folder / "t10k-images-idx3-ubyte.gz")) {
    WARN("skipped: package dataset-fashion-mnist is not installed");
    return;
  }
  DataSource source;
  source.path = folder / "t10k-images-idx3-ubyte.gz";
  source.labels = folder / "t10k-labels-idx1-ubyte.gz";
  const auto data = openDataset(
      source, {{"x", Type::tensor(DType::f32, std::vector<Dim>{Dim{}, Dim::of(1), Dim::of(28), Dim::of(28)})}}, {});
  REQUIRE(data->size() == 10000);
  CHECK(toInts(*data->read(0).label) == std::vector<int64_t>{9});  // the first test picture is an ankle boot
  const Tensor x = data->read(9999).inputs.at(0);
  CHECK(x.shape() == Shape{1, 1, 28, 28});
  for (const float value : x.as<float>()) CHECK((value >= 0 && value <= 1));
}
