// Pictures: decoding, orientation, resizing as Pillow does, folders, hostile files.
#include "lib/eval/picture.h"

#include <catch2/catch.hpp>
#include <spng.h>
#include <turbojpeg.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>

#include "lib/eval/dataset.h"
#include "tests/support/errors.h"
#include "tests/support/npy.h"
#include "tests/support/paths.h"

using namespace compress;
using namespace compress::test;

namespace {

Tensor pattern(int64_t height, int64_t width) {
  Buffer picture(DType::u8, Shape{height, width, 3});
  uint8_t* to = picture.as<uint8_t>().data();
  for (int64_t y = 0; y < height; ++y)
    for (int64_t x = 0; x < width; ++x)
      for (int64_t c = 0; c < 3; ++c) *to++ = static_cast<uint8_t>(x * 7 + y * 13 + c * 29 + x * y % 31 * 5);
  return std::move(picture).freeze();
}

Tensor plain(int64_t height, int64_t width, std::array<uint8_t, 3> colour) {
  Buffer picture(DType::u8, Shape{height, width, 3});
  for (size_t i = 0; i < picture.raw().size(); ++i) picture.as<uint8_t>()[i] = colour[i % 3];
  return std::move(picture).freeze();
}

std::string jpegOf(const Tensor& picture, int format = TJPF_RGB) {
  unsigned char* data = nullptr;
  unsigned long size = 0;
  const tjhandle handle = tjInitCompress();
  REQUIRE(tjCompress2(handle, picture.as<uint8_t>().data(), static_cast<int>(picture.shape()[1]), 0,
                      static_cast<int>(picture.shape()[0]), format, &data, &size, TJSAMP_444, 95,
                      TJFLAG_ACCURATEDCT) == 0);
  std::string bytes(reinterpret_cast<const char*>(data), size);
  tjFree(data);
  tjDestroy(handle);
  return bytes;
}

std::string pngOf(const Tensor& picture, uint8_t colourType, uint8_t depth) {
  spng_ctx* context = spng_ctx_new(SPNG_CTX_ENCODER);
  spng_set_option(context, SPNG_ENCODE_TO_BUFFER, 1);
  spng_ihdr header{};
  header.width = static_cast<uint32_t>(picture.shape()[1]);
  header.height = static_cast<uint32_t>(picture.shape()[0]);
  header.bit_depth = depth;
  header.color_type = colourType;
  REQUIRE(spng_set_ihdr(context, &header) == 0);
  REQUIRE(spng_encode_image(context, picture.raw().data(), picture.raw().size(), SPNG_FMT_PNG, SPNG_ENCODE_FINALIZE) ==
          0);
  size_t size = 0;
  int error = 0;
  void* data = spng_get_png_buffer(context, &size, &error);
  std::string bytes(static_cast<const char*>(data), size);
  std::free(data);
  spng_ctx_free(context);
  return bytes;
}

/// An APP1 segment with orientation `value`, put behind the first marker.
std::string withOrientation(const std::string& jpeg, char value, bool bigEndian) {
  std::string tiff =
      bigEndian ? std::string("MM\0*\0\0\0\x8\0\1\1\x12\0\3\0\0\0\1\0", 19) + value + std::string("\0\0\0\0\0\0", 6)
                : std::string("II*\0\x8\0\0\0\1\0\x12\1\3\0\1\0\0\0", 18) + value + std::string("\0\0\0\0\0\0\0", 7);
  const std::string content = std::string("Exif\0\0", 6) + tiff;
  const size_t length = content.size() + 2;
  return jpeg.substr(0, 2) + "\xFF\xE1" + static_cast<char>(length >> 8) + static_cast<char>(length & 0xFF) + content +
         jpeg.substr(2);
}

int largestDifference(const Tensor& a, const Tensor& b) {
  REQUIRE(a.shape() == b.shape());
  int largest = 0;
  for (size_t i = 0; i < a.raw().size(); ++i)
    largest = std::max(largest, std::abs(a.as<uint8_t>()[i] - b.as<uint8_t>()[i]));
  return largest;
}

bool refused(std::string_view bytes, std::string_view part) {
  return throwsError(ErrorKind::input, part, [&] { decodePicture(bytes); });
}

InputSpec colourInput(int64_t height, int64_t width) {
  return {"x", Type::tensor(DType::f32, std::vector<Dim>{Dim{}, Dim::of(3), Dim::of(height), Dim::of(width)})};
}

}  // namespace

TEST_CASE("PNG and PPM decode exactly, JPEG nearly", "[picture]") {
  const Tensor picture = pattern(9, 7);
  CHECK(largestDifference(decodePicture(pngOf(picture, SPNG_COLOR_TYPE_TRUECOLOR, 8)), picture) == 0);
  CHECK(largestDifference(
            decodePicture("P6\n# a comment\n7 9\n255\n" +
                          std::string(reinterpret_cast<const char*>(picture.raw().data()), picture.raw().size())),
            picture) == 0);
  const Tensor smooth = plain(8, 8, {200, 100, 50});
  CHECK(largestDifference(decodePicture(jpegOf(smooth)), smooth) <= 3);
}

TEST_CASE("16-bit PNG, grey PNG, PGM and CMYK JPEG become RGB bytes", "[picture]") {
  Buffer wide(DType::u16, Shape{1, 2, 3});
  const std::vector<uint16_t> values = {0xFF00, 0x8000, 0x1234, 0, 0x00FF, 0xABCD};
  std::ranges::copy(values, wide.as<uint16_t>().begin());
  CHECK(toInts(decodePicture(pngOf(wide.snapshot(), SPNG_COLOR_TYPE_TRUECOLOR, 16))) ==
        std::vector<int64_t>{0xFF, 0x80, 0x12, 0, 0, 0xAB});
  const Tensor grey = Tensor::of<uint8_t>(Shape{1, 2, 1}, std::vector<uint8_t>{10, 200});
  CHECK(toInts(decodePicture(pngOf(grey, SPNG_COLOR_TYPE_GRAYSCALE, 8))) ==
        std::vector<int64_t>{10, 10, 10, 200, 200, 200});
  CHECK(toInts(decodePicture(std::string("P5 2 1 255\n\x0A\xC8", 13))) ==
        std::vector<int64_t>{10, 10, 10, 200, 200, 200});
  CHECK(toInts(decodePicture(std::string("P5 1 1 65535\n\x80\x00", 15))) == std::vector<int64_t>{128, 128, 128});
  // Inks as the file stores them, inverted: little cyan, full paper else.
  Buffer inks(DType::u8, Shape{8, 8, 4});
  for (size_t i = 0; i < inks.raw().size(); ++i)
    inks.as<uint8_t>()[i] = std::array<uint8_t, 4>{60, 255, 255, 255}[i % 4];
  CHECK(largestDifference(decodePicture(jpegOf(inks.snapshot(), TJPF_CMYK)), plain(8, 8, {60, 255, 255})) <= 3);
}

TEST_CASE("EXIF orientation puts pictures upright", "[picture]") {
  const Tensor picture = Tensor::of<uint8_t>(Shape{1, 2, 3}, std::vector<uint8_t>{1, 1, 1, 2, 2, 2});
  const auto first = [&](int orientation) { return toInts(upright(picture, orientation)).front(); };
  CHECK(first(1) == 1);
  CHECK(first(2) == 2);
  CHECK(first(3) == 2);
  CHECK(first(4) == 1);
  for (const int orientation : {5, 6, 7, 8}) CHECK(upright(picture, orientation).shape() == Shape{2, 1, 3});
  CHECK(first(5) == 1);
  CHECK(first(6) == 1);  // turned clockwise: the left end is up
  CHECK(first(7) == 2);
  CHECK(first(8) == 2);
  const std::string jpeg = jpegOf(pattern(8, 16));
  CHECK(exifOrientation(jpeg) == 1);
  for (const bool bigEndian : {false, true}) {
    CHECK(exifOrientation(withOrientation(jpeg, 6, bigEndian)) == 6);
    CHECK(decodePicture(withOrientation(jpeg, 6, bigEndian)).shape() == Shape{16, 8, 3});
    CHECK(decodePicture(withOrientation(jpeg, 3, bigEndian)).shape() == Shape{8, 16, 3});
  }
  const std::string marked = withOrientation(jpeg, 6, true);
  for (size_t cut = 0; cut < 40; ++cut) CHECK_NOTHROW(exifOrientation(marked.substr(0, cut)));
}

TEST_CASE("resizing gives Pillow's bytes", "[picture]") {
  // Sums over Image.resize of the same pattern, Pillow 12: plain, and weighted by index % 1000 + 1.
  struct Expected {
    int64_t size;
    bool bicubic;
    int64_t width, height, sum, weighted;
  };
  const std::vector<Expected> all = {{16, false, 20, 16, 120513, 58414598},
                                     {16, true, 20, 16, 120515, 58397043},
                                     {40, false, 51, 40, 768170, 380174548},
                                     {40, true, 51, 40, 768634, 380290899}};
  for (const Expected& expected : all) {
    CAPTURE(expected.size, expected.bicubic);
    const Tensor resized = resizeAndCrop(pattern(29, 37), expected.size, 0, expected.bicubic);
    CHECK(resized.shape() == Shape{expected.height, expected.width, 3});
    int64_t sum = 0, weighted = 0;
    for (size_t i = 0; i < resized.raw().size(); ++i) {
      sum += resized.as<uint8_t>()[i];
      weighted += resized.as<uint8_t>()[i] * static_cast<int64_t>(i % 1000 + 1);
    }
    CHECK(sum == expected.sum);
    CHECK(weighted == expected.weighted);
  }
  const Tensor cropped = resizeAndCrop(pattern(10, 14), 0, 8, false);
  CHECK(cropped.shape() == Shape{8, 8, 3});
  CHECK(cropped.as<uint8_t>()[0] == pattern(10, 14).as<uint8_t>()[(1 * 14 + 3) * 3]);
  CHECK(throwsError(ErrorKind::input, "smaller than the crop", [] { resizeAndCrop(pattern(4, 4), 0, 8, false); }));
}

TEST_CASE("hostile pictures are refused", "[picture][hostile]") {
  CHECK(refused("", "0 bytes"));
  CHECK(refused("hello, I am a text file", "neither JPEG, PNG nor binary PPM"));
  const std::string jpeg = jpegOf(pattern(16, 16));
  for (size_t cut = 0; cut + 2 < jpeg.size(); ++cut) {
    CAPTURE(cut);
    REQUIRE(errorOf([&] { decodePicture(jpeg.substr(0, cut)); }));
  }
  std::string huge = jpeg;
  const size_t frame = huge.find("\xFF\xC0");
  REQUIRE(frame != std::string::npos);
  for (size_t i = 5; i < 9; ++i) huge[frame + i] = '\xFF';
  CHECK(refused(huge, "damaged JPEG"));
  for (size_t i = 5; i < 9; i += 2) huge.replace(frame + i, 2, "\xEA\x60");
  CHECK(refused(huge, "60000 x 60000 pixels, the limit is"));
  const std::string png = pngOf(pattern(8, 8), SPNG_COLOR_TYPE_TRUECOLOR, 8);
  for (size_t cut = 8; cut < png.size() - 20; ++cut) {
    CAPTURE(cut);
    REQUIRE(refused(png.substr(0, cut), "damaged PNG"));
  }
  std::string damaged = png;
  damaged[png.find("IDAT") + 6] ^= 1;
  CHECK(refused(damaged, "damaged PNG"));
  CHECK(refused("P6 65535 65535 255\n", "65535 x 65535"));
  CHECK(refused("P6 99999999999999999999 1 255\n", "damaged PPM header"));
  CHECK(refused("P6 2 2 255\nabc", "expected 12"));
}

TEST_CASE("every flipped bit of a small JPEG and PNG ends in a clean verdict", "[picture][hostile]") {
  for (const std::string& good : {jpegOf(plain(8, 8, {1, 2, 3})), pngOf(pattern(4, 4), SPNG_COLOR_TYPE_TRUECOLOR, 8)})
    for (size_t bit = 0; bit < good.size() * 8; ++bit) {
      std::string bytes = good;
      bytes[bit / 8] = static_cast<char>(bytes[bit / 8] ^ (1 << (bit % 8)));
      const auto error = errorOf([&] { decodePicture(bytes); });
      if (error) REQUIRE(error->kind() == ErrorKind::input);
    }
}

TEST_CASE("picture folders: classes, sizes, damaged files", "[picture]") {
  const TemporaryDirectory folder;
  const auto root = folder.path();
  for (const char* name : {"cat", "Zebra", "ant"}) std::filesystem::create_directory(root / name);
  writeBytes(root / "cat/1.png", pngOf(plain(6, 8, {255, 0, 0}), SPNG_COLOR_TYPE_TRUECOLOR, 8));
  writeBytes(root / "ant/2.PPM", "P6 1 1 255\nabc");
  writeBytes(root / "ant/notes.txt", "no picture");
  writeBytes(root / "Zebra/3.jpg", jpegOf(plain(8, 8, {0, 0, 255})));
  DataSource source;
  source.path = root;
  const auto data = openDataset(source, {colourInput(4, 4)}, {});
  REQUIRE(data->size() == 3);
  CHECK(data->kind() == "pictures");
  CHECK(toInts(*data->read(0).label) == std::vector<int64_t>{0});  // Zebra comes first in byte order
  CHECK(toInts(*data->read(1).label) == std::vector<int64_t>{1});
  CHECK(data->read(2).name.ends_with("cat/1.png"));
  CHECK(toInts(*data->read(2).label) == std::vector<int64_t>{2});
  const Tensor red = data->read(2).inputs.at(0);
  CHECK(red.shape() == Shape{1, 3, 4, 4});
  CHECK(red.as<float>()[0] == 1);
  CHECK(red.as<float>()[16] == 0);
  CHECK(data->preprocess().resize == 4);
  CHECK(data->preprocess().crop == 4);

  writeBytes(root / "cat/broken.png", "");
  CHECK(throwsError(ErrorKind::input, "1 of 4 pictures are damaged",
                    [&] { openDataset(source, {colourInput(4, 4)}, {}); }));
  for (int i = 0; i < 20; ++i) writeBytes(root / ("ant/more" + std::to_string(i) + ".ppm"), "P6 1 1 255\nabc");
  const auto most = openDataset(source, {colourInput(4, 4)}, {});
  CHECK(most->size() == 23);
  CHECK(most->skippedCount() == 1);

  writeBytes(root / "direct.ppm", "P6 1 1 255\nabc");
  CHECK(throwsError(ErrorKind::input, "and in sub-folders", [&] { openDataset(source, {colourInput(4, 4)}, {}); }));
  source.path = root / "ant/notes.txt";
  CHECK(throwsError(ErrorKind::input, "neither npy, npz, idx nor gzip",
                    [&] { openDataset(source, {colourInput(4, 4)}, {}); }));
  std::filesystem::create_directory(root / "empty");
  source.path = root / "empty";
  CHECK(throwsError(ErrorKind::input, "no pictures found", [&] { openDataset(source, {colourInput(4, 4)}, {}); }));
}

TEST_CASE("picture labels from a table of paths", "[picture]") {
  const TemporaryDirectory folder;
  writeBytes(folder.path() / "a.ppm", "P6 1 1 255\nabc");
  writeBytes(folder.path() / "b.ppm", "P6 1 1 255\nabc");
  writeBytes(folder.path() / "labels.csv", "path,label\nb.ppm,7\na.ppm, 3\n");
  DataSource source;
  source.path = folder.path();
  source.labels = folder.path() / "labels.csv";
  source.labelOffset = 1;
  const auto data = openDataset(source, {colourInput(1, 1)}, {});
  CHECK(toInts(*data->read(0).label) == std::vector<int64_t>{4});
  CHECK(toInts(*data->read(1).label) == std::vector<int64_t>{8});
  writeBytes(folder.path() / "c.ppm", "P6 1 1 255\nabc");
  CHECK(throwsError(ErrorKind::input, "no label for 'c.ppm'", [&] { openDataset(source, {colourInput(1, 1)}, {}); }));
}

TEST_CASE("test_data_set folders: tensors as they are, first output as label", "[dataset]") {
  const TemporaryDirectory folder;
  for (const int set : {0, 2, 10}) {
    const auto path = folder.path() / ("test_data_set_" + std::to_string(set));
    std::filesystem::create_directory(path);
    writeBytes(path / (set == 2 ? "input0.pb" : "input_0.pb"), std::to_string(set));
    writeBytes(path / "output_0.pb", "5");
  }
  DataSource source;
  source.path = folder.path();
  source.readTensor = [](const std::filesystem::path& path) {
    std::string digits(8, '\0');
    const auto size = std::filesystem::file_size(path);
    FILE* file = std::fopen(path.c_str(), "rb");
    digits.resize(std::fread(digits.data(), 1, size, file));
    std::fclose(file);
    return Tensor::of<float>(Shape{1, 1}, std::vector<float>{std::stof(digits)});
  };
  const InputSpec input{"x", Type::tensor(DType::f32, std::vector<Dim>{Dim{}, Dim::of(1)})};
  const auto data = openDataset(source, {input}, {});
  REQUIRE(data->size() == 3);
  CHECK(data->kind() == "tensors");
  CHECK(toFloats(data->read(1).inputs.at(0)) == std::vector<float>{2});
  CHECK(toFloats(data->read(2).inputs.at(0)) == std::vector<float>{10});
  CHECK(data->read(0).label->shape() == Shape{1});
  const InputSpec other{"x", Type::tensor(DType::f32, std::vector<Dim>{Dim{}, Dim::of(2)})};
  CHECK(throwsError(ErrorKind::input, "input_0.pb: float32[1, 1] does not fit model input 'x'",
                    [&] { openDataset(source, {other}, {})->read(0); }));
  CHECK(throwsError(ErrorKind::input, "no tensor for model input 'y': looked for input_1.pb", [&] {
    openDataset(source, {input, {"y", input.type}}, {})->read(0);
  }));
}
