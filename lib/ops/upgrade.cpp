#include "lib/ops/upgrade.h"

#include <algorithm>

#include "lib/ops/inline.h"
#include "lib/ops/rules.h"

namespace compress {
namespace {

/// The IR version that introduced each opset of the default domain.
int64_t irVersionOf(int64_t opset) {
  constexpr std::pair<int64_t, int64_t> kFirstOpsets[] = {{28, 14}, {25, 13}, {24, 12}, {23, 11}, {21, 10}, {19, 9},
                                                          {15, 8},  {12, 7},  {11, 6},  {10, 5},  {9, 4},   {0, 3}};
  for (const auto& [first, version] : kFirstOpsets)
    if (opset >= first) return version;
  return 3;
}

/// What becomes of default-domain ops that the catalogue lacks, whose older forms nobody here knows.
enum class UnknownOps { refused, kept };

void upgradeGraph(Graph& graph, int64_t from, int64_t to, UnknownOps unknownOps);

/// Bodies are shared: each is replaced by an upgraded copy. Depth is bounded by the reader.
void upgradeBodies(Graph& graph, NodeId id, int64_t from, int64_t to, UnknownOps unknownOps) {
  const auto upgradedBody = [&](const Body& body) {
    Graph copy = *body;
    upgradeGraph(copy, from, to, unknownOps);
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

bool isDefaultDomain(const Node& node) {
  return node.domain.empty() || node.domain == "ai.onnx";
}

/// The step of the node's op that `version` asks for, or null.
const Upgrade* stepAt(const Node& node, int64_t version) {
  const OpSpec* spec = isDefaultDomain(node) ? findOp(node.op) : nullptr;
  if (spec == nullptr) return nullptr;
  const auto step = std::ranges::find(spec->upgrades, version, &Upgrade::version);
  return step == spec->upgrades.end() ? nullptr : &*step;
}

/// The opset at which ops stopped saying which inputs may be overwritten.
constexpr int64_t kNoLongerInPlace = 6;

void dropInPlaceHints(Graph& graph) {
  for (const NodeId id : graph.nodes())
    if (isDefaultDomain(graph.node(id))) graph.eraseAttribute(id, "consumed_inputs");
}

/// Steps version by version, so that what a step adds is itself raised by the later ones.
void upgradeGraph(Graph& graph, int64_t from, int64_t to, UnknownOps unknownOps) {
  for (const NodeId id : graph.nodes()) {
    const Node& node = graph.node(id);
    if (unknownOps == UnknownOps::refused && isDefaultDomain(node) && findOp(node.op) == nullptr)
      throw Error(ErrorKind::unsupported,
                  text(describe(node), ": how this op changed from opset ", from, " to ", to, " is not known"));
    upgradeBodies(graph, id, from, to, unknownOps);
  }
  for (int64_t version = from + 1; version <= to; ++version) {
    if (version == kNoLongerInPlace) dropInPlaceHints(graph);
    for (const NodeId id : graph.nodes()) {
      const Upgrade* step = graph.isAlive(id) ? stepAt(graph.node(id), version) : nullptr;
      if (step == nullptr) continue;
      const std::string place = describe(graph.node(id));
      within([&] { return text(place, ": to opset ", version); },
             [&] { withinBounds([&] { step->apply(graph, id); }); });
    }
  }
}

void upgradeModel(Model& model, int64_t opset, UnknownOps unknownOps) {
  const bool isNamed = std::ranges::any_of(model.opsets, [](const auto& item) { return item.first == "ai.onnx"; });
  const std::string domain = isNamed ? "ai.onnx" : "";
  const int64_t present = model.opsets.version(domain);
  if (present == 0 || present >= opset) return;
  upgradeGraph(model.graph, present, opset, unknownOps);
  model.opsets.set(domain, opset);
  model.irVersion = std::max(model.irVersion, irVersionOf(opset));
}

}  // namespace

void upgrade(Model& model, int64_t opset) {
  if (opset > kNewestOpset)
    throw Error(ErrorKind::usage, text("opset ", opset, " is not known, the newest is ", kNewestOpset));
  upgradeModel(model, opset, UnknownOps::refused);
}

Model upgraded(const Model& model) {
  Model copy = model;
  upgradeModel(copy, kNewestOpset, UnknownOps::kept);
  inlineFunctions(copy);
  return copy;
}

}  // namespace compress
