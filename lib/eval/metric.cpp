#include "lib/eval/metric.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>
#include <map>

#include "lib/base/error.h"
#include "lib/base/text.h"
#include "lib/eval/statistics.h"

namespace compress {
namespace {

constexpr double kZ95 = 1.959963984540054;

/// What a metric's name may carry after a colon, as in psnr:crop=4,peak=1.
using Parameters = std::map<std::string, double, std::less<>>;

const Tensor& labelOf(const Sample& sample) {
  if (!sample.label)
    throw Error(ErrorKind::usage, text(displayName(sample.name), ": the metric needs labels, the data have none"),
                "give --labels FILE");
  return *sample.label;
}

const Tensor& firstOutput(std::span<const Tensor> outputs) {
  if (outputs.empty()) throw Error(ErrorKind::input, "the model has no output to judge");
  return outputs[0];
}

/// Prediction and target of one sample as numbers, of equal count.
struct Pair {
  std::vector<double> found, expected;
};

Pair pairOf(const Sample& sample, std::span<const Tensor> outputs) {
  Pair pair{toDoubles(firstOutput(outputs)), toDoubles(labelOf(sample))};
  if (pair.found.size() != pair.expected.size())
    throw Error(ErrorKind::input,
                text(displayName(sample.name), ": output ", print(outputs[0].shape()), " has ", pair.found.size(),
                     " numbers, its target ", print(sample.label->shape()), " has ", pair.expected.size()));
  return pair;
}

/// Mean of one number per sample.
class MeanMetric : public Metric {
 public:
  MetricResult result() const override {
    MetricResult result = blank();
    result.samples = samples_;
    result.count = static_cast<int64_t>(samples_.size());
    const auto n = static_cast<double>(samples_.size());
    double sum = 0, squares = 0;
    for (const double value : samples_) sum += value;
    result.value = samples_.empty() ? std::nan("") : sum / n;
    if (result.isProportion) {
      const Interval interval = wilson(static_cast<int64_t>(sum), result.count);
      result.low = interval.low;
      result.high = interval.high;
      return result;
    }
    for (const double value : samples_) squares += (value - result.value) * (value - result.value);
    const double half =
        samples_.size() > 1 ? kZ95 * std::sqrt(squares / (n - 1) / n) : std::numeric_limits<double>::infinity();
    result.low = result.value - half;
    result.high = result.value + half;
    return result;
  }

 protected:
  virtual MetricResult blank() const = 0;
  void push(double value) { samples_.push_back(value); }

 private:
  std::vector<double> samples_;
};

class TopK : public MeanMetric {
 public:
  TopK(std::string name, int64_t k) : name_(std::move(name)), k_(k) {}

  void add(const Sample& sample, std::span<const Tensor> outputs) override {
    const Tensor& label = labelOf(sample);
    if (!isInteger(label.dtype()) || label.elementCount() != 1)
      throw Error(ErrorKind::input, text(displayName(sample.name), ": ", name_, " needs a class index, the label is ",
                                         nameOf(label.dtype()), print(label.shape())));
    const std::vector<double> scores = toDoubles(firstOutput(outputs));
    const int64_t wanted = toInts(label)[0];
    if (wanted < 0 || wanted >= static_cast<int64_t>(scores.size()))
      throw Error(ErrorKind::input,
                  text(displayName(sample.name), ": label ", wanted, ", the model gives ", scores.size(), " scores"),
                  "--label-offset N is added to every label");
    const double score = scores[static_cast<size_t>(wanted)];
    int64_t ahead = 0;
    bool isFinite = true;
    for (size_t i = 0; i < scores.size(); ++i) {
      isFinite = isFinite && std::isfinite(scores[i]);
      ahead += scores[i] > score || (scores[i] == score && static_cast<int64_t>(i) < wanted);
    }
    push(isFinite && ahead < k_ ? 1 : 0);
  }

 protected:
  MetricResult blank() const override {
    MetricResult result;
    result.name = name_;
    result.isProportion = true;
    return result;
  }

 private:
  std::string name_;
  int64_t k_;
};

class MeanSquaredError : public MeanMetric {
 public:
  void add(const Sample& sample, std::span<const Tensor> outputs) override {
    const Pair pair = pairOf(sample, outputs);
    double sum = 0;
    for (size_t i = 0; i < pair.found.size(); ++i)
      sum += (pair.found[i] - pair.expected[i]) * (pair.found[i] - pair.expected[i]);
    push(sum / static_cast<double>(pair.found.size()));
  }

 protected:
  MetricResult blank() const override {
    MetricResult result;
    result.name = "mse";
    result.unit = "squared error";
    result.higherIsBetter = false;
    return result;
  }
};

class Cosine : public MeanMetric {
 public:
  void add(const Sample& sample, std::span<const Tensor> outputs) override {
    const Pair pair = pairOf(sample, outputs);
    double dot = 0, found = 0, expected = 0;
    for (size_t i = 0; i < pair.found.size(); ++i) {
      dot += pair.found[i] * pair.expected[i];
      found += pair.found[i] * pair.found[i];
      expected += pair.expected[i] * pair.expected[i];
    }
    push(found == 0 && expected == 0   ? 1
         : found == 0 || expected == 0 ? 0
                                       : dot / std::sqrt(found) / std::sqrt(expected));
  }

 protected:
  MetricResult blank() const override {
    MetricResult result;
    result.name = "cos";
    return result;
  }
};

/// 10 log10(peak^2 / mse) of the last two axes without `crop` pixels at each border; outputs are cut to [0, peak]
/// first.
class PeakSignalToNoise : public MeanMetric {
 public:
  PeakSignalToNoise(int64_t crop, double peak) : crop_(crop), peak_(peak) {}

  void add(const Sample& sample, std::span<const Tensor> outputs) override {
    const Pair pair = pairOf(sample, outputs);
    const Shape& shape = labelOf(sample).shape();
    const int64_t height = shape.rank() >= 2 ? shape[shape.rank() - 2] : 1,
                  width = shape.rank() >= 1 ? shape[shape.rank() - 1] : 1;
    if (height <= 2 * crop_ || width <= 2 * crop_)
      throw Error(ErrorKind::input,
                  text(displayName(sample.name), ": target ", print(shape), " is too small to leave out ", crop_,
                       " pixels at each border"),
                  "psnr:crop=0 keeps all");
    double sum = 0;
    int64_t count = 0;
    const int64_t planes = static_cast<int64_t>(pair.found.size()) / (height * width);
    for (int64_t plane = 0; plane < planes; ++plane)
      for (int64_t y = crop_; y < height - crop_; ++y)
        for (int64_t x = crop_; x < width - crop_; ++x, ++count) {
          const auto at = static_cast<size_t>((plane * height + y) * width + x);
          const double found = pair.found[at] < 0 ? 0 : pair.found[at] > peak_ ? peak_ : pair.found[at];
          sum += (found - pair.expected[at]) * (found - pair.expected[at]);
        }
    push(10 * std::log10(peak_ * peak_ * static_cast<double>(count) / sum));
  }

 protected:
  MetricResult blank() const override {
    MetricResult result;
    result.name = "psnr";
    result.unit = "dB";
    return result;
  }

 private:
  int64_t crop_;
  double peak_;
};

template <int K>
std::unique_ptr<Metric> makeTop() {
  return std::make_unique<TopK>(text("top", K), K);
}
std::unique_ptr<Metric> makeMse() {
  return std::make_unique<MeanSquaredError>();
}
std::unique_ptr<Metric> makeCosine() {
  return std::make_unique<Cosine>();
}

constexpr double kDefaultCrop = 4;
std::unique_ptr<Metric> makePsnr() {
  return std::make_unique<PeakSignalToNoise>(static_cast<int64_t>(kDefaultCrop), 1.0);
}

constexpr MetricSpec kMetrics[] = {
    {"top1", "share of samples whose highest score is the label's", &makeTop<1>},
    {"top5", "share of samples whose label is among the five highest scores", &makeTop<5>},
    {"mse", "mean squared difference from the target, mean over samples", &makeMse},
    {"cos", "cosine similarity with the target, mean over samples", &makeCosine},
    {"psnr",
     "peak signal to noise ratio against a target picture in dB, mean over samples; 4 border pixels left out "
     "(psnr:crop=N), peak 1 (psnr:peak=X)",
     &makePsnr},
};

Parameters parseParameters(std::string_view whole, std::string_view list) {
  Parameters parameters;
  while (!list.empty()) {
    const size_t end = std::min(list.find(','), list.size());
    const std::string_view item = list.substr(0, end);
    const size_t equals = std::min(item.find('='), item.size());
    const std::string_view digits = item.substr(std::min(equals + 1, item.size()));
    double value = 0;
    const auto [stop, failed] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
    if (digits.empty() || failed != std::errc() || stop != digits.data() + digits.size() || !std::isfinite(value) ||
        value < 0)
      throw Error(ErrorKind::usage,
                  text("--metric ", displayName(whole), ": '", displayName(item), "', expected key=number"));
    parameters.emplace(item.substr(0, equals), value);
    list.remove_prefix(std::min(end + 1, list.size()));
  }
  return parameters;
}

double take(Parameters& parameters, std::string_view key, double absent) {
  const auto found = parameters.find(key);
  if (found == parameters.end()) return absent;
  const double value = found->second;
  parameters.erase(found);
  return value;
}

}  // namespace

std::span<const MetricSpec> allMetrics() {
  return kMetrics;
}

std::unique_ptr<Metric> makeMetric(std::string_view name) {
  const size_t colon = std::min(name.find(':'), name.size());
  const std::string_view base = name.substr(0, colon);
  Parameters parameters = parseParameters(name, name.substr(std::min(colon + 1, name.size())));
  std::unique_ptr<Metric> made;
  if (base == "psnr") {
    const double crop = take(parameters, "crop", kDefaultCrop), peak = take(parameters, "peak", 1);
    if (crop != std::floor(crop) || crop > 1000 || peak == 0)
      throw Error(ErrorKind::usage,
                  text("--metric ", displayName(name), ": expected a whole crop up to 1000 and a peak above 0"));
    made = std::make_unique<PeakSignalToNoise>(static_cast<int64_t>(crop), peak);
  } else {
    for (const MetricSpec& spec : kMetrics)
      if (spec.name == base) made = spec.make();
  }
  std::vector<std::string> choices;
  for (const MetricSpec& spec : kMetrics) choices.emplace_back(spec.name);
  if (!made)
    throw Error(ErrorKind::usage, text("--metric ", displayName(name), ": expected one of ", join(choices, ", ")));
  for (const auto& [key, value] : parameters)
    throw Error(ErrorKind::usage,
                text("--metric ", displayName(name), ": '", displayName(key), "' is no setting of ", base));
  return made;
}

}  // namespace compress
