// Between DequantizeLinear and QuantizeLinear, any elementwise function of one tensor of bytes has only 256 values:
//   q -> DequantizeLinear -> Sigmoid -> QuantizeLinear -> DequantizeLinear -> Mul (with DequantizeLinear(q)) ->
//   QuantizeLinear
// becomes ByteTable(q). The table is what the plain-loop references say, so that the result is exactly theirs.
#include <algorithm>
#include <array>
#include <map>

#include "lib/ops/evaluate.h"
#include "lib/runtime/plan/fusions.h"
#include "lib/runtime/plan/int8/patterns.h"

namespace compress::int8 {
namespace {

constexpr std::array<std::string_view, 38> kElementwise = {"Abs",
                                                           "Ceil",
                                                           "Celu",
                                                           "Clip",
                                                           "Cos",
                                                           "DequantizeLinear",
                                                           "Elu",
                                                           "Erf",
                                                           "Exp",
                                                           "Floor",
                                                           "Gelu",
                                                           "HardSigmoid",
                                                           "HardSwish",
                                                           "Identity",
                                                           "LeakyRelu",
                                                           "Log",
                                                           "Mish",
                                                           "Neg",
                                                           "PRelu",
                                                           "QuantizeLinear",
                                                           "Reciprocal",
                                                           "Relu",
                                                           "Round",
                                                           "Selu",
                                                           "Sigmoid",
                                                           "Sign",
                                                           "Sin",
                                                           "Softplus",
                                                           "Softsign",
                                                           "Sqrt",
                                                           "Swish",
                                                           "Tanh",
                                                           "ThresholdedRelu",
                                                           "Add",
                                                           "Div",
                                                           "Mul",
                                                           "Pow",
                                                           "Sub"};

class Tracer {
 public:
  explicit Tracer(const FusedGraph& graph) : graph_(graph) {}

  /// The tensors of bytes of which the result of `node` is an elementwise function, nearest first.
  std::vector<ValueId> roots(NodeId id) {
    const auto known = known_.find(id);
    if (known != known_.end()) return known->second;
    std::vector<ValueId> found;
    bool isFirst = true;
    const Node& node = graph_.graph.node(id);
    if (!isElementwise(node)) return known_[id] = {};
    for (const ValueId input : node.inputs) {
      if (!input || isScalar(input)) continue;
      const std::vector<ValueId> candidates = rootsOfInput(input, node);
      if (isFirst)
        found = candidates;
      else
        std::erase_if(found, [&](ValueId root) { return std::ranges::find(candidates, root) == candidates.end(); });
      isFirst = false;
    }
    return known_[id] = found;
  }

 private:
  bool isElementwise(const Node& node) const {
    return node.domain.empty() && node.outputs.size() == 1 &&
           std::ranges::find(kElementwise, node.op) != kElementwise.end();
  }
  bool isScalar(ValueId id) const {
    const Tensor* constant = graph_.graph.constant(id);
    return constant && constant->elementCount() == 1;
  }
  std::vector<ValueId> rootsOfInput(ValueId input, const Node& reader) {
    if (graph_.graph.constant(input) || !(graph_.shape(input) == graph_.shape(reader.outputs[0]))) return {};
    std::vector<ValueId> found;
    if (isByte(graph_.dtype(input))) found.push_back(input);
    if (const NodeId producer = graph_.graph.producer(input)) {
      const std::vector<ValueId> deeper = roots(producer);
      found.insert(found.end(), deeper.begin(), deeper.end());
    }
    return found;
  }

  const FusedGraph& graph_;
  std::map<NodeId, std::vector<ValueId>> known_;
};

/// Copies what computes `value` from `root` into a graph of its own, on 256 elements.
class Extract {
 public:
  Extract(const FusedGraph& graph, ValueId root) : graph_(graph) {
    Value input;
    input.name = "root";
    input.type = Type::tensor(graph.dtype(root), Shape{256});
    const ValueId id = copy_.add(std::move(input));
    copy_.addInput(id);
    copies_[root] = id;
  }

  Tensor evaluate(ValueId value) {
    copy_.addOutput(copyOf(value));
    Buffer bytes(copy_.value(copy_.inputs()[0]).type.dtype, Shape{256});
    for (size_t i = 0; i < 256; ++i) bytes.raw()[i] = static_cast<std::byte>(i);
    const Tensor input = std::move(bytes).freeze();
    return compress::evaluate(copy_, std::span(&input, 1))[0];
  }
  const std::vector<NodeId>& nodes() const { return nodes_; }

 private:
  ValueId copyOf(ValueId value) {
    const auto known = copies_.find(value);
    if (known != copies_.end()) return known->second;
    const Value& original = graph_.graph.value(value);
    if (original.constant) {
      // A single element of any rank keeps the 256 elements in one dimension.
      const bool isScalar = original.constant->elementCount() == 1;
      return copies_[value] =
                 copy_.addConstant(original.name, isScalar ? original.constant->reshaped(Shape{}) : *original.constant);
    }
    const NodeId producer = graph_.graph.producer(value);
    Node node = graph_.graph.node(producer);
    for (ValueId& input : node.inputs)
      if (input) input = copyOf(input);
    Value result;
    result.name = original.name;
    result.type = Type::tensor(original.type.dtype, Shape{256});
    const ValueId id = copy_.add(std::move(result));
    node.outputs = {id};
    nodes_.push_back(producer);
    copy_.append(std::move(node));
    return copies_[value] = id;
  }

  const FusedGraph& graph_;
  Graph copy_;
  std::map<ValueId, ValueId> copies_;
  std::vector<NodeId> nodes_;
};

bool isIdentity(const Tensor& table) {
  for (size_t i = 0; i < 256; ++i)
    if (table.raw()[i] != static_cast<std::byte>(i)) return false;
  return true;
}

}  // namespace

int64_t fuseTables(FusedGraph& graph) {
  int64_t count = 0;
  std::vector<NodeId> order = graph.graph.order();
  std::ranges::reverse(order);  // the largest function first: what it needs inside is then dead, or a table of its own
  for (const NodeId id : order) {
    if (!graph.graph.isAlive(id) || !quantizerOf(graph, id)) continue;
    const std::vector<ValueId> roots = Tracer(graph).roots(id);
    if (roots.empty()) continue;
    const ValueId result = graph.graph.node(id).outputs[0];
    Extract extract(graph, roots[0]);
    const Tensor table = extract.evaluate(result);
    ++count;
    if (isIdentity(table) && graph.dtype(roots[0]) == graph.dtype(result)) {
      graph.graph.replaceUses(result, roots[0]);
      graph.graph.eraseDead();
      continue;
    }
    std::vector<NodeId> others = extract.nodes();
    std::erase(others, id);
    Node made;
    made.op = "ByteTable";
    made.domain = kPlanDomain;
    made.name = displayNameOf(graph, others.empty() ? id : others.back());
    made.inputs = {roots[0]};
    made.attributes.set("table", table);
    replaceNode(graph, id, std::move(made), others);
    graph.graph.eraseDead();
  }
  return count;
}

}  // namespace compress::int8
