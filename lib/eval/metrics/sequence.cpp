// Sequences of tokens against a target: the share that is exactly right, and the edits that the others need.
#include <algorithm>
#include <numeric>
#include <utility>

#include "lib/base/error.h"
#include "lib/base/text.h"
#include "lib/eval/metrics/metrics.h"
#include "lib/eval/metrics/samples.h"

namespace compress {
namespace {

constexpr int64_t kMostToken = 1 << 30;

/// The tokens before the first `end`; all of them without one.
std::vector<int64_t> tokensOf(const Tensor& tensor, std::optional<int64_t> end, std::string_view what) {
  if (!isInteger(tensor.dtype()))
    throw Error(ErrorKind::input,
                text(what, " is ", nameOf(tensor.dtype()), print(tensor.shape()), ", expected integers"));
  std::vector<int64_t> tokens = toInts(tensor);
  if (end) tokens.erase(std::ranges::find(tokens, *end), tokens.end());
  return tokens;
}

/// Levenshtein's distance: the least number of insertions, deletions and replacements.
int64_t editsBetween(std::span<const int64_t> from, std::span<const int64_t> to) {
  std::vector<int64_t> row(to.size() + 1);
  std::iota(row.begin(), row.end(), int64_t{0});
  for (size_t i = 0; i < from.size(); ++i) {
    int64_t diagonal = std::exchange(row[0], static_cast<int64_t>(i) + 1);
    for (size_t j = 0; j < to.size(); ++j) {
      const int64_t replaced = diagonal + (from[i] != to[j]);
      diagonal = row[j + 1];
      row[j + 1] = std::min({replaced, row[j] + 1, diagonal + 1});
    }
  }
  return row.back();
}

struct Tokens {
  std::vector<int64_t> found, expected;
};

Tokens tokensOf(const Sample& sample, std::span<const Tensor> outputs, std::optional<int64_t> end) {
  return {tokensOf(firstOutput(outputs), end, text(displayName(sample.name), ": the output")),
          tokensOf(labelOf(sample), end, text(displayName(sample.name), ": the target"))};
}

class Exact : public MeanMetric {
 public:
  explicit Exact(std::optional<int64_t> end) : MeanMetric({.name = "exact", .isProportion = true}), end_(end) {}
  void add(const Sample& sample, std::span<const Tensor> outputs) override {
    const Tokens tokens = tokensOf(sample, outputs, end_);
    push(tokens.found == tokens.expected ? 1 : 0);
  }

 private:
  std::optional<int64_t> end_;
};

/// Edits over all samples per token of all targets.
class TokenErrorRate : public Metric {
 public:
  explicit TokenErrorRate(std::optional<int64_t> end) : end_(end) {}

  void add(const Sample& sample, std::span<const Tensor> outputs) override {
    const Tokens tokens = tokensOf(sample, outputs, end_);
    edits_.push_back(static_cast<double>(editsBetween(tokens.found, tokens.expected)));
    lengths_.push_back(static_cast<double>(tokens.expected.size()));
  }

  MetricResult result() const override {
    return judgeSet({.name = "ter", .higherIsBetter = false}, edits_, [this](std::span<const size_t> drawn) {
      double edits = 0, length = 0;
      for (const size_t i : drawn) {
        edits += edits_[i];
        length += lengths_[i];
      }
      return edits / length;
    });
  }

 private:
  std::optional<int64_t> end_;
  std::vector<double> edits_, lengths_;
};

template <typename M>
std::unique_ptr<Metric> make(MetricSettings& settings) {
  return std::make_unique<M>(settings.whole("end", kMostToken));
}

}  // namespace

MetricSpec exactMetric() {
  return {"exact", "share of token sequences that equal the target, both up to the first end token (exact:end=N)",
          &make<Exact>};
}

MetricSpec tokenErrorMetric() {
  return {"ter", "token error rate: edits to the target per token of it, up to the first end token (ter:end=N)",
          &make<TokenErrorRate>};
}

}  // namespace compress
