#include "passes/prune/remove.h"

#include <algorithm>
#include <cstring>

#include "lib/base/error.h"
#include "lib/base/text.h"
#include "passes/prune/rules.h"
#include "passes/select.h"

namespace compress {
namespace {

/// A tensor seen as rows of `inner` bytes, `extent` of them in each of `outer` blocks.
struct SliceView {
  size_t outer, extent, inner;
};

SliceView sliceView(const Tensor& tensor, size_t axis) {
  if (bitsOf(tensor.dtype()) % 8 != 0 || tensor.dtype() == DType::string)
    throw Error(ErrorKind::unsupported, text("cannot cut slices out of a tensor of ", nameOf(tensor.dtype())));
  const Shape& shape = tensor.shape();
  const auto elementBytes = static_cast<size_t>(bitsOf(tensor.dtype()) / 8);
  return {static_cast<size_t>(shape.count(0, axis)), static_cast<size_t>(shape[axis]),
          static_cast<size_t>(shape.count(axis + 1, shape.rank())) * elementBytes};
}

/// Where a constant that a DequantizeLinear reads has its zero: the zero point of each slice along `axis`, or one for
/// all. Nothing for other constants.
std::optional<std::vector<int64_t>> zeroPoints(const Graph& graph, ValueId value) {
  for (const Use& use : graph.uses(value)) {
    const Node& node = graph.node(use.node);
    if (!node.is("DequantizeLinear") || use.index != 0) continue;
    const Tensor* zero = node.input(2) ? graph.constant(node.input(2)) : nullptr;
    return zero == nullptr ? std::vector<int64_t>{0} : toInts(*zero);
  }
  return std::nullopt;
}

/// Does the node multiply by what it reads at `index`, or add it?
bool isFactorOrTerm(const Node& node, size_t index) {
  if (node.is("DequantizeLinear") || node.is("QuantizeLinear") || node.is("Div") || node.is("Pow") || node.is("Mod"))
    return index == 0;
  return !(node.is("BatchNormalization") && index == 4);
}

void maskConstant(Graph& graph, ValueId value, size_t axis, const std::vector<int64_t>& slices) {
  const Tensor& tensor = *graph.constant(value);
  const auto zeros = zeroPoints(graph, value);
  const SliceView view = sliceView(tensor, axis);
  Buffer masked(tensor.dtype(), tensor.shape());
  std::memcpy(masked.raw().data(), tensor.raw().data(), tensor.raw().size());
  for (size_t outer = 0; outer < view.outer; ++outer)
    for (const int64_t slice : slices) {
      const int64_t zero = !zeros               ? 0
                           : zeros->size() == 1 ? zeros->front()
                                                : zeros->at(static_cast<size_t>(slice) % zeros->size());
      const int fill = bitsOf(tensor.dtype()) == 8 ? static_cast<int>(zero & 0xff) : 0;
      std::memset(masked.raw().data() + (outer * view.extent + static_cast<size_t>(slice)) * view.inner, fill,
                  view.inner);
    }
  graph.setConstant(value, std::move(masked).freeze());
}

/// Does an operand of the node lose slices?
bool isTouched(const Node& node, const Slices& removed) {
  const auto loses = [&](ValueId value) {
    const auto at = removed.lower_bound({value, 0});
    return value && at != removed.end() && at->first.value == value;
  };
  return std::ranges::any_of(node.inputs, loses) || std::ranges::any_of(node.outputs, loses);
}

}  // namespace

bool isMaskable(const Graph& graph, ValueId value) {
  const Tensor* tensor = graph.constant(value);
  if (tensor == nullptr || !std::ranges::all_of(graph.uses(value), [&](const Use& use) {
        return isFactorOrTerm(graph.node(use.node), use.index);
      }))
    return false;
  const DType dtype = tensor->dtype();
  return dtype == DType::f32 || dtype == DType::f64 || dtype == DType::f16 || dtype == DType::bf16 ||
         zeroPoints(graph, value).has_value();
}

void unite(Slices& slices, const Slices& more) {
  for (const auto& [axis, added] : more) {
    std::vector<int64_t>& present = slices[axis];
    std::vector<int64_t> both;
    std::ranges::set_union(present, added, std::back_inserter(both));
    present = std::move(both);
  }
}

Slices inOriginal(const KnownTypes& original, const Slices& gone, const Slices& more) {
  Slices renumbered;
  for (const auto& [axis, slices] : more) {
    const auto shape = original.shape(axis.value);
    if (!shape) continue;
    const std::vector<int64_t> left = keptSlices(gone, axis, (*shape)[axis.axis]);
    for (const int64_t slice : slices) renumbered[axis].push_back(left[static_cast<size_t>(slice)]);
  }
  return renumbered;
}

Tensor withoutSlices(const Tensor& tensor, size_t axis, const std::vector<int64_t>& removed) {
  const SliceView view = sliceView(tensor, axis);
  std::vector<int64_t> dims = tensor.shape().dims();
  dims[axis] -= static_cast<int64_t>(removed.size());
  Buffer left(tensor.dtype(), Shape(dims));
  std::byte* to = left.raw().data();
  for (size_t outer = 0; outer < view.outer; ++outer)
    for (size_t slice = 0; slice < view.extent; ++slice) {
      if (std::ranges::binary_search(removed, static_cast<int64_t>(slice))) continue;
      std::memcpy(to, tensor.raw().data() + (outer * view.extent + slice) * view.inner, view.inner);
      to += view.inner;
    }
  return std::move(left).freeze();
}

void removeSlices(Model& model, const KnownTypes& before, const Slices& removed) {
  Graph& graph = model.graph;
  for (const NodeId id : graph.order()) {
    const Node& node = graph.node(id);
    const PruneRule* rule = findPruneRule(node.op, node.domain);
    if (rule == nullptr || rule->patch == nullptr || !isTouched(node, removed)) continue;
    NodePatch patch(graph, id, before, removed);
    within([&] { return text("node '", nameOf(graph, graph.node(id)), "'"); }, [&] { rule->patch(patch); });
  }
  for (const auto& [axis, slices] : removed) {
    const Tensor* constant = graph.constant(axis.value);
    if (constant != nullptr) graph.setConstant(axis.value, withoutSlices(*constant, axis.axis, slices));
    graph.setType(axis.value, {});
  }
  graph.eraseDead();
}

void maskSlices(Model& model, const Slices& removed) {
  for (const auto& [axis, slices] : removed)
    if (isMaskable(model.graph, axis.value)) maskConstant(model.graph, axis.value, axis.axis, slices);
}

}  // namespace compress
