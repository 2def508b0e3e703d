#include "lib/ops/upgrade.h"

#include <algorithm>

#include "lib/ops/rules.h"

namespace compress {
namespace {

/// The oldest opset whose forms the steps start from.
constexpr int64_t kOldestOpset = 7;

/// The IR version that introduced each opset of the default domain.
int64_t irVersionOf(int64_t opset) {
  constexpr std::pair<int64_t, int64_t> kFirstOpsets[] = {{24, 12}, {23, 11}, {21, 10}, {19, 9}, {15, 8}, {12, 7}, {11, 6}, {10, 5}, {9, 4}, {0, 3}};
  for (const auto& [first, version] : kFirstOpsets)
    if (opset >= first) return version;
  return 3;
}

void upgradeGraph(Graph& graph, int64_t from, int64_t to);

/// Bodies are shared: each is replaced by an upgraded copy. Depth is bounded by the reader.
void upgradeBodies(Graph& graph, NodeId id, int64_t from, int64_t to) {
  const auto upgradedBody = [&](const Body& body) {
    Graph copy = *body;
    upgradeGraph(copy, from, to);
    return std::make_shared<const Graph>(std::move(copy));
  };
  const Attributes attributes = graph.node(id).attributes;
  for (const Attribute& attribute : attributes) {
    if (const auto* body = std::get_if<Body>(&attribute.data)) {
      graph.setAttribute(id, attribute.name, Body(upgradedBody(*body)));
    } else if (const auto* bodies = std::get_if<std::vector<Body>>(&attribute.data)) {
      std::vector<Body> copies;
      for (const Body& each : *bodies) copies.push_back(upgradedBody(each));
      graph.setAttribute(id, attribute.name, std::move(copies));
    }
  }
}

/// Steps version by version, so that what a step adds is itself raised by the later ones.
void upgradeGraph(Graph& graph, int64_t from, int64_t to) {
  for (const NodeId id : graph.nodes()) upgradeBodies(graph, id, from, to);
  for (int64_t version = from + 1; version <= to; ++version) {
    for (const NodeId id : graph.nodes()) {
      if (!graph.isAlive(id)) continue;
      const Node& node = graph.node(id);
      if (!node.domain.empty() && node.domain != "ai.onnx") continue;
      const OpSpec* spec = findOp(node.op);
      if (spec == nullptr) continue;
      const auto step = std::ranges::find(spec->upgrades, version, &Upgrade::version);
      if (step == spec->upgrades.end()) continue;
      const std::string place = describe(node);
      within([&] { return text(place, ": to opset ", version); }, [&] { step->apply(graph, id); });
    }
  }
}

}  // namespace

void upgrade(Model& model, int64_t opset) {
  if (opset > kNewestOpset)
    throw Error(ErrorKind::usage, text("opset ", opset, " is not known, the newest is ", kNewestOpset));
  const bool isNamed = std::ranges::any_of(model.opsets, [](const auto& item) { return item.first == "ai.onnx"; });
  const std::string domain = isNamed ? "ai.onnx" : "";
  const int64_t present = model.opsets.version(domain);
  if (present == 0 || present >= opset) return;
  if (present < kOldestOpset)
    throw Error(ErrorKind::unsupported, text("the model uses opset ", present, ", expected at least ", kOldestOpset));
  upgradeGraph(model.graph, present, opset);
  model.opsets.set(domain, opset);
  model.irVersion = std::max(model.irVersion, irVersionOf(opset));
}

Model upgraded(const Model& model) {
  Model copy = model;
  upgrade(copy, kNewestOpset);
  return copy;
}

}  // namespace compress
