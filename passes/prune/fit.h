// Least squares over what a layer reads and what it should answer, for repair of cut networks and for weights that stay
// among zeros.
#pragma once
#define EIGEN_DONT_PARALLELIZE  // threads are busy with samples
#include <Eigen/Dense>
#include <vector>

#include "passes/prune/layers.h"

namespace compress {

/// Sums over rows r = (what the layer reads, 1) and answers y: of r r^T and r y^T.
class NormalEquations {
 public:
  using Matrix = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

  NormalEquations(int64_t inputs, int64_t outputs);

  /// `rows` holds count x inputs numbers, `answers` count x outputs.
  void add(const std::vector<float>& rows, const std::vector<float>& answers, int64_t count);

  /// inputs + 1 rows, the last one biases; held near `present`. Without a bias, the last row of `present` is zero and
  /// stays so.
  Matrix solve(const Matrix& present, bool hasBias) const;
  /// The same for outputs [first, last), that read `inputs` (ascending) alone: other rows are zero.
  Matrix solve(const Matrix& present, bool hasBias, const std::vector<Eigen::Index>& inputs, Eigen::Index first,
               Eigen::Index last) const;
  /// Mean of the answers less what `weights` (inputs + 1 rows, the last one ignored) make of the mean row: the biases
  /// that fit.
  Eigen::RowVectorXd fittingBias(const Matrix& weights) const;
  int64_t rowCount() const { return static_cast<int64_t>(moments_(inputs_, inputs_)); }
  /// inputs x inputs: of what the layer reads, about its mean if `centred`, per row.
  Matrix covariance(bool centred) const;

 private:
  Matrix symmetric() const;

  int64_t inputs_;
  Matrix moments_, cross_;
};

/// Rows to take of each sample, so that a layer with `inputs` unknowns per output sees enough of them.
int64_t fitRowsPerSample(int64_t inputs, int64_t samples);

}  // namespace compress
