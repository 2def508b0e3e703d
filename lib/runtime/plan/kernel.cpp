// Layouts: names and strides.
#include "lib/runtime/plan/kernel.h"

#include <numeric>

namespace compress {

std::string_view nameOf(Layout layout, size_t rank) {
  if (layout == Layout::plain) return rank == 4 ? "nchw" : "plain";
  return rank == 4 ? "nhwc" : "channels-last";
}

std::vector<int64_t> stridesOf(const Shape& shape, Layout layout) {
  const size_t rank = shape.rank();
  std::vector<size_t> order(rank);
  std::iota(order.begin(), order.end(), size_t{0});
  if (layout == Layout::channelsLast) {
    order.erase(order.begin() + 1);
    order.push_back(1);
  }
  std::vector<int64_t> strides(rank, 1);
  int64_t step = 1;
  for (size_t i = rank; i-- > 0;) {
    strides[order[i]] = step;
    step *= std::max<int64_t>(shape[order[i]], 1);
  }
  return strides;
}

bool layoutsCoincide(const Shape& shape) {
  return shape.rank() < 3 || shape[1] == 1 || shape.count(2, shape.rank()) == 1;
}

}  // namespace compress
