// Level 2: ranges by the error at the next layers' output, weights and biases layer by layer on inputs that are
// quantized already. Works on a bounded number of samples, so memory does not grow with the data.
#pragma once
#include <span>
#include <string>
#include <vector>

#include "lib/eval/histogram.h"
#include "lib/pass/pass.h"
#include "passes/quantize/insert.h"
#include "passes/quantize/units.h"

namespace compress {

struct RefineContext {
  const Model& model;
  const Inferred& inferred;
  const QuantizePlan& plan;
  PassContext& pass;
  DType dtype;  ///< of activations
  bool symmetric;
};

/// Ranges to try for one group, the plain minimum and maximum first.
struct RangeChoice {
  Encoding encoding;
  Range range;
  std::string method;  ///< minmax, percentile, mse, or search
  double error = 0;    ///< squared error over squared result of its readers, summed over them, mean of the samples; 0
                       ///< where not measured
};

enum class RangeSearch {
  named,  ///< minimum and maximum, percentiles, least squared error of the tensor itself
  wide,   ///< also shares of either end
};

/// One choice per group: least sum, over the units that read it, of squared error over squared result, all else float.
/// Minimum and maximum stay where nothing is clearly better. `histograms`: one per group.
std::vector<RangeChoice> chooseRanges(const RefineContext& context, const std::vector<Histogram>& histograms,
                                      RangeSearch search);

/// What was fitted, and how far each tensor then is from its float self.
struct WeightFit {
  std::map<NodeId, QuantizedWeight> weights;
  std::map<ValueId, double> sqnrDb;  ///< by the whole graph's value, quantized tensors and graph outputs
};

/// Weights and biases of all weighted nodes in topological order, each fitted on inputs that come out of the quantized
/// layers before; once for each of `ranges` (one encoding per group), side by side with one float run.
std::vector<WeightFit> fitWeights(const RefineContext& context, std::span<const std::vector<Encoding>> ranges,
                                  bool perChannel);

/// The first samples of the calibration data, as many as fit `bytes` with what must be kept of each at a time.
std::vector<Sample> keptSamples(const RefineContext& context, const std::vector<Unit>& units, size_t most,
                                int64_t bytes);

}  // namespace compress
