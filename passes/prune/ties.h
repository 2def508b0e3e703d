// Which slices of which tensors go together when channels are removed: what the rules (rules.h) say of each node.
// Activations and initializers are treated alike.
#pragma once
#include <compare>
#include <map>
#include <string>
#include <vector>

#include "lib/ir/graph.h"
#include "passes/known_types.h"
#include "passes/prune/labels.h"

namespace compress {

/// One axis of one value.
struct Axis {
  ValueId value;
  size_t axis = 0;
  auto operator<=>(const Axis&) const = default;
};

/// Slices of the members that bear the same label go together.
struct Tie {
  struct Member {
    Axis axis;
    Labels labels = {};
  };
  std::vector<Member> members;
  bool exact = true;      ///< false: what stays is computed from what goes as well (statistics of a norm)
  bool isSummed = false;  ///< the node sums over products of the members: what goes must be zero in one of them
  NodeId node = {};       ///< whose rule says so
};

/// An axis that another tensor sees as several: a removal passes along one of these digits alone, the first (outermost)
/// that has room for it.
using Digits = std::vector<Tie>;

/// Why an axis cannot lose slices.
struct Obstacle {
  std::string reason;
  NodeId node;  ///< none for graph inputs and outputs
};

/// All ties of a graph.
struct TieSet {
  std::vector<Tie> ties;
  std::vector<Digits> digits;
  std::map<Axis, Obstacle> blocked;
};

/// What a rule sees of its node, and how it says what goes together. Axes of the node's operands that a rule does not
/// mention are blocked.
class NodeTies {
 public:
  NodeTies(const Graph& graph, const KnownTypes& known, NodeId id, TieSet& set);

  const Graph& graph() const { return graph_; }
  const Node& node() const { return graph_.node(id_); }
  ValueId input(size_t i) const { return node().input(i); }
  ValueId output(size_t i = 0) const { return node().output(i); }
  bool has(ValueId value) const { return static_cast<bool>(value); }
  /// Every operand has one: nodes with operands of unknown shape are blocked before any rule is asked.
  const Shape& shape(ValueId value) const { return shapes_.at(value); }
  size_t rank(ValueId value) const { return shape(value).rank(); }
  int64_t size(ValueId value, size_t axis) const { return shape(value)[axis]; }
  /// The value where it follows from constants and shapes; null otherwise.
  const Tensor* known(ValueId value) const { return known_.value(value); }
  /// The integers of attribute `attribute` or else of known input `index`.
  std::optional<std::vector<int64_t>> integers(std::string_view attribute, size_t index) const;

  void tie(Tie tie);
  /// Slice i of every one of `axes` goes together; absent values are left out.
  void tieAxes(const std::vector<Axis>& axes, bool exact = true);
  /// The same for an axis of each factor of products that the node sums over.
  void tieSummed(const std::vector<Axis>& factors);
  /// Axis by axis, for tensors of the same rank.
  void tieAll(ValueId a, ValueId b);
  /// May change without consequence for the other operands.
  void release(ValueId value, size_t axis) { tie({{{{value, axis}}}}); }
  void choose(Digits digits);
  void block(ValueId value, size_t axis, std::string reason);
  void blockAll(const std::string& reason);

  /// Blocks what was not mentioned. Called once, after the rule.
  void finish();

 private:
  void mention(const Tie& tie);

  const Graph& graph_;
  const KnownTypes& known_;
  NodeId id_;
  TieSet& set_;
  std::map<ValueId, Shape> shapes_;
  std::map<Axis, bool> mentioned_;
};

/// Ties of every node of `graph`. Axes of graph inputs and outputs are blocked.
TieSet collectTies(const Graph& graph, const KnownTypes& known);

}  // namespace compress
