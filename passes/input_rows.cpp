#include "passes/input_rows.h"

#include <algorithm>

namespace compress {
bool InputRows::canRead(const Node& node, const Tensor& weight) {
  return node.op == "Conv" ? weight.shape().rank() == 4 : weight.shape().rank() == 2;
}

InputRows::InputRows(const Node& node, const Shape& weight, const Shape& input, const Shape& result)
    : isConv_(node.op == "Conv") {
  if (!isConv_) {
    size_ = weight[node.op == "Gemm" && node.attributes.integer("transB", 0) != 0 ? 1 : 0];
    outChannels_ = result[result.rank() - 1];
    positions_ = result.elementCount() / std::max<int64_t>(outChannels_, 1);
    return;
  }
  inChannels_ = input[1], height_ = input[2], width_ = input[3];
  outChannels_ = result[1], outHeight_ = result[2], outWidth_ = result[3];
  window_ = windowOf(node, {weight[2], weight[3]});
  resolvePads(window_, {height_, width_});
  perGroup_ = weight[1];
  size_ = perGroup_ * weight[2] * weight[3];
  positions_ = result[0] * outHeight_ * outWidth_;
}

std::vector<int64_t> InputRows::spread(int64_t most) const {
  const int64_t taken = std::min(positions_, most);
  std::vector<int64_t> places;
  for (int64_t i = 0; i < taken; ++i) places.push_back((2 * i + 1) * positions_ / (2 * taken));
  return places;
}

void InputRows::append(std::span<const float> input, int64_t position, int64_t group, std::vector<float>& rows) const {
  if (isConv_) return appendPatch(input, position, group, rows);
  const auto row = input.subspan(static_cast<size_t>(position * size_), static_cast<size_t>(size_));
  rows.insert(rows.end(), row.begin(), row.end());
}

void InputRows::appendPatch(std::span<const float> input, int64_t position, int64_t group,
                            std::vector<float>& rows) const {
  const int64_t sample = position / (outHeight_ * outWidth_), place = position % (outHeight_ * outWidth_);
  const int64_t y = place / outWidth_ * window_.strides[0] - window_.padsBegin[0];
  const int64_t x = place % outWidth_ * window_.strides[1] - window_.padsBegin[1];
  rows.resize(rows.size() + static_cast<size_t>(size_));
  float* to = rows.data() + rows.size() - size_;
  for (int64_t c = 0; c < perGroup_; ++c) {
    const int64_t plane = (sample * inChannels_ + group * perGroup_ + c) * height_;
    for (int64_t ky = 0; ky < window_.kernel[0]; ++ky)
      for (int64_t kx = 0; kx < window_.kernel[1]; ++kx) {
        const int64_t iy = y + ky * window_.dilations[0], ix = x + kx * window_.dilations[1];
        const bool inside = iy >= 0 && iy < height_ && ix >= 0 && ix < width_;
        *to++ = inside ? input[static_cast<size_t>((plane + iy) * width_ + ix)] : 0.0F;
      }
  }
}

size_t InputRows::resultIndex(int64_t position, int64_t channel) const {
  if (!isConv_) return static_cast<size_t>(position * outChannels_ + channel);
  const int64_t area = outHeight_ * outWidth_;
  return static_cast<size_t>((position / area * outChannels_ + channel) * area + position % area);
}

}  // namespace compress
