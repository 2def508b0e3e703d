#include "lib/eval/validator.h"

#include <algorithm>
#include <cmath>
#include <set>

#include "lib/base/error.h"
#include "lib/base/parallel.h"
#include "lib/base/text.h"
#include "lib/eval/head_of.h"
#include "lib/eval/run_over.h"
#include "lib/eval/sample_hash.h"
#include "lib/eval/statistics.h"

namespace compress {
namespace {

constexpr double kLeastCosine = 0.99999;
constexpr double kLargestRelativeError = 1e-4;
/// Outputs of the reference model are kept while they are smaller than this in all.
constexpr int64_t kCacheBytes = 32 << 20;

/// Is every element of every tensor seen the same number?
class ConstantCheck {
 public:
  void add(const Tensor& tensor) {
    if (!isConstant_) return;
    for (const double value : toDoubles(tensor)) {
      if (!first_) first_ = value;
      if (value != *first_) isConstant_ = false;
    }
    count_ += tensor.elementCount();
  }
  bool isConstant() const { return isConstant_ && count_ > 1; }

 private:
  std::optional<double> first_;
  bool isConstant_ = true;
  int64_t count_ = 0;
};

int64_t countNonFinite(const Tensor& tensor) {
  const auto isBad = [](auto value) { return !std::isfinite(value); };
  if (tensor.dtype() == DType::f32) return std::ranges::count_if(tensor.as<float>(), isBad);
  return isFloating(tensor.dtype()) ? std::ranges::count_if(toDoubles(tensor), isBad) : 0;
}

int64_t bytesOf(std::span<const Tensor> tensors) {
  int64_t bytes = 0;
  for (const Tensor& tensor : tensors) bytes += static_cast<int64_t>(tensor.bytes().size());
  return bytes;
}

/// Drift of all outputs, one sample after the other.
class DriftCollector {
 public:
  explicit DriftCollector(const Model& model) {
    for (const ValueId id : model.graph.outputs())
      outputs_.push_back({model.graph.value(id).name, {}, false, false, 0});
    found_.resize(outputs_.size());
    expected_.resize(outputs_.size());
  }

  void add(std::span<const Tensor> expected, std::span<const Tensor> found) {
    if (expected.size() != found.size() || found.size() != outputs_.size())
      throw Error(ErrorKind::negative,
                  text("the changed model has ", found.size(), " outputs, expected ", expected.size()));
    for (size_t i = 0; i < outputs_.size(); ++i)
      within([&] { return text("output '", displayName(outputs_[i].name), "'"); },
             [&] {
               outputs_[i].drift.add(expected[i], found[i]);
               outputs_[i].referenceNonFinite += countNonFinite(expected[i]);
               expected_[i].add(expected[i]);
               found_[i].add(found[i]);
             });
  }

  std::vector<OutputDrift> result() {
    for (size_t i = 0; i < outputs_.size(); ++i) {
      outputs_[i].isConstant = found_[i].isConstant();
      outputs_[i].referenceIsConstant = expected_[i].isConstant();
    }
    return std::move(outputs_);
  }

 private:
  std::vector<OutputDrift> outputs_;
  std::vector<ConstantCheck> found_, expected_;
};

std::string losslessFailure(const OutputDrift& output) {
  const Drift& drift = output.drift;
  const double allowed = kLargestRelativeError * drift.largestExpected();
  if (drift.nonFinite() > 0) return text(drift.nonFinite(), " elements became NaN or infinite");
  if (!(drift.cosine() >= kLeastCosine))
    return text("cosine ", fixed(drift.cosine(), 7), ", expected at least ", kLeastCosine);
  if (!(drift.maxAbs() <= allowed)) return text("largest error ", drift.maxAbs(), ", expected at most ", allowed);
  return {};
}

std::string lossyFailure(const OutputDrift& output) {
  if (output.drift.nonFinite() > 0) return text(output.drift.nonFinite(), " elements became NaN or infinite");
  if (output.isConstant && !output.referenceIsConstant) return "it became constant";
  return {};
}

}  // namespace

Validator::Validator(const Model& reference, Backend& backend, const Dataset* samples, const Dataset* evaluation,
                     ValidatorOptions options)
    : reference_(reference),
      backend_(backend),
      samples_(samples),
      evaluation_(evaluation),
      options_(std::move(options)) {
  for (const std::string& name : options_.metrics) makeMetric(name);
}

Measurement Validator::measureDrift(const Model& model) {
  Measurement measurement;
  measurement.facts = describe(model);
  if (samples_ != nullptr) addDrift(model, measurement);
  return measurement;
}

Measurement Validator::measureReference(int64_t fileBytes) {
  Measurement measurement;
  measurement.facts = describe(reference_);
  measurement.fileBytes = fileBytes;
  if (evaluation_ != nullptr) addMetrics(reference_, measurement);
  return measurement;
}

Measurement Validator::measure(const Model& model, int64_t fileBytes) {
  Measurement measurement = measureDrift(model);
  measurement.fileBytes = fileBytes;
  if (evaluation_ != nullptr) addMetrics(model, measurement);
  return measurement;
}

void Validator::addDrift(const Model& model, Measurement& measurement) {
  DriftCollector collector(reference_);
  const HeadOf samples(*samples_, options_.driftLimit);
  measurement.driftSamples = samples.size();
  if (isCached_) {
    const Model* models[] = {&model};
    runOver(models, backend_, samples, options_.threads,
            [&](int64_t index, const Sample&, std::span<const std::vector<Tensor>> outputs) {
              collector.add(cached_[static_cast<size_t>(index)], outputs[0]);
            });
  } else {
    const Model* models[] = {&reference_, &model};
    int64_t bytes = 0;
    runOver(models, backend_, samples, options_.threads,
            [&](int64_t, const Sample&, std::span<const std::vector<Tensor>> outputs) {
              collector.add(outputs[0], outputs[1]);
              bytes += bytesOf(outputs[0]);
              if (bytes <= kCacheBytes) cached_.push_back(outputs[0]);
            });
    isCached_ = bytes <= kCacheBytes;
    if (!isCached_) cached_.clear();
  }
  measurement.drift = collector.result();
}

void Validator::addMetrics(const Model& model, Measurement& measurement) {
  std::vector<std::unique_ptr<Metric>> metrics;
  for (const std::string& name : options_.metrics) metrics.push_back(makeMetric(name));
  const Model* models[] = {&model};
  int64_t classes = 0;
  evaluationHashes_.clear();
  const int64_t total = evaluation_->size();
  runOver(models, backend_, *evaluation_, options_.threads,
          [&](int64_t index, const Sample& sample, std::span<const std::vector<Tensor>> outputs) {
            for (const auto& metric : metrics) metric->add(sample, outputs[0]);
            evaluationHashes_.push_back(hashOf(sample));
            if (!outputs[0].empty()) classes = outputs[0][0].elementCount();
            if (index % 64 == 0) options_.progress(text("evaluating: ", index, " of ", total));
          });
  for (const auto& metric : metrics) {
    measurement.metrics.push_back(metric->result());
    const MetricResult& result = measurement.metrics.back();
    if (result.name == "top1" && classes > 1 && result.low <= 1 / static_cast<double>(classes))
      measurement.warnings.push_back(text("W-CHANCE-ACCURACY: top1 ", fixed(result.value * 100, 2),
                                          " % is no better than chance (1 of ", classes,
                                          " classes): are preprocessing and labels right?"));
    if (result.isProportion && result.count < 200)
      measurement.warnings.push_back(
          text("W-FEW-SAMPLES: ", result.name, " over ", result.count, " samples: too few to judge 1 %"));
  }
}

int64_t Validator::sharedSamples() const {
  if (samples_ == nullptr || evaluationHashes_.empty()) return 0;
  std::vector<uint64_t> hashes(static_cast<size_t>(samples_->size()));
  const ThreadLimit limit(options_.threads);
  parallelFor(samples_->size(), [&](int64_t i) { hashes[static_cast<size_t>(i)] = hashOf(samples_->read(i)); });
  const std::set<uint64_t> known(hashes.begin(), hashes.end());
  return std::ranges::count_if(evaluationHashes_, [&](uint64_t hash) { return known.contains(hash); });
}

Verdict Validator::judge(const Measurement& after, bool lossless) const {
  for (const OutputDrift& output : after.drift) {
    const std::string failure = lossless ? losslessFailure(output) : lossyFailure(output);
    if (!failure.empty()) return {false, text("output '", displayName(output.name), "': ", failure)};
  }
  return {};
}

SpeedMeasurement measureSpeed(const Model& before, const Model& after, Backend& backend, const Dataset& dataset,
                              int threads, const LatencyOptions& options) {
  SessionOptions sessionOptions;
  sessionOptions.threads = threads;
  Session first(before, backend, sessionOptions), second(after, backend, sessionOptions);
  const Sample sample = dataset.read(0);
  Bindings firstBindings, secondBindings;
  firstBindings.inputs = secondBindings.inputs = sample.inputs;
  const auto runFirst = [&] { first.run(firstBindings); };
  const auto runSecond = [&] { second.run(secondBindings); };
  bool contended = false;
  // The first model runs twice: against itself it shows the noise.
  std::vector<Latency> times = timeInterleaved({runFirst, runSecond, runFirst}, options, &contended);
  SpeedMeasurement speed;
  speed.noise = times[0].p50 > 0 ? std::abs(times[2].p50 / times[0].p50 - 1) : 0;
  speed.verdict = compareSpeed(times[0], times[1], options.seed);
  speed.verdict.contended = contended;
  speed.before = std::move(times[0]);
  speed.after = std::move(times[1]);
  return speed;
}

}  // namespace compress
