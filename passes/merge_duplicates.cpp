// merge-duplicates: constants of equal type, shape and bytes become one, and so do nodes that compute the same from the
// same.
//
//   before: a = Relu(x); b = Relu(x); y = Add(a, b)        after: a = Relu(x); y = Add(a, a)
//
// The first one stays, under its name. Leaves alone: duplicates whose output is a graph output (its name is promised),
// random nodes, nodes whose attributes hold more than numbers and short text (bodies, tensors), constants that are
// listed as graph inputs. Source: common subexpression elimination.
#include <algorithm>
#include <map>

#include "lib/base/text.h"
#include "lib/ir/print.h"
#include "passes/catalog.h"
#include "passes/edit.h"

namespace compress {
namespace {

/// Constants by type and shape, so that only those with a likely twin are read.
std::map<std::string, std::vector<ValueId>> constantsByShape(const Graph& graph) {
  std::map<std::string, std::vector<ValueId>> groups;
  for (const ValueId id : graph.values()) {
    const Tensor* tensor = graph.constant(id);
    if (tensor == nullptr || graph.isOutput(id) || graph.isInput(id)) continue;
    groups[text(nameOf(tensor->dtype()), print(tensor->shape()))].push_back(id);
  }
  return groups;
}

int64_t mergeConstants(Graph& graph) {
  int64_t merged = 0;
  for (const auto& [shape, ids] : constantsByShape(graph)) {
    if (ids.size() < 2) continue;
    std::map<std::string, ValueId> firsts;
    for (const ValueId id : ids) {
      const auto [first, isNew] = firsts.emplace(digest(*graph.constant(id)), id);
      if (!isNew && equal(*graph.constant(first->second), *graph.constant(id))) {
        graph.replaceUses(id, first->second);
        graph.erase(id);
        ++merged;
      } else {
        graph.constant(id)->bytes().drop();
      }
    }
  }
  return merged;
}

bool isRandom(const Node& node) {
  return node.op.starts_with("Random") || node.op == "Bernoulli" || node.op == "Multinomial" || node.op == "Dropout";
}

/// Short text of printable ASCII: what print() shows as it is, so that equal print means equal text.
bool isPlain(const std::string& s) {
  return s.size() <= 100 &&
         std::ranges::all_of(s, [](char c) { return c >= ' ' && c <= '~' && c != '\\' && c != '"'; });
}

bool isPlain(const Attribute& attribute) {
  if (!attribute.rest.empty() || !isPlain(attribute.name)) return false;
  if (const auto* string = std::get_if<std::string>(&attribute.data)) return isPlain(*string);
  return std::holds_alternative<int64_t>(attribute.data) || std::holds_alternative<float>(attribute.data) ||
         std::holds_alternative<std::vector<int64_t>>(attribute.data) ||
         std::holds_alternative<std::vector<float>>(attribute.data);
}

/// Equal for nodes that compute the same; empty for those that are left alone.
std::string keyOf(const Node& node) {
  if (isRandom(node) || !node.rest.empty() || node.inputs.empty()) return {};
  std::string key = text(node.domain, '\n', node.op, '\n', node.overload);
  for (const ValueId input : node.inputs) key += text(' ', input.index);
  for (const ValueId output : node.outputs) key += output ? '+' : '-';
  std::vector<const Attribute*> attributes;
  for (const Attribute& attribute : node.attributes) {
    if (!isPlain(attribute)) return {};
    attributes.push_back(&attribute);
  }
  std::ranges::sort(attributes, {}, [](const Attribute* attribute) { return attribute->name; });
  Graph lone;
  Node bare;
  for (const Attribute* attribute : attributes) bare.attributes.append(*attribute);
  lone.append(std::move(bare));
  return key + print(lone);
}

int64_t mergeNodes(Graph& graph) {
  int64_t merged = 0;
  std::map<std::string, NodeId> firsts;
  for (const NodeId id : graph.order()) {
    const Node& node = graph.node(id);
    const std::string key = keyOf(node);
    if (key.empty()) continue;
    const auto [first, isNew] = firsts.emplace(key, id);
    if (isNew) continue;
    const std::vector<ValueId> mine = node.outputs, theirs = graph.node(first->second).outputs;
    if (std::ranges::any_of(mine, [&](ValueId output) { return output && graph.isOutput(output); })) continue;
    graph.erase(id);
    for (size_t i = 0; i < mine.size(); ++i) {
      if (!mine[i]) continue;
      graph.replaceUses(mine[i], theirs[i]);
      graph.erase(mine[i]);
    }
    ++merged;
  }
  return merged;
}

class MergeDuplicates : public Pass {
 public:
  int64_t run(Model& model, PassContext&) override {
    return editEachGraph(model.graph, [](Graph& graph) {
      const int64_t constants = mergeConstants(graph);
      return constants + mergeNodes(graph);
    });
  }
};

}  // namespace

PassSpec mergeDuplicatesSpec() {
  return {.name = "merge-duplicates",
          .summary = "keep one of equal constants, and one of nodes that compute the same from the same",
          .make = []() -> std::unique_ptr<Pass> { return std::make_unique<MergeDuplicates>(); }};
}

}  // namespace compress
