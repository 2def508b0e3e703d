#include "passes/prune/labels.h"

#include <utility>

namespace compress {

Labels Labels::digit(int64_t stride, int64_t period) {
  Labels labels;
  labels.stride_ = stride;
  labels.period_ = period;
  return labels;
}

Labels Labels::window(int64_t first, int64_t count) {
  Labels labels;
  labels.first_ = first;
  labels.count_ = count;
  return labels;
}

Labels Labels::each(std::vector<int64_t> labels) {
  auto table = std::make_shared<Table>();
  for (size_t i = 0; i < labels.size(); ++i)
    if (labels[i] != kFree) table->slices[labels[i]].push_back(static_cast<int64_t>(i));
  table->labels = std::move(labels);
  Labels result;
  result.table_ = std::move(table);
  return result;
}

int64_t Labels::at(int64_t index) const {
  if (table_ != nullptr) return table_->labels[static_cast<size_t>(index)];
  const int64_t i = index - first_;
  if (i < 0 || i >= count_) return kFree;
  return (i / stride_) % period_;
}

}  // namespace compress
