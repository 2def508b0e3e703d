// Axes in the order of memory, merged.
#include "lib/runtime/cpu/loop_nest.h"

namespace compress {

std::vector<int64_t> broadcastStrides(const Shape& shape, const Shape& whole, Layout layout) {
  const std::vector<int64_t> own = stridesOf(shape, shape.rank() == whole.rank() ? layout : Layout::plain);
  std::vector<int64_t> strides(whole.rank(), 0);
  const size_t shift = whole.rank() - shape.rank();
  for (size_t i = 0; i < shape.rank(); ++i)
    if (shape[i] != 1) strides[i + shift] = own[i];
  return strides;
}

LoopNest::LoopNest(const Shape& whole, Layout layout, const std::vector<std::vector<int64_t>>& strides) {
  std::vector<size_t> order;
  for (size_t i = 0; i < whole.rank(); ++i)
    if (layout == Layout::plain || i != 1) order.push_back(i);
  if (layout == Layout::channelsLast) order.push_back(1);
  for (const size_t axis : order) {
    if (whole[axis] == 1) continue;
    LoopAxis next{whole[axis], {}};
    for (const auto& operand : strides) next.steps.push_back(operand[axis]);
    bool isMerged = !outer_.empty();
    for (size_t k = 0; isMerged && k < next.steps.size(); ++k)
      isMerged = outer_.back().steps[k] == next.steps[k] * next.count;
    if (isMerged) {
      next.count *= outer_.back().count;
      outer_.back() = next;
    } else {
      outer_.push_back(next);
    }
  }
  inner_ = outer_.empty() ? LoopAxis{1, std::vector<int64_t>(strides.size(), 1)} : outer_.back();
  if (!outer_.empty()) outer_.pop_back();
  for (const LoopAxis& loop : outer_) outerCount_ *= loop.count;
}

}  // namespace compress
