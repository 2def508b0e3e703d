#include "lib/runtime/plan/int8/conv_pieces.h"

#include <algorithm>

namespace compress::int8 {
namespace {

std::optional<Weights> splitWide(std::span<const int16_t> shifted, const Shape& shape) {
  constexpr size_t kMostWide = 8;  // one in eight
  const auto perChannel = static_cast<size_t>(shape.count(1, shape.rank()));
  Weights weights;
  std::vector<int16_t> wide;
  Buffer narrow(DType::i8, shape);
  for (size_t i = 0; i < shifted.size(); ++i)
    narrow.as<int8_t>()[i] = static_cast<int8_t>(std::clamp<int16_t>(shifted[i], -128, 127));
  for (size_t m = 0; m * perChannel < shifted.size(); ++m) {
    const auto own = shifted.subspan(m * perChannel, perChannel);
    if (std::ranges::all_of(own, [](int16_t w) { return w >= -128 && w <= 127; })) continue;
    weights.wide.push_back(static_cast<int64_t>(m));
    wide.insert(wide.end(), own.begin(), own.end());
  }
  if (weights.wide.size() * kMostWide > static_cast<size_t>(shape[0])) return std::nullopt;
  std::vector<int64_t> dims = shape.dims();
  dims[0] = static_cast<int64_t>(weights.wide.size());
  weights.values = std::move(narrow).freeze();
  weights.wideValues = Tensor::of<int16_t>(Shape(dims), wide);
  return weights;
}

}  // namespace

std::optional<Weights> narrowWeights(const StoredConstant& found, bool transposed) {
  const Shape& shape = found.stored->shape();
  const std::vector<int64_t> values = toInts(*found.stored);
  std::vector<int16_t> shifted(values.size());
  const auto rows = static_cast<size_t>(shape[0]), columns = values.size() / std::max<size_t>(rows, 1);
  for (size_t i = 0; i < values.size(); ++i)
    shifted[transposed ? i % columns * rows + i / columns : i] =
        static_cast<int16_t>(values[i] - found.zeroOf(found.channelOf(i)));
  return splitWide(shifted, transposed ? Shape{shape[1], shape[0]} : shape);
}

std::optional<Weights> findWeights(const FusedGraph& graph, ValueId value, bool transposed) {
  const std::optional<StoredConstant> found = findStoredConstant(graph, value);
  if (!found || !isByte(found->stored->dtype()) || found->scale->dtype() != DType::f32) return std::nullopt;
  const size_t axis = transposed ? 1 : 0;
  const auto count = static_cast<int64_t>(found->channelCount);
  if (found->axis && (*found->axis != axis || count != found->stored->shape()[axis])) return std::nullopt;
  std::optional<Weights> weights = narrowWeights(*found, transposed);
  if (weights) weights->scales = found->scale->reshaped(Shape{count});
  return weights;
}

Window windowOfConv(const Node& conv, const Shape& x, const Shape& w, const Shape& y) {
  Window window = windowOf(conv, {w.dims().begin() + 2, w.dims().end()});
  resolvePads(window, {x.dims().begin() + 2, x.dims().end()});
  for (size_t i = 0; i < window.rank(); ++i) {
    const int64_t reach = (y[i + 2] - 1) * window.strides[i] + window.extent(i) - x[i + 2] - window.padsBegin[i];
    window.padsEnd[i] = std::clamp<int64_t>(reach, 0, window.padsEnd[i]);
  }
  return window;
}

void setWindow(Attributes& attributes, const Node& conv, const Window& window) {
  attributes.set("group", conv.attributes.integer("group", 1));
  attributes.set("strides", window.strides);
  attributes.set("dilations", window.dilations);
  attributes.set("before", window.padsBegin);
  attributes.set("after", window.padsEnd);
}

}  // namespace compress::int8
