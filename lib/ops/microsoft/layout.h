// Transpositions between [N, C, spatial...] and [N, spatial..., C].
#pragma once
#include "lib/ops/lowering.h"

namespace compress {

inline ValueId channelsFirst(Lowering& node, ValueId x, size_t rank) {
  std::vector<int64_t> perm = {0, static_cast<int64_t>(rank) - 1};
  for (size_t axis = 1; axis + 1 < rank; ++axis) perm.push_back(static_cast<int64_t>(axis));
  return node.emit("Transpose", {x}, attributesOf({{"perm", perm}}));
}

inline ValueId channelsLast(Lowering& node, ValueId x, size_t rank) {
  std::vector<int64_t> perm = {0};
  for (size_t axis = 2; axis < rank; ++axis) perm.push_back(static_cast<int64_t>(axis));
  perm.push_back(1);
  return node.emit("Transpose", {x}, attributesOf({{"perm", perm}}));
}

}  // namespace compress
