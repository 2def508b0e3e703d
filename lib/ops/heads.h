// What all forms of attention share: heads as doubles, and softmax(scale q k^T + bias) v.
#pragma once
#include <cstdint>
#include <functional>
#include <vector>

#include "lib/ops/op.h"

namespace compress {

/// A query, key or value as doubles, [batch, heads, length, size].
struct Heads {
  int64_t batch = 0, heads = 0, length = 0, size = 0;
  std::vector<double> values;

  Heads() = default;
  /// Zeros.
  Heads(int64_t batches, int64_t headCount, int64_t lengths, int64_t sizes);
  double* row(int64_t b, int64_t h, int64_t i) { return values.data() + ((b * heads + h) * length + i) * size; }
  const double* row(int64_t b, int64_t h, int64_t i) const {
    return values.data() + ((b * heads + h) * length + i) * size;
  }
};

/// Integer attribute `name` of the node. Throws Error(input) unless it is at least 1.
int64_t headCount(const Node& node, std::string_view name);
/// From [batch, heads, length, size], or from [batch, length, heads * size], where `heads` says how they divide. Throws
/// Error(input) for other ranks and where they do not.
Heads headsOf(const Tensor& tensor, int64_t heads);
/// [batch, heads, length, size] or [batch, length, heads * size], as the rank of `to` says.
void storeHeads(const Heads& from, Buffer& to);
/// `next` behind `past` along the length. Throws Error(input) where the other sizes differ.
Heads appended(const Heads& past, const Heads& next);

/// scale q k^T, [batch, heads of q, queries, keys]. Each head of k serves as many heads of q.
Heads scoresOf(const Heads& q, const Heads& k, double scale);
/// The softmax of a row of scores in place; zeros where every one is -infinity.
void softmaxInPlace(std::span<double> scores);
/// weights v, [batch, heads of the weights, queries, size of v].
Heads weightedSum(const Heads& weights, const Heads& v);

/// What is done to the scores before the softmax.
struct ScoreRule {
  double scale = 1;
  double softcap = 0;  ///< c tanh(score / c); 0: none
  /// Added to the score of query i and key j, -infinity where the key is hidden; empty: nothing is added.
  std::function<double(int64_t b, int64_t h, int64_t i, int64_t j)> bias = {};
};

/// The scores at one of their stages, [batch, heads of q, queries, keys].
enum class ScoreStage { scaled, capped, biased, weights };

/// softmax(cap(scale q k^T) + bias) v, [batch, heads of q, queries, size of v]. Each head of k and v serves as many
/// heads of q; a query without a visible key gives zeros. `scores`, where given, receives the scores at `stage`.
Heads attend(const Heads& q, const Heads& k, const Heads& v, const ScoreRule& rule, Heads* scores = nullptr,
             ScoreStage stage = ScoreStage::scaled);

/// Turns pairs of the first `turned` elements of `x`, neighbours where interleaved, else one of each half: (a, b)
/// becomes (a cos - b sin, a sin + b cos), with one cosine and sine per pair.
void rotate(double* x, int64_t turned, const double* cosines, const double* sines, bool isInterleaved);

}  // namespace compress
