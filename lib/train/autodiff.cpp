#include "lib/train/autodiff.h"

#include <algorithm>

#include "lib/ops/access.h"
#include "lib/ops/gradient.h"
#include "lib/ops/infer_types.h"
#include "lib/ops/rules.h"

namespace compress {
namespace {

/// Nodes named in a message about the way to the loss.
constexpr size_t kShownNodes = 6;

size_t at(ValueId id) {
  return static_cast<size_t>(id.index);
}

class Differentiator {
 public:
  Differentiator(Graph& graph, ValueId loss) : graph_(graph), loss_(loss), inferred_(inferTypes(graph)) {
    if (!carries(loss) || !shapeOf(loss) || shapeOf(loss)->elementCount() != 1)
      throw Error(ErrorKind::bug, text("the loss '", graph_.value(loss).name, "' is ", print(inferred_.types[at(loss)]),
                                       ", expected one floating element"));
    depends_.resize(inferred_.types.size());
    parts_.resize(inferred_.types.size());
  }

  std::vector<ValueId> run(std::span<const ValueId> wanted) {
    const std::vector<NodeId> order = graph_.order();
    for (const ValueId id : wanted) depends_[at(id)] = true;
    for (const NodeId id : order) {
      const Node& node = graph_.node(id);
      if (std::ranges::any_of(node.inputs, [&](ValueId input) { return needs(input); }))
        for (const ValueId output : node.outputs)
          if (carries(output)) depends_[at(output)] = true;
    }
    requireGradients(order);
    parts_[at(loss_)] = {seed()};
    for (auto it = order.rbegin(); it != order.rend(); ++it) differentiate(*it);
    std::vector<ValueId> gradients;
    for (const ValueId id : wanted) gradients.push_back(sumOf(id));
    return gradients;
  }

 private:
  std::optional<Shape> shapeOf(ValueId id) const { return inferred_.types[at(id)].shape(); }

  /// Floats carry gradients, and so do integers on the way from QuantizeLinear to DequantizeLinear.
  bool carries(ValueId id) const {
    if (!id) return false;
    const NodeId producer = graph_.producer(id);
    return isFloating(inferred_.types[at(id)].dtype) || (producer && graph_.node(producer).is("QuantizeLinear"));
  }
  bool needs(ValueId id) const { return id && depends_[at(id)] && carries(id); }

  /// Which nodes the loss depends on, by index of their outputs.
  std::vector<bool> leadingToLoss(const std::vector<NodeId>& order) const {
    std::vector<bool> leads(inferred_.types.size());
    leads[at(loss_)] = true;
    for (auto it = order.rbegin(); it != order.rend(); ++it) {
      const Node& node = graph_.node(*it);
      if (std::ranges::any_of(node.outputs, [&](ValueId output) { return needs(output) && leads[at(output)]; }))
        for (const ValueId input : node.inputs)
          if (needs(input)) leads[at(input)] = true;
    }
    return leads;
  }

  /// Before any node is added: does every node between the wanted values and the loss have a gradient?
  void requireGradients(const std::vector<NodeId>& order) const {
    const std::vector<bool> leads = leadingToLoss(order);
    for (const NodeId id : order) {
      const Node& node = graph_.node(id);
      const OpSpec* spec = findOp(node.op, node.domain);
      const bool isOnTheWay =
          std::ranges::any_of(node.inputs, [&](ValueId input) { return needs(input); }) &&
          std::ranges::any_of(node.outputs, [&](ValueId output) { return needs(output) && leads[at(output)]; });
      if (!isOnTheWay || (spec != nullptr && spec->gradient != nullptr)) continue;
      throw Error(ErrorKind::unsupported,
                  text(describe(node), " has no gradient, and the loss depends on it through ", wayToLoss(id, leads)),
                  "freeze the parameters that lie before the node, or replace it; compress ops --grad lists the "
                  "operators that have one");
    }
  }

  /// Names of the nodes that follow until the loss, the first ones of them.
  std::string wayToLoss(NodeId id, const std::vector<bool>& leads) const {
    std::vector<std::string> names;
    while (names.size() < kShownNodes) {
      NodeId next;
      for (const ValueId output : graph_.node(id).outputs)
        if (output && leads[at(output)])
          for (const Use& use : graph_.uses(output))
            if (!next && std::ranges::any_of(graph_.node(use.node).outputs,
                                             [&](ValueId value) { return value && leads[at(value)]; }))
              next = use.node;
      if (!next) break;
      names.push_back(describe(graph_.node(next)));
      id = next;
    }
    if (names.empty()) return "its own output";
    return join(names, ", ") + (names.size() == kShownNodes ? ", ..." : "");
  }

  ValueId seed() {
    Buffer one(inferred_.types[at(loss_)].dtype, *shapeOf(loss_));
    const double value = 1;
    store(std::span<const double>(&value, 1), one);
    return graph_.addConstant("gradient.seed", std::move(one).freeze());
  }

  /// All that was given for the value, added in the order in which it came.
  ValueId sumOf(ValueId id) {
    if (!id) return kNoValue;
    std::vector<ValueId>& parts = parts_[at(id)];
    if (parts.empty()) return kNoValue;
    ValueId sum = parts[0];
    for (size_t i = 1; i < parts.size(); ++i)
      sum = graph_.emit("Add", {sum, parts[i]}, text(graph_.value(id).name, ".gradient"));
    parts = {sum};
    return sum;
  }

  void differentiate(NodeId id) {
    const Node node = graph_.node(id);
    std::vector<bool> wanted;
    for (const ValueId input : node.inputs) wanted.push_back(needs(input));
    if (std::ranges::none_of(wanted, [](bool each) { return each; })) return;
    std::vector<ValueId> gradients;
    for (const ValueId output : node.outputs) gradients.push_back(sumOf(output));
    if (std::ranges::none_of(gradients, [](ValueId each) { return static_cast<bool>(each); })) return;
    within([&] { return describe(node); },
           [&] {
             Backward backward(graph_, node, {inferred_.types, inferred_.known}, std::move(gradients), wanted);
             findOp(node.op, node.domain)->gradient(backward);
             for (size_t i = 0; i < node.inputs.size(); ++i)
               for (const ValueId part : backward.given(i)) parts_[at(node.inputs[i])].push_back(part);
           });
  }

  Graph& graph_;
  ValueId loss_;
  Inferred inferred_;
  std::vector<bool> depends_;                ///< on a wanted value, by ValueId::index
  std::vector<std::vector<ValueId>> parts_;  ///< of the gradient, by ValueId::index
};

}  // namespace

std::vector<ValueId> appendGradients(Graph& graph, ValueId loss, std::span<const ValueId> wanted) {
  return Differentiator(graph, loss).run(wanted);
}

}  // namespace compress
