#include "passes/prune/score.h"

#include <algorithm>
#include <array>

namespace compress {

std::span<const Criterion> criteria() {
  static const std::array kCriteria = {
      l1Criterion(),         l2Criterion(),  fpgmCriterion(),  batchNormScaleCriterion(),
      activationCriterion(), obsCriterion(), randomCriterion()};
  return kCriteria;
}

const Criterion* findCriterion(std::string_view name) {
  const auto all = criteria();
  const auto found = std::ranges::find(all, name, &Criterion::name);
  return found == all.end() ? nullptr : &*found;
}

void forSlices(const Tensor& tensor, size_t axis, std::span<const int64_t> slices,
               const std::function<void(int64_t, float)>& visit) {
  const Shape& shape = tensor.shape();
  const int64_t outer = shape.count(0, axis), extent = shape[axis], inner = shape.count(axis + 1, shape.rank());
  const auto elements = tensor.as<float>();
  for (const int64_t slice : slices)
    for (int64_t block = 0; block < outer; ++block)
      for (int64_t i = 0; i < inner; ++i)
        visit(slice, elements[static_cast<size_t>((block * extent + slice) * inner + i)]);
}

}  // namespace compress
