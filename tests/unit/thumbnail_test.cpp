// Samples back as pictures: preprocessing undone, channels in place, PNG that reads back.
#include "lib/eval/thumbnail.h"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "lib/eval/picture.h"

using namespace compress;

namespace {

/// What preprocessing makes of `bytes` [H, W, 3]: planes, in the order that the model wants.
Tensor prepared(const Tensor& picture, const Preprocess& done) {
  const int64_t height = picture.shape()[0], width = picture.shape()[1];
  Buffer out(DType::f32, {1, 3, height, width});
  const auto from = picture.as<uint8_t>();
  const auto to = out.as<float>();
  for (int64_t c = 0; c < 3; ++c)
    for (int64_t i = 0; i < height * width; ++i) {
      const auto source = static_cast<size_t>(done.colorOrder == "bgr" ? 2 - c : c);
      const double value = from[static_cast<size_t>(i) * 3 + source] * done.scale;
      to[static_cast<size_t>(c * height * width + i)] =
          static_cast<float>((value - done.mean[source]) / done.std[source]);
    }
  return std::move(out).freeze();
}

Tensor gradient() {
  Buffer picture(DType::u8, {5, 4, 3});
  const auto bytes = picture.as<uint8_t>();
  for (size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<uint8_t>(i * 4 + i % 3);
  return std::move(picture).freeze();
}

bool isSame(const Tensor& a, const Tensor& b) {
  return a.shape() == b.shape() && std::ranges::equal(a.as<uint8_t>(), b.as<uint8_t>());
}

}  // namespace

TEST_CASE("preprocessing is undone, in either colour order", "[thumbnail]") {
  for (const char* order : {"rgb", "bgr"}) {
    CAPTURE(order);
    Preprocess done;
    done.scale = 1.0 / 255;
    done.mean = {0.485, 0.456, 0.406};
    done.std = {0.229, 0.224, 0.225};
    done.colorOrder = order;
    const auto picture = pictureOf(prepared(gradient(), done), done);
    REQUIRE(picture);
    CHECK(isSame(*picture, gradient()));
  }
}

TEST_CASE("grey and channels-last are seen, what is no picture is none", "[thumbnail]") {
  const auto shown = [](std::vector<int64_t> dims) {
    Buffer values(DType::f32, Shape(std::move(dims)));
    std::ranges::fill(values.as<float>(), 7.0F);
    values.as<float>()[0] = 9;
    return pictureOf(std::move(values).freeze(), Preprocess());
  };
  CHECK(shown({1, 1, 4, 6})->shape() == Shape({4, 6, 3}));
  CHECK(shown({1, 4, 6, 3})->shape() == Shape({4, 6, 3}));
  CHECK(shown({4, 6, 1})->as<uint8_t>()[0] == 9);
  for (const std::vector<int64_t>& dims :
       std::vector<std::vector<int64_t>>{{1, 10}, {2, 3, 4, 4}, {1, 5, 4, 4}, {3, 1, 1}})
    CHECK_FALSE(shown(dims));
}

TEST_CASE("values that are no bytes are stretched", "[thumbnail]") {
  const Tensor input = Tensor::of<float>(Shape{1, 1, 2, 2}, std::vector<float>{-1, 0, 0, 1});
  const auto picture = pictureOf(input, Preprocess());
  REQUIRE(picture);
  CHECK(picture->as<uint8_t>()[0] == 0);
  CHECK(picture->as<uint8_t>()[3] == 128);
  CHECK(picture->as<uint8_t>()[9] == 255);
}

TEST_CASE("a PNG reads back as what was encoded", "[thumbnail]") {
  CHECK(isSame(decodePicture(encodePng(gradient())), gradient()));
}

TEST_CASE("thumbnails are spread over the data", "[thumbnail]") {
  const auto dataset = randomDataset({{"x", Type::tensor(DType::f32, {1, 3, 200, 100})}}, 100, 0);
  const auto pictures = thumbnails(*dataset, 8);
  CHECK(pictures.size() == 8);
  CHECK(pictures[7]["png"].get<std::string>().starts_with("iVBORw0KGgo"));
  CHECK(pictures[7]["png"].get<std::string>().size() < 40'000);
  CHECK(thumbnails(*randomDataset({{"x", Type::tensor(DType::f32, {1, 10})}}, 3, 0), 8).empty());
}
