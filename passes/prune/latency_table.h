// Times of single layers in our own runtime at the sizes that pruning considers: measured once each, kept by what the
// layer is. The same table gives the same selection.
#pragma once
#include <map>
#include <span>
#include <string>

#include "lib/ir/model.h"
#include "lib/runtime/backend.h"

namespace compress {

class LatencyTable {
 public:
  /// The backend outlives the table; `known` are times of earlier runs, by key.
  LatencyTable(Backend& backend, int threads, Opsets opsets, std::map<std::string, double> known = {});

  /// Milliseconds of the node with operands of these types, the least of several runs; 0 for nodes without
  /// multiply-accumulates and for those that do not run alone.
  double ms(const Graph& graph, const Node& node, std::span<const Type> inputs, std::span<const Type> outputs);
  const std::map<std::string, double>& times() const { return times_; }

 private:
  Backend& backend_;
  int threads_;
  Opsets opsets_;
  std::map<std::string, double> times_;
};

}  // namespace compress
