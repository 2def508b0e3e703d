// softmax(scale q k^T + bias) v by plain loops.
#include <algorithm>
#include <cmath>
#include <limits>

#include "lib/base/parallel.h"
#include "lib/ops/access.h"
#include "lib/ops/heads.h"
#include "lib/ops/rules.h"

namespace compress {
namespace {

constexpr double kHidden = -std::numeric_limits<double>::infinity();

/// The row of scale q k^T for query i of head h; head `shared` of k.
void scoreRow(const double* q, const Heads& k, int64_t b, int64_t shared, double scale, std::span<double> row) {
  for (int64_t j = 0; j < k.length; ++j) {
    const double* key = k.row(b, shared, j);
    double sum = 0;
    for (int64_t d = 0; d < k.size; ++d) sum += q[d] * key[d];
    row[static_cast<size_t>(j)] = sum * scale;
  }
}

void addWeighted(std::span<const double> weights, const Heads& v, int64_t b, int64_t shared, double* to) {
  for (int64_t j = 0; j < v.length; ++j)
    for (int64_t d = 0; d < v.size; ++d) to[d] += weights[static_cast<size_t>(j)] * v.row(b, shared, j)[d];
}

void requireFits(const Heads& q, const Heads& k) {
  if (k.batch != q.batch) reject("batches of ", q.batch, " and ", k.batch, ", expected one size");
  if (k.size != q.size) reject("heads of q and k have ", q.size, " and ", k.size, " elements, expected the same");
  if (k.heads == 0 || q.heads % k.heads != 0) reject(q.heads, " heads of q do not divide into ", k.heads, " of k");
}

void requireFits(const Heads& q, const Heads& k, const Heads& v) {
  requireFits(q, k);
  if (v.batch != k.batch || v.heads != k.heads || v.length != k.length)
    reject("keys of ", print(Shape{k.batch, k.heads, k.length}), " and values of ",
           print(Shape{v.batch, v.heads, v.length}), ", expected as many");
}

}  // namespace

Heads::Heads(int64_t batches, int64_t headCount, int64_t lengths, int64_t sizes)
    : batch(batches), heads(headCount), length(lengths), size(sizes) {
  const auto count = checkedElementCount({batch, heads, length, size});
  if (!count) reject("heads of shape ", print(Shape{batch, heads, length, size}), " are negative or too large");
  values.resize(static_cast<size_t>(*count));
}

int64_t headCount(const Node& node, std::string_view name) {
  const int64_t heads = node.attributes.integer(name, 0);
  if (heads < 1) reject(name, " is ", heads, ", expected at least 1");
  return heads;
}

Heads headsOf(const Tensor& tensor, int64_t heads) {
  const Shape& shape = tensor.shape();
  if (shape.rank() == 4) {
    Heads out;
    out.batch = shape[0];
    out.heads = shape[1];
    out.length = shape[2];
    out.size = shape[3];
    out.values = load<double>(tensor);
    return out;
  }
  if (shape.rank() != 3) reject("heads of rank ", shape.rank(), ", expected 3 or 4");
  if (heads < 1 || shape[2] % heads != 0) reject(shape[2], " elements do not divide into ", heads, " heads");
  Heads out(shape[0], heads, shape[1], shape[2] / heads);
  const auto values = load<double>(tensor);
  const double* from = values.data();
  for (int64_t b = 0; b < out.batch; ++b)
    for (int64_t i = 0; i < out.length; ++i)
      for (int64_t h = 0; h < heads; ++h, from += out.size) std::copy_n(from, out.size, out.row(b, h, i));
  return out;
}

void storeHeads(const Heads& from, Buffer& to) {
  if (to.shape().rank() == 4) return store(std::span<const double>(from.values), to);
  std::vector<double> values;
  values.reserve(from.values.size());
  for (int64_t b = 0; b < from.batch; ++b)
    for (int64_t i = 0; i < from.length; ++i)
      for (int64_t h = 0; h < from.heads; ++h)
        values.insert(values.end(), from.row(b, h, i), from.row(b, h, i) + from.size);
  store(std::span<const double>(values), to);
}

Heads appended(const Heads& past, const Heads& next) {
  if (past.batch != next.batch || past.heads != next.heads || past.size != next.size)
    reject("a past of ", print(Shape{past.batch, past.heads, past.length, past.size}), " before ",
           print(Shape{next.batch, next.heads, next.length, next.size}), ": only the lengths may differ");
  Heads out(next.batch, next.heads, past.length + next.length, next.size);
  for (int64_t b = 0; b < out.batch; ++b)
    for (int64_t h = 0; h < out.heads; ++h) {
      double* to = std::copy_n(past.row(b, h, 0), past.length * past.size, out.row(b, h, 0));
      std::copy_n(next.row(b, h, 0), next.length * next.size, to);
    }
  return out;
}

Heads scoresOf(const Heads& q, const Heads& k, double scale) {
  requireFits(q, k);
  Heads scores(q.batch, q.heads, q.length, k.length);
  const int64_t group = q.heads / k.heads;
  for (int64_t b = 0; b < q.batch; ++b)
    for (int64_t h = 0; h < q.heads; ++h)
      for (int64_t i = 0; i < q.length; ++i)
        scoreRow(q.row(b, h, i), k, b, h / group, scale, {scores.row(b, h, i), static_cast<size_t>(k.length)});
  return scores;
}

void softmaxInPlace(std::span<double> scores) {
  const double most = scores.empty() ? 0 : *std::ranges::max_element(scores);
  double sum = 0;
  for (double& score : scores) {
    score = most == kHidden ? 0 : std::exp(score - most);
    sum += score;
  }
  for (double& score : scores) score /= sum == 0 ? 1 : sum;
}

Heads weightedSum(const Heads& weights, const Heads& v) {
  if (weights.batch != v.batch || weights.size != v.length || v.heads == 0 || weights.heads % v.heads != 0)
    reject("weights of ", print(Shape{weights.batch, weights.heads, weights.length, weights.size}), " for values of ",
           print(Shape{v.batch, v.heads, v.length, v.size}));
  Heads out(weights.batch, weights.heads, weights.length, v.size);
  for (int64_t b = 0; b < weights.batch; ++b)
    for (int64_t h = 0; h < weights.heads; ++h)
      for (int64_t i = 0; i < weights.length; ++i)
        addWeighted({weights.row(b, h, i), static_cast<size_t>(weights.size)}, v, b, h / (weights.heads / v.heads),
                    out.row(b, h, i));
  return out;
}

Heads attend(const Heads& q, const Heads& k, const Heads& v, const ScoreRule& rule, Heads* scores, ScoreStage stage) {
  requireFits(q, k, v);
  Heads out(q.batch, q.heads, q.length, v.size);
  if (scores != nullptr) *scores = Heads(q.batch, q.heads, q.length, k.length);
  const int64_t group = q.heads / k.heads;
  parallelFor(q.batch * q.heads, [&](int64_t task) {
    const int64_t b = task / q.heads, h = task % q.heads, shared = h / group;
    std::vector<double> row(static_cast<size_t>(k.length));
    for (int64_t i = 0; i < q.length; ++i) {
      const auto keep = [&](ScoreStage at) {
        if (scores != nullptr && stage == at) std::ranges::copy(row, scores->row(b, h, i));
      };
      scoreRow(q.row(b, h, i), k, b, shared, rule.scale, row);
      keep(ScoreStage::scaled);
      if (rule.softcap > 0)
        for (double& score : row) score = rule.softcap * std::tanh(score / rule.softcap);
      keep(ScoreStage::capped);
      bool isAllHidden = static_cast<bool>(rule.bias);
      for (int64_t j = 0; rule.bias && j < k.length; ++j) {
        const double bias = rule.bias(b, h, i, j);
        isAllHidden = isAllHidden && bias == kHidden;
        row[static_cast<size_t>(j)] += bias;
      }
      keep(ScoreStage::biased);
      if (isAllHidden)
        std::ranges::fill(row, 0.0);
      else
        softmaxInPlace(row);
      keep(ScoreStage::weights);
      addWeighted(row, v, b, shared, out.row(b, h, i));
    }
  });
  return out;
}

void rotate(double* x, int64_t turned, const double* cosines, const double* sines, bool isInterleaved) {
  const int64_t half = turned / 2;
  for (int64_t i = 0; i < half; ++i) {
    double& a = x[isInterleaved ? 2 * i : i];
    double& b = x[isInterleaved ? 2 * i + 1 : i + half];
    const double real = a * cosines[i] - b * sines[i];
    b = a * sines[i] + b * cosines[i];
    a = real;
  }
}

}  // namespace compress
