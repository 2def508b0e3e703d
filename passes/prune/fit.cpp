#include "passes/prune/fit.h"

#include <algorithm>

namespace compress {
namespace {

/// How firmly weights are held where they are, as a share of the mean second moment.
constexpr double kDamping = 1e-3;
constexpr int64_t kLeastRows = 8192;
constexpr int64_t kRowsPerUnknown = 12;
using Rows = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

}  // namespace

NormalEquations::NormalEquations(int64_t inputs, int64_t outputs)
    : inputs_(inputs), moments_(Matrix::Zero(inputs + 1, inputs + 1)), cross_(Matrix::Zero(inputs + 1, outputs)) {}

void NormalEquations::add(const std::vector<float>& rows, const std::vector<float>& answers, int64_t count) {
  const Eigen::Map<const Rows> x(rows.data(), count, inputs_), y(answers.data(), count, cross_.cols());
  moments_.topLeftCorner(inputs_, inputs_) += (x.transpose() * x).cast<double>();
  moments_.row(inputs_).head(inputs_) += x.cast<double>().colwise().sum();
  moments_(inputs_, inputs_) += static_cast<double>(count);
  cross_.topRows(inputs_) += (x.transpose() * y).cast<double>();
  cross_.row(inputs_) += y.cast<double>().colwise().sum();
}

NormalEquations::Matrix NormalEquations::symmetric() const {
  Matrix a = moments_;
  a.col(inputs_) = a.row(inputs_).transpose().eval();
  return a;
}

NormalEquations::Matrix NormalEquations::solve(const Matrix& present, bool hasBias) const {
  std::vector<Eigen::Index> all(static_cast<size_t>(inputs_));
  for (size_t i = 0; i < all.size(); ++i) all[i] = static_cast<Eigen::Index>(i);
  return solve(present, hasBias, all, 0, present.cols());
}

NormalEquations::Matrix NormalEquations::solve(const Matrix& present, bool hasBias,
                                               const std::vector<Eigen::Index>& inputs, Eigen::Index first,
                                               Eigen::Index last) const {
  std::vector<Eigen::Index> unknowns = inputs;
  if (hasBias) unknowns.push_back(inputs_);
  const auto kept = static_cast<Eigen::Index>(inputs.size());
  const auto columns = Eigen::seq(first, last - 1);
  Matrix a = symmetric()(unknowns, unknowns);
  Matrix b = cross_(unknowns, columns);
  const double hold = kDamping * std::max(moments_.diagonal().head(inputs_).mean(), 1e-12);
  a.diagonal().head(kept).array() += hold;
  b.topRows(kept) += hold * present(inputs, columns);
  Matrix solved = Matrix::Zero(inputs_ + 1, last - first);
  if (!hasBias) solved.row(inputs_) = present.row(inputs_)(columns);
  if (unknowns.empty()) return solved;
  const Matrix found = a.ldlt().solve(b);
  solved(unknowns, Eigen::all) = found;
  return solved;
}

Eigen::RowVectorXd NormalEquations::fittingBias(const Matrix& weights) const {
  const double count = std::max(moments_(inputs_, inputs_), 1.0);
  return (cross_.row(inputs_) - moments_.row(inputs_).head(inputs_) * weights.topRows(inputs_)) / count;
}

NormalEquations::Matrix NormalEquations::covariance(bool centred) const {
  const double count = std::max(moments_(inputs_, inputs_), 1.0);
  Matrix h = moments_.topLeftCorner(inputs_, inputs_) / count;
  if (centred) {
    const Eigen::RowVectorXd mean = moments_.row(inputs_).head(inputs_) / count;
    h -= mean.transpose() * mean;
  }
  return h;
}

int64_t fitRowsPerSample(int64_t inputs, int64_t samples) {
  return std::max(kLeastRows, kRowsPerUnknown * inputs) / samples + 1;
}

}  // namespace compress
