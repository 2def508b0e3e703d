#include "passes/prune/prune.h"

#include <algorithm>
#include <cmath>

#include "lib/base/error.h"
#include "lib/base/text.h"
#include "lib/ops/upgrade.h"
#include "passes/catalog.h"
#include "passes/finite.h"
#include "passes/prune/concrete.h"
#include "passes/prune/masked_check.h"
#include "passes/prune/remove.h"
#include "passes/prune/repair.h"
#include "passes/select.h"

namespace compress {
namespace {

constexpr int64_t kLeastOpset = 13;  // Softmax runs along one axis, and sizes are inputs, from here on
constexpr double kMaskedTolerance = 1e-4;

std::string exclusion(const Graph& graph, NodeId id, const PruneOptions& options) {
  const Node& node = graph.node(id);
  const auto hit = [&](const std::string& pattern) { return matches(graph, node, pattern); };
  if (const auto it = std::ranges::find_if(options.exclude, hit); it != options.exclude.end())
    return text("excluded by '", *it, "'");
  if (!options.include.empty() && std::ranges::none_of(options.include, hit)) return "not among what --include names";
  return {};
}

std::string kindOf(const Family& family) {
  if (!family.byDigit) return "channels";
  return family.policy == DigitPolicy::outer ? "heads" : "head-dim";
}

bool isWanted(const Family& family, const PruneOptions& options) {
  if (family.inexact && !options.allowStatCoupled) return false;
  if (family.classes.size() < 2) return false;
  const std::string kind = kindOf(family);
  return kind == "channels" ? options.channels : kind == "heads" ? options.heads : options.headDim;
}

/// "conv1 -> relu1_out -> out: a graph output".
std::string describePath(const Graph& graph, const Obstructed& why) {
  std::string path;
  for (const Axis& axis : why.path)
    path += text(path.empty() ? "" : " -> ", displayText(graph.value(axis.value).name), "[", axis.axis, "]");
  return text(why.obstacle.reason,
              why.obstacle.node ? text(" (", nameOf(graph, graph.node(why.obstacle.node)), ")") : "", "; by way of ",
              path);
}

void reportBlocked(const Graph& graph, const Prunable& found, const CostModel& cost, PruneReport& report,
                   PassContext& context) {
  const auto total = static_cast<double>(std::max<int64_t>(cost.total({}).macs, 1));
  for (const BlockedSeed& seed : found.blocked) {
    const Node& node = graph.node(seed.node);
    const auto macs = static_cast<double>(cost.ofNode(seed.node));
    report.blocked.push_back({nameOf(graph, node), node.op, describePath(graph, seed.why), macs / total});
    context.skipped.push_back({nameOf(graph, node), node.op, report.blocked.back().reason});
  }
  std::ranges::stable_sort(report.blocked, std::greater(), &BlockedLayer::macsShare);
}

Selection choose(const Model& model, const KnownTypes& known, Prunable& found, const CostModel& cost,
                 const PruneOptions& options, PassContext& context) {
  std::erase_if(found.families, [&](const Family& family) { return !isWanted(family, options); });
  const Criterion& criterion = *findCriterion(options.criterion);
  if (criterion.needsData && context.calibration == nullptr)
    throw Error(ErrorKind::usage, text("--criterion ", criterion.name, " needs samples"), "give --calib DATA");
  const Scores scores = criterion.score({model, known, found, context});
  return select(found, scores, cost,
                {.target = PruneTarget::parse(options.target),
                 .minChannels = options.minChannels,
                 .round = options.round,
                 .scoresAreGlobal = criterion.isGlobal,
                 .origin = {}});
}

}  // namespace

int64_t Prune::run(Model& model, PassContext& context) {
  report_ = {};
  for (const auto* patterns : {&options_.include, &options_.exclude}) checkPatterns(model.graph, *patterns);
  requireFiniteWeights(model.graph);
  if (model.opsets.version("") < kLeastOpset) upgrade(model, kLeastOpset);
  const std::optional<Sample> sample =
      context.calibration != nullptr ? std::optional(context.calibration->read(0)) : std::nullopt;
  const KnownTypes known(withFixedInputs(model, sample ? &*sample : nullptr));
  if (!known.why().empty()) throw Error(ErrorKind::unsupported, text("shapes are not known: ", known.why()));

  const TieSet ties = collectTies(model.graph, known);
  Prunable found =
      findPrunable(model.graph, known, ties, [&](NodeId id) { return exclusion(model.graph, id, options_); });
  const CostModel cost(model.graph, known);
  reportBlocked(model.graph, found, cost, report_, context);
  const Selection selection = choose(model, known, found, cost, options_, context);
  report_.before = selection.before;
  report_.after = selection.after;
  report_.isTargetMet = selection.isReached;

  int64_t removed = 0;
  for (size_t f = 0; f < found.families.size(); ++f) {
    const Family& family = found.families[f];
    const auto gone = static_cast<int64_t>(selection.classes[f].size()),
               had = static_cast<int64_t>(family.classes.size());
    report_.families.push_back({family.name, model.graph.node(family.node).op, kindOf(family), had, had - gone});
    removed += gone;
  }
  if (removed == 0) return 0;
  const Model whole = model;
  removeSlices(model, known, selection.removed);
  report_.maskedDifference = maskedDifference(whole, model, selection.removed, context);
  if (!(report_.maskedDifference <= kMaskedTolerance) && !options_.allowStatCoupled)
    throw Error(ErrorKind::bug, text("the cut model differs from the masked one by ", report_.maskedDifference,
                                     " of the largest output"));
  if (options_.reconstruct && context.calibration != nullptr)
    report_.repairedLayers = repair(whole, model, selection.removed, context);
  return removed;
}

}  // namespace compress
