#include "passes/prune/patch.h"

#include <algorithm>

#include "lib/base/error.h"
#include "lib/base/text.h"

namespace compress {
namespace {

/// `tensor` with element `at` replaced; same integer type and shape.
Tensor withElement(const Tensor& tensor, size_t at, int64_t value) {
  std::vector<int64_t> values = toInts(tensor);
  values[at] = value;
  if (tensor.dtype() == DType::i64) return Tensor::of<int64_t>(tensor.shape(), values);
  std::vector<int32_t> narrow(values.begin(), values.end());
  return Tensor::of<int32_t>(tensor.shape(), narrow);
}

/// Element `at` of the sizes that input `index` of `id` holds becomes `value`.
void setElement(Graph& graph, NodeId id, size_t index, size_t at, int64_t value) {
  const ValueId list = graph.node(id).input(index);
  if (const Tensor* constant = graph.constant(list)) {
    const int64_t old = toInts(*constant).at(at);
    if (old == value || old <= 0) return;
    graph.setInput(id, index, graph.addConstant(graph.value(list).name, withElement(*constant, at, value)));
    return;
  }
  const NodeId producer = graph.producer(list);
  if (producer && graph.node(producer).is("Concat")) {
    size_t first = 0;
    for (size_t piece = 0; piece < graph.node(producer).inputs.size(); ++piece) {
      const Tensor* constant = graph.constant(graph.node(producer).inputs[piece]);
      const size_t count = constant != nullptr ? static_cast<size_t>(constant->elementCount()) : 1;
      if (at < first + count) {
        if (constant == nullptr) break;
        return setElement(graph, producer, piece, at - first, value);
      }
      first += count;
    }
  }
  throw Error(ErrorKind::unsupported,
              text("size ", at, " of '", graph.value(list).name, "' is computed, it cannot be made ", value));
}

}  // namespace

std::vector<int64_t> keptSlices(const Slices& removed, const Axis& axis, int64_t extent) {
  const auto found = removed.find(axis);
  std::vector<int64_t> kept;
  for (int64_t i = 0; i < extent; ++i)
    if (found == removed.end() || !std::ranges::binary_search(found->second, i)) kept.push_back(i);
  return kept;
}

int64_t NodePatch::kept(ValueId value, size_t axis) const {
  const auto found = removed_.find({value, axis});
  const int64_t size = shape(value)[axis];
  return found == removed_.end() ? size : size - static_cast<int64_t>(found->second.size());
}

std::vector<int64_t> NodePatch::keptSlices(ValueId value, size_t axis) const {
  return compress::keptSlices(removed_, {value, axis}, shape(value)[axis]);
}

std::optional<std::vector<int64_t>> NodePatch::integers(std::string_view attribute, size_t index) const {
  if (node().attributes.has(attribute)) return node().attributes.integers(attribute);
  const ValueId value = node().input(index);
  if (!value) return std::nullopt;
  const Tensor* tensor = graph_.constant(value);
  if (tensor == nullptr) tensor = before_.value(value);
  if (tensor == nullptr) return std::nullopt;
  return toInts(*tensor);
}

void NodePatch::setIntegers(std::string_view attribute, size_t index, const std::vector<int64_t>& values) {
  if (node().attributes.has(attribute)) return graph_.setAttribute(id_, attribute, values);
  const ValueId old = node().input(index);
  const ValueId fresh = graph_.addConstant(old ? graph_.value(old).name : node().name + "." + std::string(attribute),
                                           Tensor::ofInts(values));
  if (index < node().inputs.size()) return graph_.setInput(id_, index, fresh);
  std::vector<ValueId> inputs = node().inputs;
  inputs.resize(index, kNoValue);
  inputs.push_back(fresh);
  graph_.setInputs(id_, std::move(inputs));
}

void NodePatch::passThrough(std::string_view op, const std::vector<ValueId>& others, Attributes attributes) {
  const ValueId result = node().outputs[0];
  std::vector<ValueId> outputs = node().outputs;
  outputs[0] = graph_.add({graph_.value(result).name + ".whole", {}, std::nullopt, {}});
  Node next;
  next.op = op;
  next.name = node().name.empty() ? std::string() : text(node().name, '.', op);
  next.inputs = {outputs[0]};
  next.inputs.insert(next.inputs.end(), others.begin(), others.end());
  next.outputs = {result};
  next.attributes = std::move(attributes);
  graph_.setOutputs(id_, std::move(outputs));
  graph_.append(std::move(next));
}

void NodePatch::setSizeElement(size_t index, size_t at, int64_t value) {
  setElement(graph_, id_, index, at, value);
}

}  // namespace compress
