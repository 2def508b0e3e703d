// Ops that are others in disguise (fused or quantized forms of other tools) are lowered: expressed by ops of the
// default domain. One function gives such an op its shape rule, its reference and its fast kernels.
#pragma once
#include <initializer_list>
#include <string_view>
#include <utility>
#include <vector>

#include "lib/ops/op.h"

namespace compress {

/// Attributes in the order given.
Attributes attributesOf(std::initializer_list<std::pair<std::string_view, AttributeData>> items);

/// What a lowering sees of its node, and how it builds what the node becomes. The node itself goes with the first
/// emit(): a lowering that finds that it needs to know more returns false before.
class Lowering {
 public:
  /// `types`: of the node's inputs, as far as they are known.
  Lowering(Graph& graph, NodeId id, std::vector<Type> types);

  const Node& node() const { return node_; }
  const Attributes& attributes() const { return node_.attributes; }
  bool has(size_t i) const { return static_cast<bool>(node_.input(i)); }
  /// kNoValue where absent.
  ValueId input(size_t i) const { return node_.input(i); }
  const Type& type(size_t i) const;
  bool knowsRank(size_t i) const { return has(i) && type(i).hasRank(); }
  /// -1 where it is not known.
  int64_t dim(size_t i, int64_t axis) const;
  const Tensor* constant(size_t i) const { return has(i) ? graph_.constant(input(i)) : nullptr; }
  bool wants(size_t output) const { return static_cast<bool>(node_.output(output)); }

  ValueId emit(std::string_view op, std::vector<ValueId> inputs, Attributes attributes = {});
  std::vector<ValueId> emitMany(std::string_view op, std::vector<ValueId> inputs, size_t outputs,
                                Attributes attributes = {});
  ValueId constant(Tensor tensor);
  ValueId integers(const std::vector<int64_t>& values) { return constant(Tensor::ofInts(values)); }
  /// A scalar of a floating or integer type.
  ValueId scalar(double value, DType dtype);
  /// `value`, which nothing emitted later reads, is output `output`.
  void give(size_t output, ValueId value);

 private:
  std::string nameOf(std::string_view op) const;

  Graph& graph_;
  NodeId id_;
  Node node_;
  std::vector<Type> types_;
};

/// An op that is only known by what it is lowered to.
OpSpec lowered(std::string_view op, std::string_view domain, Lower lower, std::string_view doc);
/// Its reference, for an op that has a shape rule of its own.
void runLowered(ReferenceContext& context);

/// Lowers every node of `graph` that has a lowering; `types` by ValueId::index. The count of nodes that it became of.
int64_t lowerAll(Graph& graph, std::span<const Type> types);

}  // namespace compress
