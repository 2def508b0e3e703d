#include "passes/no_op_rules.h"

#include <algorithm>
#include <array>
#include <limits>

#include "passes/edit.h"

namespace compress {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

struct NoOp {
  std::string_view op;
  ValueId (*find)(const Graph&, const Node&, const KnownTypes&);
};

ValueId firstIf(const Node& node, bool condition) {
  return condition ? node.input(0) : kNoValue;
}

/// Does combining `data` with `constant` leave the shape of `data`?
bool enlargesNothing(const Tensor& constant, ValueId data, const KnownTypes& known) {
  if (constant.shape().rank() == 0) return true;
  const auto rank = known.rank(data);
  if (!rank || constant.shape().rank() > *rank) return false;
  const Type type = known.type(data);
  for (size_t i = 0; i < constant.shape().rank(); ++i) {
    const int64_t mine = constant.shape()[constant.shape().rank() - 1 - i];
    if (mine != 1 && mine != (*type.dims)[*rank - 1 - i].value) return false;
  }
  return true;
}

/// The operand `side` of a binary op when the other is `neutral` everywhere.
ValueId operandBeside(const Graph& graph, const Node& node, const KnownTypes& known, size_t side, double neutral) {
  const Tensor* other = graph.constant(node.input(1 - side));
  if (other == nullptr || !node.input(side) || findUniform(other) != neutral) return kNoValue;
  return enlargesNothing(*other, node.input(side), known) ? node.input(side) : kNoValue;
}

ValueId identity(const Graph&, const Node& node, const KnownTypes&) {
  return node.input(0);
}

ValueId dropout(const Graph& graph, const Node& node, const KnownTypes&) {
  if (!node.input(2)) return node.input(0);
  const Tensor* training = graph.constant(node.input(2));
  return firstIf(node, training != nullptr && training->dtype() == DType::boolean && training->elementCount() == 1 &&
                           !training->as<bool>()[0]);
}

ValueId cast(const Graph&, const Node& node, const KnownTypes& known) {
  const Type type = known.type(node.input(0));
  return firstIf(node, type.isTensor() && type.dtype != DType::undefined &&
                           static_cast<int64_t>(type.dtype) == node.attributes.integer("to", 0));
}

ValueId transpose(const Graph&, const Node& node, const KnownTypes& known) {
  std::vector<int64_t> permutation = node.attributes.integers("perm");
  if (permutation.empty()) {
    const auto rank = known.rank(node.input(0));
    return firstIf(node, rank && *rank <= 1);
  }
  return firstIf(node, std::ranges::is_sorted(permutation));
}

/// Reshape, Flatten, Expand, Tile and the like: the result has the shape of the data, all dimensions known.
ValueId sameShape(const Graph&, const Node& node, const KnownTypes& known) {
  const auto before = known.shape(node.input(0));
  return firstIf(node, before && before == known.shape(node.output(0)));
}

ValueId reshape(const Graph& graph, const Node& node, const KnownTypes& known) {
  if (const ValueId same = sameShape(graph, node, known)) return same;
  const Tensor* target = graph.constant(node.input(1));
  const auto rank = known.rank(node.input(0));
  if (target == nullptr || !rank || node.attributes.integer("allowzero", 0) != 0) return kNoValue;
  const std::vector<int64_t> dims = toInts(*target);
  if (dims.size() != *rank) return kNoValue;
  const Type type = known.type(node.input(0));
  int64_t open = 0;  // at most one dimension may be left to be worked out: it must come out as it was
  for (size_t i = 0; i < dims.size(); ++i) {
    if (dims[i] == 0) continue;
    if (dims[i] == -1)
      ++open;
    else if (dims[i] != (*type.dims)[i].value)
      return kNoValue;
  }
  const bool hasEmptyDim = std::ranges::any_of(*type.dims, [](const Dim& dim) { return dim.value == 0; });
  return firstIf(node, open <= 1 && !hasEmptyDim);
}

ValueId flatten(const Graph& graph, const Node& node, const KnownTypes& known) {
  if (const ValueId same = sameShape(graph, node, known)) return same;
  const int64_t axis = node.attributes.integer("axis", 1);
  return firstIf(node, known.rank(node.input(0)) == 2U && (axis == 1 || axis == -1));
}

ValueId concatOfOne(const Graph&, const Node& node, const KnownTypes&) {
  return firstIf(node, node.inputs.size() == 1);
}

ValueId add(const Graph& graph, const Node& node, const KnownTypes& known) {
  const ValueId first = operandBeside(graph, node, known, 0, 0);
  return first ? first : operandBeside(graph, node, known, 1, 0);
}
ValueId multiply(const Graph& graph, const Node& node, const KnownTypes& known) {
  const ValueId first = operandBeside(graph, node, known, 0, 1);
  return first ? first : operandBeside(graph, node, known, 1, 1);
}
ValueId subtract(const Graph& graph, const Node& node, const KnownTypes& known) {
  return operandBeside(graph, node, known, 0, 0);
}
ValueId divide(const Graph& graph, const Node& node, const KnownTypes& known) {
  return operandBeside(graph, node, known, 0, 1);
}

ValueId pad(const Graph& graph, const Node& node, const KnownTypes&) {
  const auto pads = findIntegers(graph, node, "pads", 1);
  return firstIf(node, pads && std::ranges::all_of(*pads, [](int64_t amount) { return amount == 0; }));
}

/// All of every named axis: from 0 to the end or beyond, step 1.
ValueId slice(const Graph& graph, const Node& node, const KnownTypes& known) {
  if (const ValueId same = sameShape(graph, node, known)) {
    const auto steps = findIntegers(graph, node, "steps", 4);
    return firstIf(node, same && (!node.input(4) ||
                                  (steps && std::ranges::all_of(*steps, [](int64_t step) { return step == 1; }))));
  }
  const auto starts = findIntegers(graph, node, "starts", 1), ends = findIntegers(graph, node, "ends", 2);
  if (!starts || !ends || node.input(4)) return kNoValue;
  const bool isWhole =
      std::ranges::all_of(*starts, [](int64_t start) { return start == 0; }) &&
      std::ranges::all_of(*ends, [](int64_t end) { return end >= std::numeric_limits<int32_t>::max(); });
  return firstIf(node, isWhole);
}

struct Bounds {
  double low = -kInfinity, high = kInfinity;
};

/// What a Relu or Clip with constant bounds clamps to; nothing for other nodes.
std::optional<Bounds> clampOf(const Graph& graph, const Node& node) {
  if (node.is("Relu")) return Bounds{0, kInfinity};
  if (!node.is("Clip")) return std::nullopt;
  Bounds bounds;
  const auto read = [&](std::string_view attribute, size_t input, double& bound) {
    if (node.attributes.has(attribute))
      bound = static_cast<double>(node.attributes.real(attribute, 0));
    else if (node.input(input)) {
      const auto scalar = findScalar(graph.constant(node.input(input)));
      if (!scalar) return false;
      bound = *scalar;
    }
    return true;
  };
  if (!read("min", 1, bounds.low) || !read("max", 2, bounds.high)) return std::nullopt;
  return bounds;
}

/// A clamp of what is already clamped to no more than that, or a Clip without bounds.
ValueId clamp(const Graph& graph, const Node& node, const KnownTypes&) {
  const auto mine = clampOf(graph, node);
  if (!mine) return kNoValue;
  if (mine->low == -kInfinity && mine->high == kInfinity) return node.input(0);
  const NodeId producer = graph.producer(node.input(0));
  const auto theirs = producer ? clampOf(graph, graph.node(producer)) : std::nullopt;
  return firstIf(node, theirs && theirs->low <= theirs->high && theirs->low >= mine->low && theirs->high <= mine->high);
}

constexpr std::array<NoOp, 24> kNoOps = {{
    {"Identity", identity}, {"Dropout", dropout},     {"Cast", cast},          {"Transpose", transpose},
    {"Reshape", reshape},   {"Flatten", flatten},     {"Expand", sameShape},   {"Tile", sameShape},
    {"Squeeze", sameShape}, {"Unsqueeze", sameShape}, {"Concat", concatOfOne}, {"Sum", concatOfOne},
    {"Max", concatOfOne},   {"Min", concatOfOne},     {"Mean", concatOfOne},   {"Add", add},
    {"Sub", subtract},      {"Mul", multiply},        {"Div", divide},         {"Pow", divide},
    {"Pad", pad},           {"Slice", slice},         {"Relu", clamp},         {"Clip", clamp},
}};

}  // namespace

ValueId findPassedOn(const Graph& graph, const Node& node, const KnownTypes& known) {
  if (!node.domain.empty() || !onlyFirstOutputUsed(graph, node)) return kNoValue;
  const auto rule = std::ranges::find(kNoOps, node.op, &NoOp::op);
  return rule == kNoOps.end() ? kNoValue : rule->find(graph, node, known);
}

}  // namespace compress
