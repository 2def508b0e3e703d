#include "lib/ops/window.h"

#include <algorithm>

namespace compress {
namespace {

Window::AutoPad autoPadOf(const Node& node) {
  const std::string mode = node.attributes.string("auto_pad", "NOTSET");
  if (mode == "NOTSET" || mode.empty()) return Window::AutoPad::none;
  if (mode == "SAME_UPPER") return Window::AutoPad::sameUpper;
  if (mode == "SAME_LOWER") return Window::AutoPad::sameLower;
  if (mode == "VALID") return Window::AutoPad::valid;
  reject("auto_pad is '", displayName(mode), "', expected NOTSET, SAME_UPPER, SAME_LOWER or VALID");
}

std::vector<int64_t> listOf(const Node& node, std::string_view name, size_t count, int64_t absent, int64_t least) {
  std::vector<int64_t> list = node.attributes.integers(name, std::vector<int64_t>(count, absent));
  if (list.size() != count) reject(name, " has ", list.size(), " elements, expected ", count);
  constexpr int64_t kMost = int64_t{1} << 31;
  for (const int64_t value : list)
    if (value < least || value >= kMost)
      reject(name, " holds ", value, ", expected at least ", least, " and below 2^31");
  return list;
}

bool isSame(const Window& window) {
  return window.autoPad == Window::AutoPad::sameUpper || window.autoPad == Window::AutoPad::sameLower;
}

}  // namespace

Window windowOf(const Node& node, std::vector<int64_t> kernel) {
  const size_t rank = kernel.size();
  Window window;
  for (const int64_t size : kernel)
    if (size < 1 || size >= int64_t{1} << 31) reject("kernel size ", size, ", expected at least 1");
  window.kernel = std::move(kernel);
  window.strides = listOf(node, "strides", rank, 1, 1);
  window.dilations = listOf(node, "dilations", rank, 1, 1);
  const auto pads = listOf(node, "pads", 2 * rank, 0, 0);
  const auto middle = pads.begin() + static_cast<std::ptrdiff_t>(rank);
  window.padsBegin.assign(pads.begin(), middle);
  window.padsEnd.assign(middle, pads.end());
  window.autoPad = autoPadOf(node);
  window.ceilMode = node.attributes.integer("ceil_mode", 0) != 0;
  if (window.autoPad != Window::AutoPad::none) {
    std::ranges::fill(window.padsBegin, 0);
    std::ranges::fill(window.padsEnd, 0);
  }
  return window;
}

Dim windowOutput(const Window& window, size_t axis, const Dim& input) {
  const int64_t stride = window.strides[axis];
  const int64_t padded = window.padsBegin[axis] + window.padsEnd[axis];
  if (stride == 1 && (isSame(window) || padded == window.extent(axis) - 1)) return input;
  if (!input.isKnown()) return {};
  if (isSame(window)) return Dim::of((input.value + stride - 1) / stride);
  const int64_t room = input.value + padded - window.extent(axis);
  if (room < 0)
    reject("a kernel of extent ", window.extent(axis), " does not fit into axis ", axis, " of ", input.value,
           " elements padded by ", padded);
  int64_t count = room / stride + 1;
  // A last window that would start in the padding behind the input is left out.
  if (window.ceilMode && room % stride != 0 && count * stride < input.value + window.padsBegin[axis]) ++count;
  return Dim::of(count);
}

void resolvePads(Window& window, const std::vector<int64_t>& extents) {
  if (!isSame(window)) return;
  for (size_t axis = 0; axis < window.rank(); ++axis) {
    const int64_t count = (extents[axis] + window.strides[axis] - 1) / window.strides[axis];
    const int64_t total =
        std::max<int64_t>(0, (count - 1) * window.strides[axis] + window.extent(axis) - extents[axis]);
    const int64_t less = total / 2, more = total - less;
    window.padsBegin[axis] = window.autoPad == Window::AutoPad::sameUpper ? less : more;
    window.padsEnd[axis] = window.autoPad == Window::AutoPad::sameUpper ? more : less;
  }
}

}  // namespace compress
