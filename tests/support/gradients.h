// Graphs with their gradients, and central differences of them.
#pragma once
#include <vector>

#include "lib/ir/model.h"
#include "lib/train/gradient_grid.h"

namespace compress::test {

/// The model of a case, its float64 being `dtype`.
Model modelOf(const GradientCase& c, std::string_view dtype);

/// A graph that returns L = sum of r y over all outputs y, r fixed random numbers, and the gradients of L with respect
/// to each input, zeros where L does not depend on it. `isSquared`: of r y^2, so that no gradient is a constant.
struct Differentiated {
  Graph graph;
};
Differentiated differentiated(const Graph& graph, bool isSquared = false);

/// The worst |difference - gradient| / (|difference| + |gradient| + 1e-8) over all elements of all inputs, by the
/// references. A difference is central, with a step of 1e-5 max(1, |x|).
double worstDifference(const Differentiated& d, const std::vector<Tensor>& inputs);
/// |(L(x + h v) - L(x - h v)) / 2h - gradient . v| over the sum of both magnitudes, for random float64 inputs x and a
/// random direction v of all of them together.
double directionalDifference(const Differentiated& d, uint64_t seed);

}  // namespace compress::test
