#include "passes/prune/labels.h"

#include <catch2/catch.hpp>

using namespace compress;

namespace {

std::vector<int64_t> slicesOf(const Labels& labels, int64_t label, int64_t size) {
  std::vector<int64_t> slices;
  labels.withLabel(label, size, [&](int64_t slice) { slices.push_back(slice); });
  return slices;
}

using Integers = std::vector<int64_t>;

}  // namespace

TEST_CASE("labels by default are the slices' own numbers", "[prune]") {
  const Labels labels;
  CHECK(labels.isIdentity());
  CHECK(labels.at(5) == 5);
  CHECK(slicesOf(labels, 5, 8) == Integers{5});
  CHECK(slicesOf(labels, 8, 8).empty());
}

TEST_CASE("labels of a digit repeat by stride and period", "[prune]") {
  const Labels labels = Labels::digit(2, 3);  // 0 0 1 1 2 2 0 0 1 1 2 2
  CHECK_FALSE(labels.isIdentity());
  CHECK(labels.at(3) == 1);
  CHECK(labels.at(7) == 0);
  CHECK(slicesOf(labels, 1, 12) == Integers{2, 3, 8, 9});
  CHECK(slicesOf(labels, 2, 5) == Integers{4});
}

TEST_CASE("labels of a window leave the slices around it free", "[prune]") {
  const Labels labels = Labels::window(3, 2);
  CHECK(labels.at(2) == Labels::kFree);
  CHECK(labels.at(3) == 0);
  CHECK(labels.at(4) == 1);
  CHECK(labels.at(5) == Labels::kFree);
  CHECK(slicesOf(labels, 1, 8) == Integers{4});
  CHECK(slicesOf(labels, 2, 8).empty());
}

TEST_CASE("labels one by one may be shared and free", "[prune]") {
  const Labels labels = Labels::each({4, Labels::kFree, 4, 0});
  CHECK(labels.at(2) == 4);
  CHECK(labels.at(1) == Labels::kFree);
  CHECK(slicesOf(labels, 4, 4) == Integers{0, 2});
  CHECK(slicesOf(labels, 1, 4).empty());
}
