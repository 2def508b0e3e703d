// Which values are stored as bf16: those between Convs and products, also through what only moves or compares
// elements, and through elementwise operations. What nothing in bf16 reads stays f32.
#include "lib/runtime/plan/lower_precision.h"

#include <algorithm>
#include <array>
#include <map>

#include "lib/runtime/plan/patterns.h"

namespace compress {
namespace {

/// Below this many multiply-adds the f32 kernels are as fast.
constexpr int64_t kLeastMacs = 200'000;
/// Fewer channels fill too little of a tile: that pays in large Convs alone.
constexpr int64_t kLeastChannels = 8;
constexpr int64_t kLeastMacsOfFewChannels = 4'000'000;

/// Operators whose results have the type of what they read, in kernels that know both.
constexpr std::array<std::string_view, 16> kMovers = {
    "Concat",  "Slice",   "Transpose",   "Reshape",           "Squeeze",       "Unsqueeze",    "Flatten",     "Identity",
    "MaxPool", "Dropout", "AveragePool", "GlobalAveragePool", "GlobalMaxPool", "DepthToSpace", "SpaceToDepth", "Resize"};

enum class Role { other, product, elementwise, mover };

class Lowering {
 public:
  explicit Lowering(FusedGraph& graph) : graph_(graph), order_(graph.graph.order()) {
    for (const NodeId id : order_) roles_[id] = roleOf(id);
  }

  int64_t run() {
    for (auto id = order_.rbegin(); id != order_.rend(); ++id)
      if (canWrite(*id) && isWanted(resultOf(*id))) lowered_[resultOf(*id)] = true;
    for (const NodeId id : order_)
      if (roles_[id] == Role::product && canWrite(id) && addsLowered(id)) lowered_[resultOf(id)] = true;
    int64_t count = 0;
    for (const auto& [value, isLowered] : lowered_) {
      if (!isLowered) continue;
      graph_.graph.setType(value, Type::tensor(DType::bf16, graph_.shape(value)));
      ++count;
    }
    for (const NodeId id : order_) count += convertInputs(id);
    return count;
  }

 private:
  ValueId resultOf(NodeId id) const { return graph_.graph.node(id).outputs[0]; }

  Role roleOf(NodeId id) {
    const Node& node = graph_.graph.node(id);
    if (node.outputs.empty() || !node.outputs[0] || graph_.dtype(node.outputs[0]) != DType::f32) return Role::other;
    if (isElementwise(node) || (node.domain == kPlanDomain && node.op == "ElementwiseConcat")) return Role::elementwise;
    if (takesPostOps(graph_, id)) return isWorthwhile(node) ? Role::product : Role::other;
    return isMover(node) && canCome(node) ? Role::mover : Role::other;
  }

  bool isWorthwhile(const Node& node) {
    const Shape weights = graph_.shape(node.inputs[1]), result = graph_.shape(node.outputs[0]);
    if (node.op == "Gemm") return graph_.shape(node.inputs[0]).elementCount() * weights[1] >= kLeastMacs;
    if (weights[1] == 1 && node.attributes.integer("group", 1) > 1) return canCome(node);
    const bool isNarrow = std::min(weights[0], weights[1]) < kLeastChannels;
    return result.elementCount() * weights.count(1, weights.rank()) >= (isNarrow ? kLeastMacsOfFewChannels : kLeastMacs);
  }

  static bool isMover(const Node& node) {
    if (node.domain == kPlanDomain) return node.op == "StridedConcat";
    if (!node.domain.empty() || std::ranges::find(kMovers, node.op) == kMovers.end()) return false;
    if (node.op == "Resize" && node.attributes.string("mode", "nearest") != "nearest") return false;
    return !node.output(1);
  }

  /// Does some of the data that it reads come from a node that writes bf16?
  bool canCome(const Node& node) {
    for (size_t i = 0; i < node.inputs.size(); ++i) {
      const NodeId producer = node.inputs[i] ? graph_.graph.producer(node.inputs[i]) : NodeId{};
      if (producer && isData(node, i) && roles_[producer] != Role::other) return true;
    }
    return false;
  }

  /// Is input `i` of a mover or of a depthwise Conv what it moves or multiplies?
  static bool isData(const Node& node, size_t i) {
    return i == 0 || node.op == "Concat" || node.op == "StridedConcat";
  }

  bool canWrite(NodeId id) { return roles_[id] != Role::other && !graph_.graph.isOutput(resultOf(id)); }

  /// Is there a reader that is faster, or writes bf16 itself? What an elementwise operation makes of a Conv's result is
  /// rounded once, behind it: the pass from f32 is no slower.
  bool isWanted(ValueId value) {
    const bool isOfProduct = roles_[graph_.graph.producer(value)] == Role::product;
    return std::ranges::any_of(graph_.graph.uses(value), [&](const Use& use) {
      const Role role = roles_[use.node];
      if (role == Role::product) return use.index == 0 || use.index > 2;
      if (role == Role::elementwise && isOfProduct) return false;
      return role != Role::other && lowered_[resultOf(use.node)];
    });
  }

  /// Does a Conv or product add a value that is bf16? In another type it could not be added in place.
  bool addsLowered(NodeId id) {
    const std::vector<ValueId>& inputs = graph_.graph.node(id).inputs;
    return std::any_of(inputs.begin() + std::min<std::ptrdiff_t>(3, std::ssize(inputs)), inputs.end(),
                       [&](ValueId input) { return input && lowered_[input]; });
  }

  enum class Wish { f32, bf16, either };

  Wish wishOf(NodeId id, size_t i) {
    const Node& node = graph_.graph.node(id);
    switch (roles_[id]) {
      case Role::product:
        return i == 0 || (i > 2 && lowered_[resultOf(id)]) ? Wish::bf16 : Wish::either;
      case Role::elementwise:
        return Wish::either;
      case Role::mover:
        return lowered_[resultOf(id)] && isData(node, i) ? Wish::bf16 : Wish::f32;
      default:
        return Wish::f32;
    }
  }

  int64_t convertInputs(NodeId id) {
    int64_t count = 0;
    for (size_t i = 0; i < graph_.graph.node(id).inputs.size(); ++i) {
      const ValueId input = graph_.graph.node(id).inputs[i];
      const Wish wish = wishOf(id, i);
      if (!input || wish == Wish::either) continue;
      const DType from = graph_.dtype(input), to = wish == Wish::bf16 ? DType::bf16 : DType::f32;
      if (from == to || (from != DType::f32 && !lowered_[input])) continue;
      graph_.graph.setInput(id, i, converted(input, to, count));
    }
    return count;
  }

  /// `value` behind a Cast to `to`, one for all readers.
  ValueId converted(ValueId value, DType to, int64_t& count) {
    const auto known = converted_.find(value);
    if (known != converted_.end()) return known->second;
    Node cast;
    cast.op = "Cast";
    cast.inputs = {value};
    cast.attributes.set("to", static_cast<int64_t>(to));
    const std::string suffix = to == DType::bf16 ? ".bf16" : ".f32";
    cast.outputs = {graph_.graph.add(
        {graph_.graph.value(value).name + suffix, Type::tensor(to, graph_.shape(value)), std::nullopt, {}})};
    const ValueId result = cast.outputs[0];
    graph_.graph.append(std::move(cast));
    ++count;
    return converted_[value] = result;
  }

  FusedGraph& graph_;
  std::vector<NodeId> order_;
  std::map<NodeId, Role> roles_;
  std::map<ValueId, bool> lowered_;
  std::map<ValueId, ValueId> converted_;
};

}  // namespace

int64_t lowerToBf16(FusedGraph& graph) {
  return Lowering(graph).run();
}

}  // namespace compress
