// fold-constants: what is computed from constants alone, or from shapes that are known, is computed once.
//
//   before: s = Shape(x); i = Gather(s, one); w2 = Transpose(w)        after: i and w2 are initializers, under the
//   names they had
//
// Constant nodes become initializers. Values come from the plain-loop references. Limits (docs/reliability.md R4): all
// that is folded stays within max(64 MiB, twice the constants of the model), sizes being checked before anything is
// computed; a node that would add more than 64 KiB to the file (Expand, Tile, ConstantOfShape) is left for the runtime.
// Leaves alone: graph outputs, nodes with bodies, random numbers, QuantizeLinear and DequantizeLinear (the file's own
// encodings), sequences, strings. Source: docs/quantization.md Q9.
#include <algorithm>
#include <array>
#include <set>

#include "lib/base/error.h"
#include "lib/base/text.h"
#include "lib/ops/evaluate.h"
#include "passes/catalog.h"
#include "passes/edit.h"
#include "passes/known_types.h"

namespace compress {
namespace {

constexpr int64_t kMostGrowth = 64 << 10;     ///< bytes that folding one node may add to the file
constexpr int64_t kLeastBudget = 64LL << 20;  ///< bytes that all folding of a model may compute

constexpr std::array<std::string_view, 8> kNeverFolded = {
    "Constant",          "RandomNormal", "RandomNormalLike", "RandomUniform",
    "RandomUniformLike", "Multinomial",  "Bernoulli",        "Dropout"};

bool isEncoding(const Node& node) {
  return node.is("QuantizeLinear") || node.is("DequantizeLinear") || node.is("DynamicQuantizeLinear");
}

template <typename T>
Tensor listOf(const std::vector<T>& values) {
  return Tensor::of<T>({static_cast<int64_t>(values.size())}, values);
}

/// The tensor of a Constant node; nothing for sparse ones.
std::optional<Tensor> constantOf(const Node& node) {
  for (const Attribute& attribute : node.attributes) {
    if (const auto* tensor = std::get_if<Tensor>(&attribute.data); tensor != nullptr && attribute.name == "value")
      return *tensor;
    if (attribute.name == "value_float") return Tensor::scalar(node.attributes.real("value_float", 0));
    if (attribute.name == "value_floats") return listOf(node.attributes.reals("value_floats"));
    if (attribute.name == "value_int") return Tensor::scalar(node.attributes.integer("value_int", 0));
    if (attribute.name == "value_ints") return listOf(node.attributes.integers("value_ints"));
  }
  return std::nullopt;
}

int64_t constantNodesToInitializers(Graph& graph) {
  int64_t changes = 0;
  for (const NodeId id : graph.nodes()) {
    const Node& node = graph.node(id);
    if (!node.is("Constant") || node.outputs.size() != 1 || !node.outputs[0] || graph.isOutput(node.outputs[0]))
      continue;
    const ValueId output = node.outputs[0];
    auto tensor = constantOf(node);
    if (!tensor) continue;
    graph.erase(id);
    graph.setConstant(output, std::move(*tensor));
    if (graph.uses(output).empty()) graph.erase(output);
    ++changes;
  }
  return changes;
}

int64_t totalBytes(const Graph& graph) {
  int64_t bytes = 0;
  for (const ValueId id : graph.values())
    if (const Tensor* tensor = graph.constant(id)) bytes += static_cast<int64_t>(tensor->bytes().size());
  return bytes;
}

class FoldConstants : public Pass {
 public:
  int64_t run(Model& model, PassContext& context) override {
    int64_t changes = editEachGraph(model.graph, constantNodesToInitializers);
    budget_ = std::max(kLeastBudget, 2 * totalBytes(model.graph));
    changes += foldKnown(model, context);
    changes += editEachGraph(model.graph, [&](Graph& graph) { return foldComputable(graph, model.opsets, context); });
    return changes;
  }

 private:
  static bool isCandidate(const Graph& graph, const Node& node) {
    if (std::ranges::find(kNeverFolded, node.op) != kNeverFolded.end() || isEncoding(node) || hasBody(node))
      return false;
    return std::ranges::none_of(node.outputs, [&](ValueId output) { return output && graph.isOutput(output); });
  }

  /// Bytes that the file gains when a node gives way to `bytes` of constants.
  static int64_t growth(const Graph& graph, const Node& node, int64_t bytes) {
    for (const ValueId input : node.inputs)
      if (const Tensor* constant = graph.constant(input); constant != nullptr && graph.onlyUse(input))
        bytes -= static_cast<int64_t>(constant->bytes().size());
    return bytes;
  }

  bool isAffordable(const Graph& graph, const Node& node, int64_t bytes, PassContext& context) const {
    if (bytes > budget_ || growth(graph, node, bytes) > kMostGrowth) {
      context.skipped.push_back(
          {node.name, node.op, text("its constant result of ", humanBytes(bytes), " would enlarge the file")});
      return false;
    }
    return true;
  }

  void replace(Graph& graph, NodeId id, const std::vector<Tensor>& results) {
    const std::vector<ValueId> inputs = graph.node(id).inputs, outputs = graph.node(id).outputs;
    graph.erase(id);
    for (size_t i = 0; i < outputs.size(); ++i) {
      if (!outputs[i]) continue;
      budget_ -= static_cast<int64_t>(results[i].bytes().size());
      graph.setConstant(outputs[i], results[i]);
      if (graph.uses(outputs[i]).empty()) graph.erase(outputs[i]);
    }
    for (const ValueId input : inputs)
      if (input && graph.isAlive(input)) eraseUnused(graph, input);
  }

  /// Results of the node as shape inference knows them; empty where it does not, or where they are too large.
  std::vector<Tensor> knownResults(const Graph& graph, const Node& node, const KnownTypes& known) const {
    std::vector<Tensor> results(node.outputs.size());
    int64_t bytes = 0;
    for (size_t i = 0; i < results.size(); ++i) {
      if (!node.outputs[i]) continue;
      const Tensor* value = known.value(node.outputs[i]);
      if (value == nullptr) return {};
      results[i] = *value;
      bytes += static_cast<int64_t>(value->bytes().size());
    }
    if (growth(graph, node, bytes) > kMostGrowth || bytes > budget_) return {};
    return results;
  }

  /// Nodes of the main graph whose results shape inference knows, but for what is computed from encoded numbers: those
  /// stay encoded.
  int64_t foldKnown(Model& model, PassContext& context) {
    Graph& graph = model.graph;
    const KnownTypes known(model);
    if (!known.why().empty()) context.warnings.push_back({"W-SHAPES", text("shapes are not known: ", known.why()), {}});
    std::set<ValueId> encoded;
    int64_t changes = 0;
    for (const NodeId id : graph.order()) {
      if (!graph.isAlive(id)) continue;
      const Node& node = graph.node(id);
      const bool readsEncoded =
          std::ranges::any_of(node.inputs, [&](ValueId input) { return encoded.contains(input); });
      if (isEncoding(node) || (readsEncoded && !node.is("Shape") && !node.is("Size"))) {
        encoded.insert(node.outputs.begin(), node.outputs.end());
        encoded.erase(kNoValue);
        continue;
      }
      if (!isCandidate(graph, node)) continue;
      const auto results = knownResults(graph, node, known);
      if (results.empty()) continue;
      replace(graph, id, results);
      ++changes;
    }
    return changes;
  }

  /// Nodes of any graph whose inputs are constants.
  int64_t foldComputable(Graph& graph, const Opsets& opsets, PassContext& context) {
    int64_t changes = 0;
    for (const NodeId id : graph.order()) {
      if (!graph.isAlive(id)) continue;
      const Node& node = graph.node(id);
      const bool allConstant =
          std::ranges::all_of(node.inputs, [&](ValueId input) { return !input || graph.constant(input) != nullptr; });
      if (!allConstant || node.inputs.empty() || !isCandidate(graph, node)) continue;
      const auto results = compute(graph, node, opsets, context);
      if (results.empty()) continue;
      replace(graph, id, results);
      ++changes;
    }
    return changes;
  }

  /// Results of a node whose inputs are constants; empty, and said why, where they cannot be had.
  std::vector<Tensor> compute(const Graph& graph, const Node& node, const Opsets& opsets, PassContext& context) const {
    try {
      const Model lone = loneNode(graph, node, opsets);
      const Inferred inferred = inferTypes(lone.graph, {}, 0);
      int64_t bytes = 0;
      for (const ValueId output : lone.graph.outputs()) {
        const Type& type = inferred.types[static_cast<size_t>(output.index)];
        const auto shape = type.shape();
        if (!shape || bitsOf(type.dtype) == 0) return {};
        bytes += bytesOf(type.dtype, shape->elementCount());
      }
      if (!isAffordable(graph, node, bytes, context)) return {};
      std::vector<Tensor> computed = evaluate(lone.graph, {});
      std::vector<Tensor> results(node.outputs.size());
      size_t next = 0;
      for (size_t i = 0; i < results.size(); ++i)
        if (node.outputs[i]) results[i] = std::move(computed.at(next++));
      return results;
    } catch (const Error& error) {
      context.skipped.push_back({node.name, node.op, error.message()});
      return {};
    }
  }

  int64_t budget_ = 0;
};

}  // namespace

PassSpec foldConstantsSpec() {
  return {.name = "fold-constants",
          .summary = "compute once what depends on constants and known shapes alone",
          .make = []() -> std::unique_ptr<Pass> { return std::make_unique<FoldConstants>(); }};
}

}  // namespace compress
