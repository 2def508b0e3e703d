// fpgm: how far a channel's weights are from those of all others of its family (He et al. 2019): what is close to the
// geometric median can be replaced by the rest.
#include <cmath>

#include "passes/prune/readers.h"

namespace compress {
namespace {

using Matrix = Eigen::MatrixXf;

/// One column per class: all of its weights, one axis after another.
Matrix columnsOf(const Graph& graph, const Family& family) {
  std::vector<std::vector<float>> columns;
  size_t rows = 0;
  for (const PruneClass& one : family.classes) {
    auto& column = columns.emplace_back();
    for (const auto& [axis, slices] : one.slices) {
      const Tensor* weight = graph.constant(axis.value);
      if (weight == nullptr || weight->dtype() != DType::f32 || weight->shape().rank() < 2) continue;
      forSlices(*weight, axis.axis, slices, [&](int64_t, float element) { column.push_back(element); });
    }
    rows = std::max(rows, column.size());
  }
  Matrix all = Matrix::Zero(static_cast<Eigen::Index>(rows), static_cast<Eigen::Index>(columns.size()));
  for (size_t c = 0; c < columns.size(); ++c)
    for (size_t r = 0; r < columns[c].size(); ++r)
      all(static_cast<Eigen::Index>(r), static_cast<Eigen::Index>(c)) = columns[c][r];
  return all;
}

std::vector<double> distances(const Matrix& columns) {
  const Eigen::MatrixXd products = (columns.transpose() * columns).cast<double>();
  std::vector<double> sums;
  for (Eigen::Index i = 0; i < columns.cols(); ++i) {
    double sum = 0;
    for (Eigen::Index j = 0; j < columns.cols(); ++j)
      sum += std::sqrt(std::max(0.0, products(i, i) + products(j, j) - 2 * products(i, j)));
    sums.push_back(sum);
  }
  return sums;
}

}  // namespace

Criterion fpgmCriterion() {
  return {.name = "fpgm",
          .summary = "distance of a channel's weights from those of the others",
          .score = [](const ScoreContext& context) {
            Scores scores;
            for (const Family& family : context.prunable.families)
              scores.push_back(distances(columnsOf(context.model.graph, family)));
            return scores;
          }};
}

}  // namespace compress
