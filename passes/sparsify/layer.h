// A layer whose weights may become zero: its weights as matrices, and the zeros that are there or wanted.
#pragma once
#include "passes/prune/fit.h"
#include "passes/sparsify/granularity.h"

namespace compress {

class SparseLayer {
 public:
  using Matrix = NormalEquations::Matrix;

  SparseLayer(const Graph& graph, const FitLayer& fit);

  const FitLayer& fit() const { return fit_; }
  const WeightView& view() const { return view_; }
  const WeightGrid& grid() const { return grid_; }
  bool hasBias() const { return fit_.isConv || fit_.bias; }
  int64_t weightCount() const { return fit_.groups * grid_.outputs * grid_.inputs(); }
  int64_t zeroCount() const;

  /// Per convolution group: inputs + 1 rows, the last one biases; a column per output.
  std::vector<Matrix> weights;
  std::vector<ZeroMask> masks;  ///< likewise; at first what is zero in the model

  /// Sets weights and biases of the graph, zeros where the masks say.
  void write(Graph& graph) const;

 private:
  FitLayer fit_;
  WeightView view_;
  WeightGrid grid_;
};

}  // namespace compress
