#include "lib/eval/drift.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "lib/base/error.h"
#include "lib/base/text.h"

namespace compress {
namespace {

constexpr size_t kWorstKept = 10;

bool isWorse(const Mismatch& a, const Mismatch& b) {
  return std::abs(a.found - a.expected) > std::abs(b.found - b.expected);
}

void requireAlike(const Tensor& expected, const Tensor& found) {
  if (expected.shape() != found.shape() || expected.dtype() != found.dtype())
    throw Error(ErrorKind::negative, text("outputs differ in kind: found ", nameOf(found.dtype()), print(found.shape()),
                                          ", expected ", nameOf(expected.dtype()), print(expected.shape())));
}

}  // namespace

void Drift::add(const Tensor& expected, const Tensor& found) {
  requireAlike(expected, found);
  if (expected.elementCount() == 0) return;
  if (expected.dtype() == DType::f32)
    accumulate(expected.as<float>(), found.as<float>());
  else
    accumulate<double>(toDoubles(expected), toDoubles(found));
}

template <typename T>
void Drift::accumulate(std::span<const T> expected, std::span<const T> found) {
  for (size_t i = 0; i < expected.size(); ++i) {
    const auto a = static_cast<double>(expected[i]), b = static_cast<double>(found[i]);
    if (!std::isfinite(a)) continue;
    if (!std::isfinite(b)) {
      ++nonFinite_;
      continue;
    }
    ++count_;
    const double difference = std::abs(b - a);
    maxAbs_ = std::max(maxAbs_, difference);
    sumAbs_ += difference;
    signal_ += a * a;
    found_ += b * b;
    dot_ += a * b;
    error_ += difference * difference;
    largestExpected_ = std::max(largestExpected_, std::abs(a));
    if (difference > 0) keepWorst({static_cast<int64_t>(i), a, b});
  }
  ++samples_;
  if (std::ranges::max_element(expected) - expected.begin() == std::ranges::max_element(found) - found.begin())
    ++agreeing_;
}

void Drift::keepWorst(const Mismatch& here) {
  if (worst_.size() == kWorstKept && !isWorse(here, worst_.back())) return;
  worst_.insert(std::ranges::upper_bound(worst_, here, isWorse), here);
  if (worst_.size() > kWorstKept) worst_.pop_back();
}

double Drift::meanAbs() const {
  return count_ == 0 ? 0 : sumAbs_ / static_cast<double>(count_);
}

double Drift::cosine() const {
  if (signal_ == 0 && found_ == 0) return 1;
  if (signal_ == 0 || found_ == 0) return 0;
  return dot_ / std::sqrt(signal_) / std::sqrt(found_);
}

double Drift::sqnrDb() const {
  if (error_ == 0) return std::numeric_limits<double>::infinity();
  return 10 * std::log10(signal_ / error_);
}

double Drift::argmaxAgreement() const {
  return samples_ == 0 ? 1 : static_cast<double>(agreeing_) / static_cast<double>(samples_);
}

int64_t countMismatches(const Tensor& expected, const Tensor& found, double rtol, double atol) {
  requireAlike(expected, found);
  if (!isFloating(expected.dtype())) {
    if (expected.dtype() == DType::string) {
      int64_t different = 0;
      for (size_t i = 0; i < expected.strings().size(); ++i) different += expected.strings()[i] != found.strings()[i];
      return different;
    }
    const std::vector<int64_t> a = toInts(expected), b = toInts(found);
    int64_t different = 0;
    for (size_t i = 0; i < a.size(); ++i) different += a[i] != b[i];
    return different;
  }
  const std::vector<double> a = toDoubles(expected), b = toDoubles(found);
  int64_t different = 0;
  for (size_t i = 0; i < a.size(); ++i) {
    const bool same =
        a[i] == b[i] || (std::isnan(a[i]) && std::isnan(b[i])) || std::abs(b[i] - a[i]) <= atol + rtol * std::abs(a[i]);
    different += !same;
  }
  return different;
}

}  // namespace compress
