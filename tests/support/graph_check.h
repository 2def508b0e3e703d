// Holding the cpu backend against the references on one random graph, and making a graph that fails small.
#pragma once
#include <string>
#include <vector>

#include "lib/runtime/backend.h"
#include "tests/support/graph_author.h"

namespace compress::test {

/// What is wrong with the cpu backend's results; empty when nothing is. `variant` chooses thread count and which
/// fusions are left out in the comparisons.
std::string faultOf(const RandomGraph& graph, uint64_t variant);

/// A smaller graph that fails too: outputs, what comes before a value, and nodes are dropped as long as it does.
RandomGraph shrunk(const RandomGraph& graph, uint64_t variant);

/// The graph and its inputs as text.
std::string describe(const RandomGraph& graph);

/// Which kernels and fusions the plans of some graphs have used.
class PlanCoverage {
 public:
  /// Makes the plan of a graph whose shapes are all known; others count for nothing.
  void add(const Model& model, const std::vector<Tensor>& inputs);
  /// Kernels of the cpu backend's table and fusions that no plan has used.
  std::vector<std::string> missing() const;

 private:
  std::vector<int64_t> kernels_;  ///< nodes that each one took
  std::vector<int64_t> fusions_;  ///< changes that each one made
};

}  // namespace compress::test
