// Which tensors the chosen ranges cut most, with what calibration saw of them: for reports.
#pragma once
#include <string>
#include <vector>

#include "lib/eval/histogram.h"
#include "passes/quantize/plan.h"
#include "passes/quantize/refine.h"

namespace compress {

struct ClippedTensor {
  std::string name;    ///< the first tensor that has this range
  std::string method;  ///< minmax, percentile, mse, entropy
  Range range;         ///< that was chosen
  double share = 0;    ///< of the values outside it
  double from = 0, to = 0;
  std::vector<uint64_t> counts;  ///< of values, in equal parts of [from, to], which holds all of them
};

/// At most `count`, largest share first, then widest; `histograms` and `ranges` are those of the plan's groups.
std::vector<ClippedTensor> widestClipped(const Graph& graph, const QuantizePlan& plan,
                                         const std::vector<Histogram>& histograms,
                                         const std::vector<RangeChoice>& ranges, size_t count);

}  // namespace compress
