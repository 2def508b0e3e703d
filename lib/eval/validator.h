// Nothing is believed unmeasured: a model in numbers, and the verdict on a change.
#pragma once
#include <functional>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include "lib/eval/drift.h"
#include "lib/eval/facts.h"
#include "lib/eval/latency.h"
#include "lib/eval/metric.h"
#include "lib/runtime/backend.h"

namespace compress {

/// One output of a model against the same output of the reference model.
struct OutputDrift {
  std::string name;
  Drift drift;
  bool isConstant = false;  ///< one number everywhere in all samples
  bool referenceIsConstant = false;
  int64_t referenceNonFinite = 0;  ///< elements that the reference itself has no finite value for
};

struct Measurement {
  int64_t fileBytes = 0;  ///< 0: not known
  ModelFacts facts;
  std::vector<OutputDrift> drift;  ///< per output; empty without samples
  int64_t driftSamples = 0;
  std::vector<MetricResult> metrics;  ///< empty without evaluation data
  std::vector<std::string> warnings;  ///< "W-CODE: text"
};

/// Two models timed in turn.
struct SpeedMeasurement {
  Latency before, after;
  SpeedVerdict verdict;
  double noise = 0;  ///< |ratio - 1| of the first model against itself
};

struct Verdict {
  bool accepted = true;
  std::string reason;  ///< why not
};

struct ValidatorOptions {
  int threads = 1;
  uint64_t seed = 0;
  std::vector<std::string> metrics = {"top1"};
  int64_t driftLimit = std::numeric_limits<int64_t>::max();  ///< drift is measured on at most so many samples
  std::function<void(std::string_view)> progress = [](std::string_view) {};
};

class Validator {
 public:
  /// `samples` are for drift, `evaluation` for metrics; each may be null. All outlive the validator.
  Validator(const Model& reference, Backend& backend, const Dataset* samples, const Dataset* evaluation,
            ValidatorOptions options);

  /// Facts, drift against the reference, metrics. Same numbers for any thread count.
  Measurement measure(const Model& model, int64_t fileBytes = 0);
  /// Facts and metrics of the reference itself.
  Measurement measureReference(int64_t fileBytes = 0);
  /// Drift and facts only: what each pass is judged by.
  Measurement measureDrift(const Model& model);
  /// A lossless change: cosine >= 0.99999 and max error <= 1e-4 of the largest output, per output. A lossy one: no
  /// output that is non-finite or constant where the reference's is not.
  Verdict judge(const Measurement& after, bool lossless) const;
  /// How many of the evaluation samples are among the samples for drift as well; known after measure().
  int64_t sharedSamples() const;

 private:
  void addDrift(const Model& model, Measurement& measurement);
  void addMetrics(const Model& model, Measurement& measurement);

  const Model reference_;
  Backend& backend_;
  const Dataset* samples_;
  const Dataset* evaluation_;
  ValidatorOptions options_;
  std::vector<std::vector<Tensor>> cached_;  ///< the reference's outputs per sample, while they are small
  bool isCached_ = false;
  std::vector<uint64_t> evaluationHashes_;
};

/// Both models on the first sample of `dataset`, threads and plan as in use.
SpeedMeasurement measureSpeed(const Model& before, const Model& after, Backend& backend, const Dataset& dataset,
                              int threads, const LatencyOptions& options);

}  // namespace compress
