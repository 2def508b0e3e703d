// What a model costs with some slices gone: parameters, bytes and multiply-accumulates, from shapes alone; times, from
// a table of measured layers.
#pragma once
#include <map>
#include <vector>

#include "lib/ir/model.h"
#include "passes/known_types.h"
#include "passes/prune/latency_table.h"
#include "passes/prune/patch.h"

namespace compress {

struct PruneCost {
  int64_t macs = 0;
  int64_t parameters = 0;
  int64_t bytes = 0;  ///< of the constants
  double ms = 0;      ///< of all layers, one after another; 0 without a table
  PruneCost operator-(const PruneCost& other) const {
    return {macs - other.macs, parameters - other.parameters, bytes - other.bytes, ms - other.ms};
  }
};

class CostModel {
 public:
  /// `latencies` may be null: times do not matter then.
  CostModel(const Graph& graph, const KnownTypes& known, LatencyTable* latencies = nullptr);

  /// Of the whole graph when `removed` is gone.
  PruneCost total(const Slices& removed) const;
  /// What is saved when `more` goes from a graph without `removed`.
  PruneCost saved(const Slices& removed, const Slices& more) const;
  /// Multiply-accumulates of one node, nothing removed; 0 where not known.
  int64_t ofNode(NodeId id) const { return ofNodes({id}, {}, {}).macs; }
  /// How many slices the axis has.
  int64_t extent(const Axis& axis) const { return (*known_.shape(axis.value))[axis.axis]; }

 private:
  PruneCost ofNodes(const std::vector<NodeId>& nodes, const std::vector<ValueId>& constants,
                    const Slices& removed) const;

  const Graph& graph_;
  const KnownTypes& known_;
  LatencyTable* latencies_;
};

}  // namespace compress
