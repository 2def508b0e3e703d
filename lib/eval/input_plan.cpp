#include "lib/eval/input_plan.h"

#include <algorithm>
#include <charconv>
#include <bit>
#include <cmath>
#include <limits>

#include "lib/base/error.h"
#include "lib/base/text.h"
#include "lib/eval/picture.h"

namespace compress {
namespace {

/// Rec. 601 luma in 16-bit fixed point.
constexpr uint32_t kRed = 19595, kGreen = 38470, kBlue = 7471, kHalf = 32768;

bool fits(const Type& type, const Shape& shape) {
  if (!type.hasRank()) return true;
  if (type.rank() != shape.rank()) return false;
  for (size_t axis = 0; axis < shape.rank(); ++axis)
    if ((*type.dims)[axis].isKnown() && (*type.dims)[axis].value != shape[axis]) return false;
  return true;
}

std::optional<Shape> firstFitting(const Type& type, std::vector<Shape> candidates) {
  for (Shape& shape : candidates)
    if (fits(type, shape)) return std::move(shape);
  return std::nullopt;
}

void requireFinite(std::span<const float> values, std::string_view where) {
  uint32_t worst = 0;
  for (const float value : values) worst = std::max(worst, std::bit_cast<uint32_t>(value) & 0x7F800000U);
  if (worst != 0x7F800000U) return;
  const auto bad = std::ranges::find_if(values, [](float value) { return !std::isfinite(value); });
  throw Error(ErrorKind::numeric,
              text(where, ": ", std::isnan(*bad) ? "NaN" : "infinity", " at element ", bad - values.begin()));
}

/// `channels` interleaved or planar channels of u8 to one.
Tensor luma(const Tensor& source, int64_t pixels, int64_t channelStride, int64_t pixelStride, bool isBgr) {
  Buffer gray(DType::u8, Shape{pixels});
  const auto from = source.as<uint8_t>();
  const auto to = gray.as<uint8_t>();
  const int64_t red = isBgr ? 2 : 0, blue = 2 - red;
  for (int64_t p = 0; p < pixels; ++p) {
    const auto at = [&](int64_t channel) {
      return static_cast<uint32_t>(from[static_cast<size_t>(p * pixelStride + channel * channelStride)]);
    };
    to[static_cast<size_t>(p)] =
        static_cast<uint8_t>((at(red) * kRed + at(1) * kGreen + at(blue) * kBlue + kHalf) >> 16);
  }
  return std::move(gray).freeze();
}

template <typename T>
void storeIntegers(std::span<const double> values, Buffer& out, bool saturate, std::string_view where) {
  const auto to = out.as<T>();
  constexpr auto low = static_cast<double>(std::numeric_limits<T>::min()),
                 high = static_cast<double>(std::numeric_limits<T>::max());
  for (size_t i = 0; i < values.size(); ++i) {
    const double rounded = std::nearbyint(values[i]);
    if (!saturate && (rounded != values[i] || rounded < low || rounded > high))
      throw Error(ErrorKind::input,
                  text(where, ": ", values[i], " at element ", i, " does not fit the model's ", nameOf(out.dtype())));
    to[i] = rounded >= high  ? std::numeric_limits<T>::max()
            : rounded <= low ? std::numeric_limits<T>::min()
                             : static_cast<T>(rounded);
  }
}

template <typename T>
void storeReals(std::span<const double> values, Buffer& out) {
  const auto to = out.as<T>();
  for (size_t i = 0; i < values.size(); ++i) {
    if constexpr (std::is_same_v<T, double>)
      to[i] = values[i];
    else
      to[i] = static_cast<T>(static_cast<float>(values[i]));
  }
}

Tensor store(std::span<const double> values, DType dtype, Shape shape, bool saturate, std::string_view where) {
  Buffer out(dtype, std::move(shape));
  switch (dtype) {
    case DType::f32:
      storeReals<float>(values, out);
      break;
    case DType::f64:
      storeReals<double>(values, out);
      break;
    case DType::f16:
      storeReals<Half>(values, out);
      break;
    case DType::bf16:
      storeReals<BFloat16>(values, out);
      break;
    case DType::i8:
      storeIntegers<int8_t>(values, out, saturate, where);
      break;
    case DType::u8:
      storeIntegers<uint8_t>(values, out, saturate, where);
      break;
    case DType::i16:
      storeIntegers<int16_t>(values, out, saturate, where);
      break;
    case DType::u16:
      storeIntegers<uint16_t>(values, out, saturate, where);
      break;
    case DType::i32:
      storeIntegers<int32_t>(values, out, saturate, where);
      break;
    case DType::u32:
      storeIntegers<uint32_t>(values, out, saturate, where);
      break;
    case DType::i64:
      storeIntegers<int64_t>(values, out, saturate, where);
      break;
    case DType::u64:
      storeIntegers<uint64_t>(values, out, saturate, where);
      break;
    case DType::boolean:
      std::ranges::transform(values, out.as<bool>().begin(), [](double value) { return value != 0; });
      break;
    default:
      throw Error(ErrorKind::unsupported,
                  text("model input of ", nameOf(dtype), ": samples cannot be converted to it"));
  }
  return std::move(out).freeze();
}

/// Height and width that the model declares for pictures; 0 where it leaves them open.
struct Extent {
  int64_t height = 0, width = 0;
};

Extent declaredExtent(const Type& type) {
  if (!type.hasRank() || type.rank() != 4) return {};
  const std::vector<Dim>& dims = *type.dims;
  const auto isColour = [&](size_t axis) { return dims[axis].value == 1 || dims[axis].value == 3; };
  const bool channelsLast = isColour(3) && !isColour(1);
  const auto known = [&](size_t axis) { return std::max<int64_t>(dims[axis].value, 0); };
  return channelsLast ? Extent{known(1), known(2)} : Extent{known(2), known(3)};
}

}  // namespace

InputPlan::InputPlan(const InputSpec& input, const SourceInfo& source, const PreprocessOptions& options)
    : input_(input), sourceDtype_(source.dtype), isPicture_(source.isPicture) {
  const PreprocessOptions filled = withPreset(options);
  isGrayAsked_ = filled.colorOrder == "gray";
  completePreprocess(source, filled);
  const Extent declared = declaredExtent(input_.type);
  const auto pictureExtent = [&](int64_t known) {
    return preprocess_.crop > 0 ? preprocess_.crop : std::max<int64_t>(known, 1);
  };
  makeTables(geometry(isPicture_ ? Shape{pictureExtent(declared.height), pictureExtent(declared.width), 3}
                                 : source.sampleShape));
}

void InputPlan::completePreprocess(const SourceInfo& source, const PreprocessOptions& options) {
  const Shape& sample = source.sampleShape;
  const bool isBytes = source.dtype == DType::u8;
  const bool lastIsColour = sample.rank() == 3 && (sample[2] == 1 || sample[2] == 3 || sample[2] == 4);
  preprocess_.preset = options.preset;
  preprocess_.layout = source.isPicture ? "nhwc" : options.layout.value_or(isBytes && lastIsColour ? "nhwc" : "nchw");
  preprocess_.interp = options.interp.value_or("bilinear");
  preprocess_.scale = options.scale.value_or(isBytes && isFloating(input_.type.dtype) ? 1.0 / 255 : 1.0);
  preprocess_.mean = options.mean;
  preprocess_.std = options.std;
  preprocess_.colorOrder = options.colorOrder.value_or("rgb");
  preprocess_.sourceOrder = options.sourceOrder.value_or("rgb");
  if (!source.isPicture) return;
  const Extent extent = declaredExtent(input_.type);
  const int64_t wanted = extent.height == extent.width ? extent.height : 0;
  preprocess_.crop = options.crop.value_or(wanted);
  preprocess_.resize = options.resize.value_or(options.crop ? 0 : wanted);
}

void InputPlan::makeTables(const Geometry& geometry) {
  const auto channels = static_cast<size_t>(geometry.channels);
  if (!geometry.isImage)
    preprocess_.layout = "as is";
  else if (geometry.channels == 1)
    preprocess_.colorOrder = "gray";
  const auto spread = [&](std::string_view name, const std::vector<double>& values, double absent) {
    if (values.size() > 1 && values.size() != channels)
      throw Error(ErrorKind::usage,
                  text("--", name, " has ", values.size(), " values, input '", displayName(input_.name), "' has ",
                       channels, channels == 1 ? " channel" : " channels"),
                  "give one value, or one per channel");
    std::vector<double> perChannel(channels, values.empty() ? absent : values[0]);
    if (values.size() > 1)
      for (size_t c = 0; c < channels; ++c)
        perChannel[c] = values[geometry.isLuma || geometry.sourceChannelStride == 0
                                   ? c
                                   : static_cast<size_t>(geometry.sourceChannel[c])];
    return perChannel;
  };
  mean_ = spread("mean", preprocess_.mean, 0);
  std_ = spread("std", preprocess_.std, 1);
  isIdentity_ = preprocess_.scale == 1 && std::ranges::all_of(mean_, [](double m) { return m == 0; }) &&
                std::ranges::all_of(std_, [](double s) { return s == 1; });
  if (sourceDtype_ != DType::u8) return;
  tables_.assign(channels, std::vector<float>(256));
  for (size_t c = 0; c < channels; ++c)
    for (size_t v = 0; v < 256; ++v)
      tables_[c][v] = static_cast<float>(value(static_cast<double>(v), static_cast<int64_t>(c)));
}

std::optional<Shape> InputPlan::imageShape(int64_t channels, int64_t height, int64_t width, bool& channelsLast) const {
  const Shape first{1, channels, height, width}, last{1, height, width, channels};
  channelsLast = !fits(input_.type, first);
  return firstFitting(input_.type, {first, last});
}

std::optional<InputPlan::Geometry> InputPlan::imageGeometry(const Shape& sample) const {
  const bool isPlain = sample.rank() == 2 && input_.type.hasRank() && input_.type.rank() == 4;
  if (sample.rank() != 3 && !isPlain) return std::nullopt;
  const bool sourceLast = preprocess_.layout == "nhwc" && !isPlain;
  const int64_t channels = isPlain ? 1 : sourceLast ? sample[2] : sample[0];
  const int64_t height = isPlain || sourceLast ? sample[0] : sample[1],
                width = isPlain || sourceLast ? sample[1] : sample[2];
  std::vector<int64_t> wanted = {channels};
  const bool isColour = channels == 3 && sourceDtype_ == DType::u8;
  if (isGrayAsked_ && isColour)
    wanted = {1};
  else if (isColour)
    wanted.push_back(1);
  else if (sourceDtype_ == DType::u8 && (channels == 1 || channels == 4))
    wanted.push_back(3);
  for (const int64_t count : wanted) {
    bool channelsLast = false;
    const auto shape = imageShape(count, height, width, channelsLast);
    if (!shape) continue;
    Geometry g;
    g.out = *shape;
    g.isImage = true;
    g.channels = count;
    g.pixels = height * width;
    g.isLuma = isColour && count == 1;
    g.sourceChannelStride = channels == 1 ? 0 : sourceLast ? 1 : g.pixels;
    g.sourcePixelStride = sourceLast ? channels : 1;
    g.outChannelStride = channelsLast ? 1 : g.pixels;
    g.outPixelStride = channelsLast ? count : 1;
    g.sourceChannel.resize(static_cast<size_t>(count));
    const bool swapped = count == 3 && channels >= 3 && preprocess_.colorOrder != preprocess_.sourceOrder &&
                         preprocess_.colorOrder != "gray";
    for (int64_t c = 0; c < count; ++c) g.sourceChannel[static_cast<size_t>(c)] = swapped ? 2 - c : c;
    return g;
  }
  return std::nullopt;
}

std::optional<Shape> InputPlan::flatShape(const Shape& sample) const {
  std::vector<int64_t> batched = {1};
  batched.insert(batched.end(), sample.dims().begin(), sample.dims().end());
  std::vector<int64_t> channelFirst = batched, channelLast = batched;
  channelFirst.insert(channelFirst.begin() + 1, 1);
  channelLast.push_back(1);
  return firstFitting(input_.type, {Shape(batched), sample, Shape(channelFirst), Shape(channelLast)});
}

InputPlan::Geometry InputPlan::geometry(const Shape& sample) const {
  if (const auto image = imageGeometry(sample)) return *image;
  const auto shape = flatShape(sample);
  if (!shape)
    throw Error(ErrorKind::input,
                text("samples of ", nameOf(sourceDtype_), print(sample), " do not fit model input '",
                     displayName(input_.name), "' of ", print(input_.type)),
                isPicture_ ? "set --resize and --crop" : "samples lie on axis 0; is --layout right?");
  Geometry flat;
  flat.out = *shape;
  flat.pixels = sample.elementCount();
  return flat;
}

Tensor InputPlan::apply(const Tensor& source, std::string_view where) const {
  const Tensor cut = isPicture_
                         ? resizeAndCrop(source, preprocess_.resize, preprocess_.crop, preprocess_.interp == "bicubic")
                         : source;
  Geometry g = within([&] { return std::string(where); }, [&] { return geometry(cut.shape()); });
  if (static_cast<size_t>(g.channels) != mean_.size())
    throw Error(ErrorKind::input,
                text(where, ": ", print(cut.shape()), " gives ", g.channels, " channels, expected ", mean_.size()),
                "set --resize and --crop");
  if (!g.isLuma) return convert(cut, g, where);
  const Tensor gray = luma(cut, g.pixels, g.sourceChannelStride, g.sourcePixelStride, preprocess_.sourceOrder == "bgr");
  g.sourceChannelStride = 0;
  g.sourcePixelStride = 1;
  g.sourceChannel = {0};
  return convert(gray, g, where);
}

Tensor InputPlan::convert(const Tensor& source, const Geometry& g, std::string_view where) const {
  const DType wanted = input_.type.dtype;
  const bool inOrder = g.sourcePixelStride == g.outPixelStride &&
                       (g.channels == 1 || g.sourceChannelStride == g.outChannelStride) &&
                       std::ranges::is_sorted(g.sourceChannel);
  if (source.dtype() == DType::f32 && wanted == DType::f32) requireFinite(source.as<float>(), where);
  const bool needsCheck = isFloating(wanted) && wanted != DType::f32;
  if (source.dtype() == wanted && isIdentity_ && inOrder && !needsCheck) return source.reshaped(g.out);
  if (wanted != DType::f32 || (source.dtype() != DType::u8 && source.dtype() != DType::f32))
    return convertAny(source, g, where);
  Buffer out(DType::f32, g.out);
  float* const to = out.as<float>().data();
  for (int64_t c = 0; c < g.channels; ++c) {
    const int64_t begin = g.sourceChannel[static_cast<size_t>(c)] * g.sourceChannelStride;
    float* const channel = to + c * g.outChannelStride;
    if (source.dtype() == DType::u8) {
      const uint8_t* const from = source.as<uint8_t>().data() + begin;
      const float* const table = tables_[static_cast<size_t>(c)].data();
      for (int64_t p = 0; p < g.pixels; ++p) channel[p * g.outPixelStride] = table[from[p * g.sourcePixelStride]];
    } else {
      const float* const from = source.as<float>().data() + begin;
      for (int64_t p = 0; p < g.pixels; ++p)
        channel[p * g.outPixelStride] =
            static_cast<float>(value(static_cast<double>(from[p * g.sourcePixelStride]), c));
    }
  }
  return std::move(out).freeze();
}

Tensor InputPlan::convertAny(const Tensor& source, const Geometry& g, std::string_view where) const {
  const std::vector<double> from = toDoubles(source);
  std::vector<double> results(static_cast<size_t>(g.channels * g.pixels));
  for (int64_t c = 0; c < g.channels; ++c)
    for (int64_t p = 0; p < g.pixels; ++p) {
      const auto at = static_cast<size_t>(g.sourceChannel[static_cast<size_t>(c)] * g.sourceChannelStride +
                                          p * g.sourcePixelStride);
      if (!std::isfinite(from[at]))
        throw Error(ErrorKind::numeric,
                    text(where, ": ", std::isnan(from[at]) ? "NaN" : "infinity", " at element ", at));
      results[static_cast<size_t>(c * g.outChannelStride + p * g.outPixelStride)] =
          isIdentity_ ? from[at] : value(from[at], c);
    }
  return store(results, input_.type.dtype, g.out, !isIdentity_, where);
}

void bindSymbols(const Type& type, const Shape& shape, SymbolSizes& sizes) {
  if (!type.hasRank() || type.rank() != shape.rank()) return;
  for (size_t axis = 0; axis < shape.rank(); ++axis)
    if (const std::string& symbol = (*type.dims)[axis].symbol; !symbol.empty()) sizes.emplace(symbol, shape[axis]);
}

ConstantInput::ConstantInput(InputSpec input, std::string_view number) : input_(std::move(input)) {
  const auto [end, failed] = std::from_chars(number.data(), number.data() + number.size(), value_);
  if (failed != std::errc() || end != number.data() + number.size())
    throw Error(ErrorKind::usage,
                text("--input ", displayName(input_.name), "=@", displayName(number), ": expected a number after @"));
  filled({});
}

Tensor ConstantInput::filled(const SymbolSizes& sizes) const {
  std::vector<int64_t> dims;
  if (input_.type.hasRank())
    for (const Dim& dim : *input_.type.dims) {
      const auto size = dim.isKnown() ? sizes.end() : sizes.find(dim.symbol);
      dims.push_back(dim.isKnown() ? dim.value : size == sizes.end() ? 1 : size->second);
    }
  Buffer filled(DType::f64, Shape(dims));
  std::ranges::fill(filled.as<double>(), value_);
  const Tensor all = std::move(filled).freeze();
  PreprocessOptions asIs;
  asIs.scale = 1;
  return InputPlan(input_, {DType::f64, all.shape(), false}, asIs).apply(all, displayName(input_.name));
}

}  // namespace compress
