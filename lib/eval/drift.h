// How far two runs of one model are apart, number by number.
#pragma once
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "lib/ir/tensor.h"

namespace compress {

struct Mismatch {
  int64_t index;  ///< flat
  double expected, found;
};

/// Accumulates over samples; `add` takes the same output of both models.
class Drift {
 public:
  void add(const Tensor& expected, const Tensor& found);

  int64_t count() const { return count_; }
  double maxAbs() const { return maxAbs_; }
  double meanAbs() const;
  double cosine() const;
  /// 10 log10 of signal over error energy; +inf when nothing differs.
  double sqnrDb() const;
  /// Share of samples whose argmax (lowest index on ties) agrees.
  double argmaxAgreement() const;
  int64_t nonFinite() const { return nonFinite_; }  ///< in `found`, where `expected` is finite
  double largestExpected() const { return largestExpected_; }
  const std::vector<Mismatch>& worst() const { return worst_; }  ///< at most 10, largest difference first

 private:
  template <typename T>
  void accumulate(std::span<const T> expected, std::span<const T> found);
  void keepWorst(const Mismatch& here);

  int64_t count_ = 0, samples_ = 0, agreeing_ = 0, nonFinite_ = 0;
  double maxAbs_ = 0, sumAbs_ = 0, signal_ = 0, found_ = 0, dot_ = 0, error_ = 0, largestExpected_ = 0;
  std::vector<Mismatch> worst_;
};

/// Elements of `found` outside |found - expected| <= atol + rtol * |expected|; integers and bool exactly. Shape and
/// type must agree (Error(negative) otherwise).
int64_t countMismatches(const Tensor& expected, const Tensor& found, double rtol, double atol);

}  // namespace compress
