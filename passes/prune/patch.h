// What follows at a node when slices of its operands are gone: attributes and constants that hold sizes, counts or
// indices. The initializers that lose slices themselves are cut by apply.h.
#pragma once
#include <map>
#include <optional>
#include <string_view>
#include <vector>

#include "passes/prune/ties.h"

namespace compress {

/// Which slices go, per axis: sorted, each once.
using Slices = std::map<Axis, std::vector<int64_t>>;

/// Which slices of an axis of `extent` stay, ascending.
std::vector<int64_t> keptSlices(const Slices& removed, const Axis& axis, int64_t extent);

class NodePatch {
 public:
  NodePatch(Graph& graph, NodeId id, const KnownTypes& before, const Slices& removed)
      : graph_(graph), id_(id), before_(before), removed_(removed) {}

  const Node& node() const { return graph_.node(id_); }
  Graph& graph() { return graph_; }
  NodeId id() const { return id_; }
  /// Before anything was removed.
  Shape shape(ValueId value) const { return *before_.shape(value); }
  const KnownTypes& before() const { return before_; }
  bool changes(ValueId value, size_t axis) const { return removed_.contains({value, axis}); }
  /// How many slices of the axis stay.
  int64_t kept(ValueId value, size_t axis) const;
  /// Which slices of the axis stay, ascending.
  std::vector<int64_t> keptSlices(ValueId value, size_t axis) const;

  /// The integers of attribute `attribute`, or else of input `index`; written back to where they are: as an attribute,
  /// or as a constant of this node's own.
  std::optional<std::vector<int64_t>> integers(std::string_view attribute, size_t index) const;
  void setIntegers(std::string_view attribute, size_t index, const std::vector<int64_t>& values);
  /// Writes element `at` of the list of sizes at input `index`: of the constant, or of the piece of a Concat that holds
  /// it. 0 and -1 stay as they are, since they follow by themselves. Throws Error(unsupported) where it is computed.
  void setSizeElement(size_t index, size_t at, int64_t value);
  /// The node's first result goes through a new node, which also reads `others` and hands it on under its name.
  void passThrough(std::string_view op, const std::vector<ValueId>& others, Attributes attributes = {});

 private:
  Graph& graph_;
  NodeId id_;
  const KnownTypes& before_;
  const Slices& removed_;
};

}  // namespace compress
