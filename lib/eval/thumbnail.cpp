#include "lib/eval/thumbnail.h"

#include <openssl/evp.h>
#include <spng.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdlib>
#include <memory>
#include <new>
#include <nlohmann/json.hpp>

#include "lib/base/error.h"
#include "lib/eval/picture.h"

namespace compress {
namespace {

constexpr int64_t kSide = 64;

/// Where the numbers of a picture lie in a tensor.
struct Layout {
  int64_t channels, height, width;
  int64_t perChannel, perRow, perPixel;
};

std::optional<Layout> layoutOf(const Shape& shape) {
  std::vector<int64_t> dims = shape.dims();
  if (dims.size() == 4 && dims[0] == 1) dims.erase(dims.begin());
  if (dims.size() != 3) return std::nullopt;
  const auto isChannels = [](int64_t dim) { return dim == 1 || dim == 3; };
  if (isChannels(dims[0]) && dims[1] > 1 && dims[2] > 1)
    return Layout{dims[0], dims[1], dims[2], dims[1] * dims[2], dims[2], 1};
  if (isChannels(dims[2]) && dims[0] > 1 && dims[1] > 1)
    return Layout{dims[2], dims[0], dims[1], 1, dims[1] * dims[2], dims[2]};
  return std::nullopt;
}

/// Mean or deviation of the model's channel `channel`; `values` are in the order of the source's channels.
double perChannel(const std::vector<double>& values, int64_t channel, const Preprocess& done, double absent) {
  if (values.empty()) return absent;
  const bool isTurned = values.size() == 3 && done.colorOrder != "gray" && done.colorOrder != done.sourceOrder;
  return values[std::min(static_cast<size_t>(isTurned ? 2 - channel : channel), values.size() - 1)];
}

std::optional<std::vector<double>> numbersOf(const Tensor& tensor) {
  std::vector<double> numbers;
  const auto take = [&]<typename T>(std::span<const T> values) { numbers.assign(values.begin(), values.end()); };
  if (tensor.dtype() == DType::f32)
    take(tensor.as<float>());
  else if (tensor.dtype() == DType::u8)
    take(tensor.as<uint8_t>());
  else
    return std::nullopt;
  return numbers;
}

/// The numbers before `done`, in the order of the tensor.
void undo(std::vector<double>& numbers, const Layout& layout, const Preprocess& done) {
  const double scale = done.scale != 0 ? done.scale : 1;
  for (int64_t c = 0; c < layout.channels; ++c)
    for (int64_t y = 0; y < layout.height; ++y)
      for (int64_t x = 0; x < layout.width; ++x) {
        double& value = numbers[static_cast<size_t>(c * layout.perChannel + y * layout.perRow + x * layout.perPixel)];
        value = (value * perChannel(done.std, c, done, 1) + perChannel(done.mean, c, done, 0)) / scale;
      }
}

/// Bytes stay; what goes beyond them, or does not reach 2, is stretched to 0..255.
void stretch(std::vector<double>& numbers) {
  const auto [low, high] = std::ranges::minmax(numbers);
  if (low >= -0.5 && high <= 255.5 && high >= 2) return;
  const double factor = high > low ? 255 / (high - low) : 0;
  for (double& value : numbers) value = (value - low) * factor;
}

Tensor reduced(const Tensor& picture) {
  const int64_t height = picture.shape()[0], width = picture.shape()[1];
  const int64_t shorter = std::min(height, width), longer = std::max(height, width);
  const int64_t side = std::min(shorter, kSide);
  return resizeAndCrop(picture, shorter > kSide ? kSide : 0, longer > 2 * shorter || longer > 4 * kSide ? side : 0,
                       false);
}

std::string base64(std::string_view bytes) {
  std::string out(4 * ((bytes.size() + 2) / 3) + 1, '\0');
  const int length =
      EVP_EncodeBlock(reinterpret_cast<unsigned char*>(out.data()),
                      reinterpret_cast<const unsigned char*>(bytes.data()), static_cast<int>(bytes.size()));
  out.resize(static_cast<size_t>(length));
  return out;
}

void require(int code) {
  if (code != 0) throw Error(ErrorKind::bug, std::string("PNG: ") + spng_strerror(code));
}

std::optional<nlohmann::ordered_json> thumbnail(const Dataset& dataset, int64_t index) {
  const Sample sample = dataset.read(index);
  if (sample.inputs.empty()) return std::nullopt;
  const std::optional<Tensor> picture = pictureOf(sample.inputs.front(), dataset.preprocess());
  if (!picture) return std::nullopt;
  return nlohmann::ordered_json{{"name", sample.name}, {"png", base64(encodePng(reduced(*picture)))}};
}

}  // namespace

std::optional<Tensor> pictureOf(const Tensor& input, const Preprocess& done) {
  const std::optional<Layout> layout = layoutOf(input.shape());
  std::optional<std::vector<double>> numbers = layout ? numbersOf(input) : std::nullopt;
  if (!numbers || !std::ranges::all_of(*numbers, [](double value) { return std::isfinite(value); }))
    return std::nullopt;
  undo(*numbers, *layout, done);
  stretch(*numbers);
  Buffer bytes(DType::u8, {layout->height, layout->width, 3});
  const auto to = bytes.as<uint8_t>();
  size_t next = 0;
  for (int64_t y = 0; y < layout->height; ++y)
    for (int64_t x = 0; x < layout->width; ++x)
      for (int64_t c = 0; c < 3; ++c) {
        const int64_t channel = layout->channels == 1 ? 0 : done.colorOrder == "bgr" ? 2 - c : c;
        const double value =
            (*numbers)[static_cast<size_t>(channel * layout->perChannel + y * layout->perRow + x * layout->perPixel)];
        to[next++] = static_cast<uint8_t>(std::lround(std::clamp(value, 0.0, 255.0)));
      }
  return std::move(bytes).freeze();
}

std::string encodePng(const Tensor& picture) {
  const std::unique_ptr<spng_ctx, void (*)(spng_ctx*)> context(spng_ctx_new(SPNG_CTX_ENCODER), spng_ctx_free);
  if (!context) throw std::bad_alloc();
  spng_set_option(context.get(), SPNG_ENCODE_TO_BUFFER, 1);
  spng_ihdr header{};
  header.width = static_cast<uint32_t>(picture.shape()[1]);
  header.height = static_cast<uint32_t>(picture.shape()[0]);
  header.bit_depth = 8;
  header.color_type = SPNG_COLOR_TYPE_TRUECOLOR;
  require(spng_set_ihdr(context.get(), &header));
  const auto pixels = picture.as<uint8_t>();
  require(spng_encode_image(context.get(), pixels.data(), pixels.size(), SPNG_FMT_PNG, SPNG_ENCODE_FINALIZE));
  size_t size = 0;
  int failed = 0;
  const std::unique_ptr<void, void (*)(void*)> file(spng_get_png_buffer(context.get(), &size, &failed), std::free);
  require(failed);
  return {static_cast<const char*>(file.get()), size};
}

nlohmann::ordered_json thumbnails(const Dataset& dataset, int64_t count) {
  nlohmann::ordered_json pictures = nlohmann::ordered_json::array();
  const int64_t shown = std::min(count, dataset.size());
  for (int64_t i = 0; i < shown; ++i) {
    const auto picture = thumbnail(dataset, i * dataset.size() / shown);
    if (!picture) break;
    pictures.push_back(*picture);
  }
  return pictures;
}

}  // namespace compress
