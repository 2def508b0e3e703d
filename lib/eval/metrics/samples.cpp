#include "lib/eval/metrics/samples.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "lib/base/error.h"
#include "lib/base/text.h"
#include "lib/eval/statistics.h"

namespace compress {

const Tensor& labelOf(const Sample& sample) {
  if (!sample.label)
    throw Error(ErrorKind::usage, text(displayName(sample.name), ": the metric needs a label for each sample"),
                "give --labels FILE");
  return *sample.label;
}

const Tensor& firstOutput(std::span<const Tensor> outputs) {
  if (outputs.empty()) throw Error(ErrorKind::input, "the model has no output to judge");
  return outputs[0];
}

int64_t classOf(const Sample& sample, std::string_view metric, size_t classes) {
  const Tensor& label = labelOf(sample);
  if (!isInteger(label.dtype()) || label.elementCount() != 1)
    throw Error(ErrorKind::input, text(displayName(sample.name), ": ", metric, " needs a class index, the label is ",
                                       nameOf(label.dtype()), print(label.shape())));
  const int64_t wanted = toInts(label)[0];
  if (wanted < 0 || wanted >= static_cast<int64_t>(classes))
    throw Error(ErrorKind::input,
                text(displayName(sample.name), ": label ", wanted, ", the model gives ", classes, " scores"),
                "--label-offset N is added to every label");
  return wanted;
}

int64_t foundClass(std::span<const double> scores) {
  if (!std::ranges::all_of(scores, [](double score) { return std::isfinite(score); })) return -1;
  if (scores.size() == 1) return scores[0] >= 0.5 ? 1 : 0;
  return std::ranges::max_element(scores) - scores.begin();
}

Prediction predictionOf(const Sample& sample, std::span<const Tensor> outputs) {
  Prediction prediction{toDoubles(firstOutput(outputs)), toDoubles(labelOf(sample))};
  if (prediction.found.size() != prediction.expected.size())
    throw Error(ErrorKind::input,
                text(displayName(sample.name), ": output ", print(outputs[0].shape()), " has ", prediction.found.size(),
                     " numbers, its target ", print(sample.label->shape()), " has ", prediction.expected.size()));
  for (double& value : prediction.expected) value *= sample.labelScale;
  return prediction;
}

MetricResult MeanMetric::result() const {
  MetricResult result = blank_;
  result.samples = samples_;
  result.count = static_cast<int64_t>(samples_.size());
  const auto n = static_cast<double>(samples_.size());
  double sum = 0;
  for (const double value : samples_) sum += value;
  result.value = samples_.empty() ? std::nan("") : sum / n;
  const Interval interval =
      result.isProportion ? wilson(static_cast<int64_t>(sum), result.count) : meanInterval(samples_);
  result.low = interval.low;
  result.high = interval.high;
  return result;
}

MetricResult judgeSet(MetricResult blank, std::vector<double> samples,
                      const std::function<double(std::span<const size_t>)>& statistic) {
  constexpr uint64_t kSeed = 1;
  std::vector<size_t> all(samples.size());
  std::iota(all.begin(), all.end(), size_t{0});
  MetricResult result = std::move(blank);
  result.count = static_cast<int64_t>(samples.size());
  result.value = statistic(all);
  const Interval interval = bootstrap(samples.size(), kSeed, statistic);
  result.low = interval.low;
  result.high = interval.high;
  result.samples = std::move(samples);
  return result;
}

}  // namespace compress
