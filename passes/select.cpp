#include "passes/select.h"

#include <algorithm>
#include <set>

#include "lib/base/error.h"
#include "lib/base/text.h"

namespace compress {
namespace {

struct Pattern {
  enum class Kind { op, node, tensor } kind;
  std::string_view glob;
};

Pattern parse(std::string_view pattern) {
  for (const auto& [prefix, kind] : {std::pair{std::string_view("op:"), Pattern::Kind::op},
                                     {"node:", Pattern::Kind::node},
                                     {"tensor:", Pattern::Kind::tensor}})
    if (pattern.starts_with(prefix)) return {kind, pattern.substr(prefix.size())};
  return {Pattern::Kind::node, pattern};
}

/// The names that a pattern is compared with at one node.
std::vector<std::string> namesAt(const Graph& graph, const Node& node, Pattern::Kind kind) {
  if (kind == Pattern::Kind::op) return {node.op};
  if (kind == Pattern::Kind::node) return {nameOf(graph, node)};
  std::vector<std::string> names;
  for (const ValueId output : node.outputs)
    if (output) names.push_back(graph.value(output).name);
  for (const ValueId input : node.inputs)
    if (input && (graph.constant(input) != nullptr || graph.isInput(input))) names.push_back(graph.value(input).name);
  return names;
}

}  // namespace

std::string nameOf(const Graph& graph, const Node& node) {
  if (!node.name.empty() || node.outputs.empty() || !node.outputs[0]) return node.name;
  return graph.value(node.outputs[0]).name;
}

bool matches(const Graph& graph, const Node& node, std::string_view pattern) {
  const Pattern parsed = parse(pattern);
  return std::ranges::any_of(namesAt(graph, node, parsed.kind),
                             [&](const std::string& name) { return globMatches(parsed.glob, name); });
}

void checkPatterns(const Graph& graph, std::span<const std::string> patterns) {
  for (const std::string& pattern : patterns) {
    const Pattern parsed = parse(pattern);
    std::set<std::string> names;
    bool found = false;
    for (const NodeId id : graph.nodes()) {
      for (std::string& name : namesAt(graph, graph.node(id), parsed.kind)) {
        found = found || globMatches(parsed.glob, name);
        names.insert(std::move(name));
      }
    }
    if (found) continue;
    const std::vector<std::string> all(names.begin(), names.end());
    constexpr std::string_view kWhat[] = {"operator", "node", "tensor"};
    std::vector<std::string> near;
    for (const std::string& name : nearest(parsed.glob, all)) near.push_back(displayName(name));
    throw Error(ErrorKind::usage,
                text("pattern '", displayName(pattern), "' matches no ", kWhat[static_cast<size_t>(parsed.kind)],
                     " of the model"),
                near.empty() ? "" : text("near names: ", join(near, ", ")));
  }
}

std::string whyNotSelected(const Graph& graph, const Node& node, std::span<const std::string> include,
                           std::span<const std::string> exclude) {
  const auto hit = [&](const std::string& pattern) { return matches(graph, node, pattern); };
  if (const auto it = std::ranges::find_if(exclude, hit); it != exclude.end()) return text("excluded by '", *it, "'");
  if (!include.empty() && std::ranges::none_of(include, hit)) return "not among what --include names";
  return {};
}

}  // namespace compress
