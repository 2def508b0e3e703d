// The share of samples whose label is among the K highest scores.
#include <cmath>

#include "lib/base/text.h"
#include "lib/eval/metrics/metrics.h"
#include "lib/eval/metrics/samples.h"

namespace compress {
namespace {

class TopK : public MeanMetric {
 public:
  TopK(std::string name, int64_t k) : MeanMetric({.name = name, .isProportion = true}), name_(std::move(name)), k_(k) {}

  void add(const Sample& sample, std::span<const Tensor> outputs) override {
    const std::vector<double> scores = toDoubles(firstOutput(outputs));
    const int64_t wanted = classOf(sample, name_, scores.size());
    const double score = scores[static_cast<size_t>(wanted)];
    int64_t ahead = 0;
    bool isFinite = true;
    for (size_t i = 0; i < scores.size(); ++i) {
      isFinite = isFinite && std::isfinite(scores[i]);
      ahead += scores[i] > score || (scores[i] == score && static_cast<int64_t>(i) < wanted);
    }
    push(isFinite && ahead < k_ ? 1 : 0);
  }

 private:
  std::string name_;
  int64_t k_;
};

template <int K>
std::unique_ptr<Metric> makeTop(MetricSettings&) {
  return std::make_unique<TopK>(text("top", K), K);
}

}  // namespace

MetricSpec top1Metric() {
  return {"top1", "share of samples whose highest score is the label's", &makeTop<1>};
}

MetricSpec top5Metric() {
  return {"top5", "share of samples whose label is among the five highest scores", &makeTop<5>};
}

}  // namespace compress
