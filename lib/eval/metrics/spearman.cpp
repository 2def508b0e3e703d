// Rank correlation of the cosine of two embeddings with a score given to the pair, as in semantic similarity
// benchmarks.
#include <optional>

#include "lib/base/error.h"
#include "lib/base/text.h"
#include "lib/eval/metrics/metrics.h"
#include "lib/eval/metrics/samples.h"
#include "lib/eval/statistics.h"

namespace compress {
namespace {

class Spearman : public Metric {
 public:
  void add(const Sample& sample, std::span<const Tensor> outputs) override {
    std::vector<double> embedding = toDoubles(firstOutput(outputs));
    if (!first_) {
      if (sample.label)
        throw Error(ErrorKind::usage,
                    text(displayName(sample.name), ": spearman judges pairs, this is a labelled sample of its own"),
                    "the npz needs keys a.INPUT and b.INPUT for each model input, and score");
      first_ = std::move(embedding);
      return;
    }
    scores_.push_back(toDoubles(labelOf(sample)).at(0));
    cosines_.push_back(cosine(*first_, embedding));
    first_.reset();
  }

  MetricResult result() const override {
    return judgeSet({.name = "spearman"}, cosines_, [this](std::span<const size_t> drawn) {
      std::vector<double> cosines, scores;
      for (const size_t i : drawn) {
        cosines.push_back(cosines_[i]);
        scores.push_back(scores_[i]);
      }
      return spearman(cosines, scores);
    });
  }

 private:
  std::optional<std::vector<double>> first_;
  std::vector<double> cosines_, scores_;
};

}  // namespace

MetricSpec spearmanMetric() {
  return {"spearman", "rank correlation of the cosine of two embeddings with the pair's score",
          [](MetricSettings&) -> std::unique_ptr<Metric> { return std::make_unique<Spearman>(); }};
}

}  // namespace compress
