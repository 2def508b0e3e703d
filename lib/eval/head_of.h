// The first samples of another data set.
#pragma once
#include <algorithm>

#include "lib/eval/dataset.h"

namespace compress {

/// At most `count` samples of `whole`, which outlives it.
class HeadOf : public Dataset {
 public:
  HeadOf(const Dataset& whole, int64_t count) : whole_(whole), count_(std::min(count, whole.size())) {}
  int64_t size() const override { return count_; }
  bool hasLabels() const override { return whole_.hasLabels(); }
  Sample read(int64_t index) const override { return whole_.read(index); }
  const Preprocess& preprocess() const override { return whole_.preprocess(); }
  std::string_view kind() const override { return whole_.kind(); }

 private:
  const Dataset& whole_;
  int64_t count_;
};

}  // namespace compress
