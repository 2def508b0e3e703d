// What the int8 fusions look for: a DequantizeLinear before an operator, a QuantizeLinear behind it, Relu and Clip
// between.
#pragma once
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include "lib/runtime/plan/fused_graph.h"
#include "lib/runtime/plan/int8/quantization.h"

namespace compress::int8 {

/// The bytes behind a float value.
struct Dequantized {
  NodeId node;     ///< the DequantizeLinear
  ValueId source;  ///< u8 or i8
  Quantization q;
};
/// Is `value` the result of a DequantizeLinear of u8 or i8 with one constant scale and zero point?
std::optional<Dequantized> findDequantized(const FusedGraph& graph, ValueId value);

struct Quantizer {
  NodeId node;
  Quantization q;
};
/// Parameters of a QuantizeLinear to u8 or i8 with one constant scale and zero point.
std::optional<Quantization> quantizerOf(const FusedGraph& graph, NodeId node);
/// The QuantizeLinear that alone reads `value`.
std::optional<Quantizer> findQuantizer(const FusedGraph& graph, ValueId value);

/// A value's only readers one after the other: Relu and Clip with constant bounds, then maybe a QuantizeLinear.
struct Tail {
  ValueId end;                ///< the last value before the QuantizeLinear
  std::vector<NodeId> nodes;  ///< the Relus and Clips
  float low = -std::numeric_limits<float>::max();
  float high = std::numeric_limits<float>::max();
  std::optional<Quantizer> quantizer;
};
Tail followTail(const FusedGraph& graph, ValueId value);

/// A constant of integers with zero points, one or one per index of an axis.
struct StoredConstant {
  const Tensor* stored;
  const Tensor* scale;              ///< null where there is none
  std::vector<int64_t> zeros;       ///< one, or channelCount
  size_t channelCount = 1;          ///< of scales or zero points
  std::optional<size_t> axis = {};  ///< of the channels, when there are several
  int64_t inner = 1;                ///< elements that lie together in one channel

  size_t channelOf(size_t i) const { return i / static_cast<size_t>(inner) % channelCount; }
  int64_t zeroOf(size_t channel) const { return zeros[zeros.size() == 1 ? 0 : channel]; }
};
bool isByte(DType dtype);
/// Behind a DequantizeLinear, per-tensor or per-axis.
std::optional<StoredConstant> findStoredConstant(const FusedGraph& graph, ValueId value);

/// Elements of a constant, also behind a DequantizeLinear (any type, per-tensor or per-axis), as double; nothing
/// otherwise.
std::optional<std::vector<double>> constantReals(const FusedGraph& graph, ValueId value);

/// Applies `fuseOne` to each node that is still alive, in order, and erases what is dead then. The count of changes.
int64_t fuseEach(FusedGraph& graph, bool (*fuseOne)(FusedGraph& graph, NodeId id));
/// `made` takes the place of node `last`: it produces last's outputs (with last's types), and stands for the nodes
/// `others` too. Returns the new node. Nodes without use stay until the fusion calls eraseDead().
NodeId replaceNode(FusedGraph& graph, NodeId last, Node made, const std::vector<NodeId>& others);
/// The same for `tail`, whose QuantizeLinear is the last: `made` gets its parameters as "y", and its bounds as low and
/// high.
void replaceWithTail(FusedGraph& graph, const Tail& tail, Node made);
/// A fresh value of the given type.
ValueId addValue(FusedGraph& graph, std::string_view wanted, DType dtype, const Shape& shape);
/// Name for people: the node's own, or its first output's.
std::string displayNameOf(const FusedGraph& graph, NodeId node);

}  // namespace compress::int8
