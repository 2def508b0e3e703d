#include "passes/sparsify/obs.h"

#include <algorithm>
#include <cmath>

namespace compress {
namespace {

using Matrix = NormalEquations::Matrix;

constexpr double kDamping = 1e-2;  ///< of the mean variance of an input
constexpr int64_t kColumns = 128;  ///< that are chosen from at a time, and whose updates reach the others at once

class ObsPruner {
 public:
  ObsPruner(Granularity granularity, const WeightGrid& grid, double sparsity, ZeroMask& mask)
      : granularity_(granularity), grid_(grid), chooser_(granularity, grid), sparsity_(sparsity), mask_(mask) {
    for (const auto& group : chooser_.inputGroups()) {
      starts_.push_back(static_cast<int64_t>(order_.size()));
      order_.insert(order_.end(), group.begin(), group.end());
    }
    scores_.assign(mask.size(), 0.0);
  }

  void run(Matrix& weights, const Matrix& covariance) {
    const std::vector<Eigen::Index> order(order_.begin(), order_.end());
    w_ = weights(order, Eigen::all).transpose();
    factor(covariance(order, order));
    for (int64_t first = 0; first < grid_.inputs();) {
      const int64_t last = blockEnd(first);
      visit(first, last);
      first = last;
    }
    const Matrix back = w_.transpose();
    weights(order, Eigen::all) = back;
  }

 private:
  bool isPattern() const { return granularity_.kind == Granularity::Kind::pattern; }

  /// u_: upper triangular, u_^T u_ is the inverse of the damped covariance.
  void factor(Matrix h) {
    h.diagonal().array() += kDamping * std::max(h.diagonal().mean(), 1e-12);
    const Matrix inverse = h.llt().solve(Matrix::Identity(h.rows(), h.cols()));
    u_ = inverse.llt().matrixU();
  }

  /// Whole groups of a pattern.
  int64_t blockEnd(int64_t first) const {
    const int64_t end = std::min(first + kColumns, grid_.inputs());
    if (!isPattern() || end == grid_.inputs()) return end;
    const auto next = std::ranges::upper_bound(starts_, end);
    return next == starts_.begin() || *(next - 1) <= first ? end : *(next - 1);
  }

  size_t at(int64_t output, int64_t column) const {
    return static_cast<size_t>(output * grid_.inputs() + order_[static_cast<size_t>(column)]);
  }

  /// What each weight of the columns costs; those that are zero already come first.
  void score(int64_t first, int64_t last) {
    for (int64_t output = 0; output < grid_.outputs; ++output)
      for (int64_t column = first; column < last; ++column) {
        const double ratio = w_(output, column) / u_(column, column);
        scores_[at(output, column)] = mask_[at(output, column)] != 0 ? -1.0 : ratio * ratio;
      }
  }

  std::vector<int64_t> inputsOf(int64_t first, int64_t last) const {
    return {order_.begin() + first, order_.begin() + last};
  }

  /// Zeros among the columns, so that their share over all columns visited is what is wanted.
  void choose(int64_t first, int64_t last) {
    score(first, last);
    std::vector<ZeroUnit> units = chooser_.units(scores_, inputsOf(first, last));
    visited_ += static_cast<int64_t>(units.size());
    const int64_t wanted = std::llround(sparsity_ * static_cast<double>(visited_)) - chosen_;
    chosen_ += wanted;
    chooser_.markLeast(std::move(units), wanted, mask_);
  }

  void choosePattern(int64_t first) {
    const auto next = std::ranges::upper_bound(starts_, first);
    const int64_t last = next == starts_.end() ? grid_.inputs() : *next;
    score(first, last);
    for (int64_t output = 0; output < grid_.outputs; ++output)
      chooser_.markPattern(scores_, output, inputsOf(first, last), mask_);
  }

  void visit(int64_t first, int64_t last) {
    if (!isPattern()) choose(first, last);
    Matrix errors = Matrix::Zero(grid_.outputs, last - first);
    for (int64_t column = first; column < last; ++column) {
      if (isPattern() && std::ranges::binary_search(starts_, column)) choosePattern(column);
      for (int64_t output = 0; output < grid_.outputs; ++output) {
        if (mask_[at(output, column)] == 0) continue;
        errors(output, column - first) = w_(output, column) / u_(column, column);
        w_(output, column) = 0;
      }
      const int64_t rest = last - column - 1;
      w_.middleCols(column + 1, rest) -= errors.col(column - first) * u_.row(column).segment(column + 1, rest);
    }
    const int64_t rest = grid_.inputs() - last;
    w_.rightCols(rest) -= errors * u_.block(first, last, last - first, rest);
  }

  Granularity granularity_;
  WeightGrid grid_;
  ZeroChooser chooser_;
  double sparsity_;
  ZeroMask& mask_;
  std::vector<int64_t> order_;   // inputs in the order of their visit
  std::vector<int64_t> starts_;  // columns at which groups begin
  std::vector<double> scores_;   // outputs x inputs
  Matrix w_, u_;                 // outputs x columns; columns x columns
  int64_t visited_ = 0, chosen_ = 0;
};

}  // namespace

void pruneByObs(Matrix& weights, const Matrix& covariance, Granularity granularity, const WeightGrid& grid,
                double sparsity, ZeroMask& mask) {
  ObsPruner(granularity, grid, sparsity, mask).run(weights, covariance);
}

}  // namespace compress
