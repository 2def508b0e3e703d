// Calibration: one histogram per value over a data set, collected while samples stream through; a table of them can be
// stored, reused and merged. Memory does not depend on the number of samples, results not on threads or order.
#pragma once
#include <functional>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "lib/eval/dataset.h"
#include "lib/eval/encoding.h"
#include "lib/eval/histogram.h"
#include "lib/ir/model.h"
#include "lib/runtime/backend.h"

namespace compress {

struct CalibrationTable {
  int64_t samples = 0;
  uint64_t dataHash = 0;   ///< sum of a hash per sample: order does not matter
  std::string preprocess;  ///< serialize(Preprocess)
  std::map<std::string, Histogram> values;

  /// 16 hexadecimal digits of dataHash and the count.
  std::string dataDigest() const;
  /// Adds the counts of `other`. Exact. Throws Error(usage) when the preprocessing or the names differ.
  void merge(const CalibrationTable& other);
};

struct CalibrateOptions {
  int threads = 1;
  /// Called now and then with the count of samples done.
  std::function<void(int64_t)> progress = [](int64_t) {};
};

/// Float values of `model` that a calibration can observe: inputs and results of nodes, constants not.
std::vector<std::string> observableValues(const Model& model);

/// Histograms of the values called `names` over all samples. Throws Error(numeric) naming value and sample for NaN or
/// Inf and for an empty data set.
CalibrationTable calibrate(const Model& model, Backend& backend, const Dataset& dataset,
                           std::span<const std::string> names, const CalibrateOptions& options);

/// Text JSON, stable order; numbers read back exactly.
std::string toJson(const CalibrationTable& table);
/// Throws Error(input) for what is not such a table.
CalibrationTable parseCalibrationTable(std::string_view json);

/// Ranges out of a histogram; each holds 0.
Range minmaxRange(const Histogram& histogram);
/// `percent` of the values lie inside, the rest is cut off evenly at both ends; an end that is 0 stays.
Range percentileRange(const Histogram& histogram, double percent);
/// Least expected squared error of `levels` steps.
Range mseRange(const Histogram& histogram, int levels, bool symmetric);
/// Least Kullback-Leibler divergence between the histogram and its quantized form.
Range entropyRange(const Histogram& histogram, int levels);
/// Share of counted values outside `range`.
double shareOutside(const Histogram& histogram, Range range);

}  // namespace compress
