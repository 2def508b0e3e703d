#include "lib/runtime/plan/int8/patterns.h"

#include <algorithm>

#include "lib/base/text.h"

namespace compress::int8 {
namespace {

/// Scale and zero point of a Q or DQ node whose quantized type is `dtype`, when they are constants of one element.
std::optional<Quantization> perTensor(const FusedGraph& graph, const Node& node, DType dtype) {
  const Tensor* scale = node.input(1) ? graph.graph.constant(node.input(1)) : nullptr;
  if (!scale || scale->elementCount() != 1 || scale->dtype() != DType::f32) return std::nullopt;
  Quantization q{scale->as<float>()[0], 0, dtype};
  if (!(q.scale > 0) || node.attributes.integer("block_size", 0) != 0) return std::nullopt;
  if (node.input(2)) {
    const Tensor* zero = graph.graph.constant(node.input(2));
    if (!zero || zero->elementCount() != 1) return std::nullopt;
    q.zero = static_cast<int32_t>(toInts(*zero)[0]);
  }
  return q;
}

struct Bounds {
  float low, high;
};

std::optional<Bounds> boundsOf(const FusedGraph& graph, const Node& node) {
  Bounds bounds{-std::numeric_limits<float>::max(), std::numeric_limits<float>::max()};
  if (node.is("Relu")) return Bounds{0, bounds.high};
  if (!node.is("Clip")) return std::nullopt;
  for (size_t i : {size_t{1}, size_t{2}}) {
    if (!node.input(i)) continue;
    const std::optional<std::vector<double>> bound = constantReals(graph, node.input(i));
    if (!bound || bound->size() != 1) return std::nullopt;
    (i == 1 ? bounds.low : bounds.high) = static_cast<float>((*bound)[0]);
  }
  return bounds;
}

}  // namespace

void setQuantization(Attributes& attributes, std::string_view which, const Quantization& q) {
  attributes.set(text(which, "_scale"), q.scale);
  attributes.set(text(which, "_zero"), int64_t{q.zero});
  attributes.set(text(which, "_type"), static_cast<int64_t>(q.dtype));
}

Quantization quantizationOf(const Attributes& attributes, std::string_view which) {
  return {attributes.real(text(which, "_scale"), 1), static_cast<int32_t>(attributes.integer(text(which, "_zero"), 0)),
          static_cast<DType>(attributes.integer(text(which, "_type"), static_cast<int64_t>(DType::u8)))};
}

std::optional<Dequantized> findDequantized(const FusedGraph& graph, ValueId value) {
  const NodeId id = value ? graph.graph.producer(value) : NodeId{};
  if (!id) return std::nullopt;
  const Node& node = graph.graph.node(id);
  if (!node.is("DequantizeLinear") || !isByte(graph.dtype(node.inputs[0])) || graph.dtype(value) != DType::f32)
    return std::nullopt;
  const std::optional<Quantization> q = perTensor(graph, node, graph.dtype(node.inputs[0]));
  if (!q) return std::nullopt;
  return Dequantized{id, node.inputs[0], *q};
}

std::optional<Quantization> quantizerOf(const FusedGraph& graph, NodeId id) {
  const Node& node = graph.graph.node(id);
  if (!node.is("QuantizeLinear") || graph.dtype(node.inputs[0]) != DType::f32) return std::nullopt;
  const DType dtype = graph.dtype(node.outputs[0]);
  return isByte(dtype) ? perTensor(graph, node, dtype) : std::nullopt;
}

std::optional<Quantizer> findQuantizer(const FusedGraph& graph, ValueId value) {
  const std::optional<NodeId> reader = graph.onlyReader(value);
  if (!reader) return std::nullopt;
  const std::optional<Quantization> q = quantizerOf(graph, *reader);
  if (!q) return std::nullopt;
  return Quantizer{*reader, *q};
}

Tail followTail(const FusedGraph& graph, ValueId value) {
  Tail tail;
  tail.end = value;
  while (true) {
    tail.quantizer = findQuantizer(graph, tail.end);
    const std::optional<NodeId> reader = graph.onlyReader(tail.end);
    if (tail.quantizer || !reader) return tail;
    const Node& node = graph.graph.node(*reader);
    const std::optional<Bounds> bounds = node.inputs[0] == tail.end ? boundsOf(graph, node) : std::nullopt;
    if (!bounds) return tail;
    tail.low = std::clamp(tail.low, bounds->low, std::max(bounds->low, bounds->high));
    tail.high = std::clamp(tail.high, std::min(bounds->low, bounds->high), bounds->high);
    tail.nodes.push_back(*reader);
    tail.end = node.outputs[0];
  }
}

bool isByte(DType dtype) {
  return dtype == DType::u8 || dtype == DType::i8;
}

std::optional<StoredConstant> findStoredConstant(const FusedGraph& graph, ValueId value) {
  const NodeId id = graph.graph.producer(value);
  if (!id || !graph.graph.node(id).is("DequantizeLinear")) return std::nullopt;
  const Node& node = graph.graph.node(id);
  const Tensor* zero = node.input(2) ? graph.graph.constant(node.input(2)) : nullptr;
  StoredConstant found{graph.graph.constant(node.inputs[0]), graph.graph.constant(node.inputs[1]), {0}};
  if (!found.stored || !found.scale || (node.input(2) && !zero) || !isInteger(found.stored->dtype()) ||
      node.attributes.integer("block_size", 0) != 0)
    return std::nullopt;
  if (zero) found.zeros = toInts(*zero);
  found.channelCount = static_cast<size_t>(found.scale->elementCount());
  if (found.channelCount > 1) {
    const Shape& shape = found.stored->shape();
    found.axis = normalizedAxis(node.attributes.integer("axis", 1), shape.rank());
    found.inner = shape.count(*found.axis + 1, shape.rank());
  }
  return found;
}

std::optional<std::vector<double>> constantReals(const FusedGraph& graph, ValueId value) {
  if (const Tensor* constant = graph.graph.constant(value)) return toDoubles(*constant);
  const std::optional<StoredConstant> found = findStoredConstant(graph, value);
  if (!found) return std::nullopt;
  const std::vector<double> scales = toDoubles(*found->scale);
  std::vector<double> reals = toDoubles(*found->stored);
  for (size_t i = 0; i < reals.size(); ++i) {
    const size_t channel = found->channelOf(i);
    reals[i] = (reals[i] - static_cast<double>(found->zeroOf(channel))) * scales[channel];
  }
  return reals;
}

int64_t fuseEach(FusedGraph& graph, bool (*fuseOne)(FusedGraph& graph, NodeId id)) {
  int64_t count = 0;
  for (const NodeId id : graph.graph.order())
    if (graph.graph.isAlive(id) && fuseOne(graph, id)) ++count;
  graph.graph.eraseDead();
  return count;
}

NodeId replaceNode(FusedGraph& graph, NodeId last, Node made, const std::vector<NodeId>& others) {
  made.outputs = graph.graph.node(last).outputs;
  std::vector<std::string> names;
  for (const NodeId other : others) {
    names.push_back(displayNameOf(graph, other));
    const std::vector<std::string>& more = std::as_const(graph).fused(other).names;
    names.insert(names.end(), more.begin(), more.end());
  }
  graph.graph.erase(last);
  const NodeId id = graph.graph.append(std::move(made));
  graph.fused(id).names = std::move(names);
  return id;
}

void replaceWithTail(FusedGraph& graph, const Tail& tail, Node made) {
  setQuantization(made.attributes, "y", tail.quantizer->q);
  made.attributes.set("low", tail.low);
  made.attributes.set("high", tail.high);
  std::vector<NodeId> others = tail.nodes;
  others.push_back(tail.quantizer->node);
  replaceNode(graph, tail.quantizer->node, std::move(made), others);
}

ValueId addValue(FusedGraph& graph, std::string_view wanted, DType dtype, const Shape& shape) {
  Value value;
  value.name = wanted;
  value.type = Type::tensor(dtype, shape);
  return graph.graph.add(std::move(value));
}

std::string displayNameOf(const FusedGraph& graph, NodeId id) {
  const Node& node = graph.graph.node(id);
  if (!node.name.empty()) return node.name;
  return node.output(0) ? graph.graph.value(node.outputs[0]).name : node.op;
}

}  // namespace compress::int8
