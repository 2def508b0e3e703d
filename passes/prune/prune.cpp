#include "passes/prune/prune.h"

#include <algorithm>
#include <cmath>

#include "lib/base/error.h"
#include "lib/base/text.h"
#include "lib/eval/head_of.h"
#include "lib/eval/run_over.h"
#include "lib/eval/validator.h"
#include "lib/ops/upgrade.h"
#include "passes/catalog.h"
#include "passes/finite.h"
#include "passes/prune/concrete.h"
#include "passes/prune/masked_check.h"
#include "passes/prune/mean_fold.h"
#include "passes/prune/remove.h"
#include "passes/prune/repair.h"
#include "passes/prune/schedule.h"
#include "passes/select.h"

namespace compress {
namespace {

constexpr int64_t kLeastOpset = 13;  // Softmax runs along one axis, and sizes are inputs, from here on
constexpr double kMaskedTolerance = 1e-4;

std::string kindOf(const Graph& graph, const Family& family) {
  if (family.byDigit) return family.policy == DigitPolicy::outer ? "heads" : "head-dim";
  const Node& node = graph.node(family.node);
  return node.is("Gemm") || node.is("MatMul") ? "mlp" : "channels";
}

bool isWanted(const Graph& graph, const Family& family, const PruneOptions& options) {
  if (family.inexact && !options.allowStatCoupled) return false;
  if (family.classes.size() < 2) return false;
  const std::string kind = kindOf(graph, family);
  if (kind == "mlp") return options.mlp;
  return kind == "channels" ? options.channels : kind == "heads" ? options.heads : options.headDim;
}

/// "a graph output (conv1); by way of w[0] -> relu1_out[1]".
std::string describe(const Graph& graph, const Obstacle& obstacle, const std::vector<Axis>& way) {
  std::string path;
  for (const Axis& axis : way)
    path += text(path.empty() ? "" : " -> ", displayText(graph.value(axis.value).name), "[", axis.axis, "]");
  return text(obstacle.reason, obstacle.node ? text(" (", nameOf(graph, graph.node(obstacle.node)), ")") : "",
              path.empty() ? "" : "; by way of ", path);
}

PruneScope scopeNamed(const std::string& name) {
  return name == "layer" ? PruneScope::layer : name == "isomorphic" ? PruneScope::isomorphic : PruneScope::global;
}

/// One model, cut in one or several steps.
class Pruner {
 public:
  Pruner(const Model& whole, const PruneOptions& options, const Prune::Stage& stage, PassContext& context,
         LatencyTable* latencies)
      : whole_(whole),
        options_(options),
        stage_(stage),
        context_(context),
        latencies_(latencies),
        first_(context.calibration != nullptr ? std::optional(context.calibration->read(0)) : std::nullopt),
        known_(knownOf(whole)) {}

  /// Cuts `model`, a copy of the whole, until `target` is met; the count of classes removed.
  int64_t run(Model& model, const PruneTarget& target) {
    report_ = {};
    gone_.clear();
    std::optional<PruneCost> origin;
    int64_t removed = 0;
    double leftBefore = 1;
    for (int64_t step = 1; step <= options_.steps; ++step) {
      PruneTarget part = target;
      part.left = shareLeft(options_.schedule, step, options_.steps, target.left);
      if (target.measure == PruneTarget::Measure::channels) part.left /= std::exchange(leftBefore, part.left);
      removed += cut(model, part, origin, step);
    }
    if (removed > 0 && options_.norms && context_.calibration != nullptr) {
      report_.reestimatedNorms = reestimateNorms(model, context_);
      if (report_.reestimatedNorms > 0) tell("norms", options_.steps, model);
    }
    listKept();
    return removed;
  }

  PruneReport& report() { return report_; }

 private:
  KnownTypes knownOf(const Model& model) const {
    KnownTypes known(withFixedInputs(model, first_ ? &*first_ : nullptr));
    if (!known.why().empty()) throw Error(ErrorKind::unsupported, text("shapes are not known: ", known.why()));
    return known;
  }

  int64_t cut(Model& model, const PruneTarget& target, std::optional<PruneCost>& origin, int64_t step) {
    const KnownTypes known = knownOf(model);
    Prunable found = findPrunable(model.graph, known, collectTies(model.graph, known), [&](NodeId id) {
      return whyNotSelected(model.graph, model.graph.node(id), options_.include, options_.exclude);
    });
    const CostModel cost(model.graph, known, latencies_);
    if (step == 1) reportBlocked(model.graph, found, cost);
    std::erase_if(found.families, [&](const Family& family) { return !isWanted(model.graph, family, options_); });
    const Selection selection = choose(model, known, found, cost, target, origin);
    if (!origin) report_.before = selection.before;
    origin = report_.before;
    report_.after = selection.after;
    report_.isTargetMet = selection.isReached;
    const int64_t removed = reportFamilies(model.graph, found, selection);
    if (removed == 0) return 0;
    const Model before = model;
    removeSlices(model, known, selection.removed);
    check(before, model, selection.removed);
    unite(gone_, inOriginal(known_, gone_, selection.removed));
    tell("cut", step, model);
    if (context_.calibration == nullptr || options_.repair == "none") return removed;
    report_.repairedLayers =
        options_.repair == "lsq" ? repair(whole_, model, gone_, context_) : foldMeans(whole_, model, gone_, context_);
    tell("repaired", step, model);
    return removed;
  }

  Selection choose(const Model& model, const KnownTypes& known, const Prunable& found, const CostModel& cost,
                   const PruneTarget& target, const std::optional<PruneCost>& origin) {
    report_.criterion = options_.criterion;
    if (options_.criterion == "auto") report_.criterion = context_.calibration != nullptr ? "obs" : "l2";
    const Criterion& criterion = *findCriterion(report_.criterion);
    if (criterion.needsData && context_.calibration == nullptr)
      throw Error(ErrorKind::usage, text("--criterion ", criterion.name, " needs samples"), "give --calib DATA");
    const Scores scores = criterion.score({model, known, found, context_});
    return select(found, scores, cost,
                  {.target = target,
                   .scope = scopeNamed(options_.scope),
                   .minChannels = options_.minChannels,
                   .round = options_.round,
                   .scoresAreGlobal = criterion.isGlobal,
                   .origin = origin});
  }

  void check(const Model& before, const Model& cut, const Slices& removed) {
    const double difference = maskedDifference(before, cut, removed, context_);
    report_.maskedDifference = std::max(report_.maskedDifference, difference);
    if (!(difference <= kMaskedTolerance) && !options_.allowStatCoupled)
      throw Error(ErrorKind::bug,
                  text("the cut model differs from the masked one by ", difference, " of the largest output"));
  }

  void reportBlocked(const Graph& graph, const Prunable& found, const CostModel& cost) {
    const auto total = static_cast<double>(std::max<int64_t>(cost.total({}).macs, 1));
    const auto add = [&](NodeId id, const Obstacle& why, const std::vector<Axis>& path) {
      const Node& node = graph.node(id);
      const auto macs = static_cast<double>(cost.ofNode(id));
      report_.blocked.push_back({nameOf(graph, node), node.op, describe(graph, why, path), macs / total});
      context_.skipped.push_back({nameOf(graph, node), node.op, report_.blocked.back().reason});
    };
    for (const BlockedSeed& seed : found.blocked) add(seed.node, seed.why.obstacle, seed.why.path);
    for (const Family& family : found.families)
      if (family.inexact && !options_.allowStatCoupled) add(family.node, *family.inexact, {});
    std::ranges::stable_sort(report_.blocked, std::greater(), &BlockedLayer::macsShare);
  }

  int64_t reportFamilies(const Graph& graph, const Prunable& found, const Selection& selection) {
    int64_t removed = 0;
    for (size_t f = 0; f < found.families.size(); ++f) {
      const Family& family = found.families[f];
      const auto gone = static_cast<int64_t>(selection.classes[f].size());
      const auto had = static_cast<int64_t>(family.classes.size());
      const std::string kind = kindOf(graph, family);
      const auto at = std::ranges::find_if(report_.families, [&](const PrunedFamily& one) {
        return one.node == family.name && one.kind == kind && one.after == had;
      });
      if (at == report_.families.end())
        report_.families.push_back({family.name, graph.node(family.node).op, kind, had, had - gone});
      else
        at->after = had - gone;
      removed += gone;
    }
    return removed;
  }

  void listKept() {
    for (const auto& [axis, slices] : gone_)
      if (whole_.graph.constant(axis.value) != nullptr)
        report_.kept.push_back({whole_.graph.value(axis.value).name, axis.axis,
                                keptSlices(gone_, axis, (*known_.shape(axis.value))[axis.axis])});
  }

  void tell(std::string_view stage, int64_t step, const Model& model) const {
    if (stage_) stage_(stage, step, model);
  }

  const Model& whole_;
  const PruneOptions& options_;
  const Prune::Stage& stage_;
  PassContext& context_;
  LatencyTable* latencies_;
  std::optional<Sample> first_;
  KnownTypes known_;
  Slices gone_;  // by the numbers of the whole
  PruneReport report_;
};

/// Medians of both models, in turn, on the first sample.
PruneLatency measured(const Model& whole, const Model& model, PassContext& context) {
  const auto random = randomDataset(inputSpecs(whole), 1, context.seed);
  const Dataset& samples = context.calibration != nullptr ? *context.calibration : *random;
  const SpeedMeasurement speed = measureSpeed(whole, model, context.backend, HeadOf(samples, 1), context.threads,
                                              {.seconds = 1, .seed = context.seed});
  return {.promised = 0,
          .measured = speed.after.least / speed.before.least,
          .before = speed.before.p50,
          .after = speed.after.p50,
          .table = {}};
}

/// Layers are timed one by one, and do not add up to the whole: the share that is aimed at is corrected by what the cut
/// model takes, until that is what was promised. A table that holds the share decides alone.
class LatencyPruner {
 public:
  LatencyPruner(const Model& whole, const PruneOptions& options, const Prune::Stage& stage, PassContext& context,
                std::map<std::string, double> known)
      : whole_(whole),
        context_(context),
        known_(std::move(known)),
        table_(context.backend, context.threads, whole.opsets, known_),
        draft_(options),
        options_(options),
        stage_(stage) {
    draft_.repair = "none";
    draft_.norms = false;
    draft_.steps = 1;
  }

  int64_t run(Model& model, const PruneTarget& target, PruneReport& report) {
    PruneTarget aimed = target;
    const auto stored = known_.find("left");
    aimed.left = stored != known_.end() ? stored->second : aim(target);
    Pruner pruner(whole_, options_, stage_, context_, &table_);
    const int64_t removed = pruner.run(model, aimed);
    report = std::move(pruner.report());
    PruneLatency latency = measured(whole_, model, context_);
    latency.promised = target.left;
    latency.table = table_.times();
    latency.table["left"] = aimed.left;
    report.latency = std::move(latency);
    return removed;
  }

 private:
  /// The share to aim at, of the tries the one whose measured time is nearest to the target and not above it by more
  /// than kSlack.
  double aim(const PruneTarget& target) {
    constexpr int kTries = 5;
    constexpr double kSlack = 0.02;
    double left = target.left, best = left, bestError = HUGE_VAL;
    for (int attempt = 0; attempt < kTries; ++attempt) {
      PruneTarget aimed = target;
      aimed.left = left;
      Model draft = whole_;
      Pruner pruner(whole_, draft_, none_, context_, &table_);
      if (pruner.run(draft, aimed) == 0) break;
      const double share = measured(whole_, draft, context_).measured;
      context_.progress(text("latency: aimed at ", left, ", measured ", share));
      const double error = std::abs(share - target.left) + (share > target.left * (1 + kSlack) ? 1 : 0);
      if (error < bestError) {
        best = left;
        bestError = error;
      }
      if (error <= kSlack * target.left) break;
      left = std::clamp(left * std::clamp(target.left / share, 0.7, 1.4), 0.05, 0.99);
    }
    return best;
  }

  const Model& whole_;
  PassContext& context_;
  std::map<std::string, double> known_;
  LatencyTable table_;
  PruneOptions draft_;
  const PruneOptions& options_;
  const Prune::Stage& stage_;
  Prune::Stage none_;
};

}  // namespace

int64_t Prune::run(Model& model, PassContext& context) {
  for (const auto* patterns : {&options_.include, &options_.exclude}) checkPatterns(model.graph, *patterns);
  const PruneTarget target = PruneTarget::parse(options_.target);
  requireFiniteWeights(model.graph);
  if (model.opsets.version("") < kLeastOpset) upgrade(model, kLeastOpset);
  const Model whole = model;
  if (target.measure == PruneTarget::Measure::latency)
    return LatencyPruner(whole, options_, stage_, context, latencies_).run(model, target, report_);
  Pruner pruner(whole, options_, stage_, context, nullptr);
  const int64_t removed = pruner.run(model, target);
  report_ = std::move(pruner.report());
  return removed;
}

PassSpec pruneSpec() {
  return {.name = "prune",
          .summary = "remove channels, hidden units or attention heads, with all that goes together with them",
          .lossless = false,
          .idempotent = false,
          .make = []() -> std::unique_ptr<Pass> { return std::make_unique<Prune>(); }};
}

}  // namespace compress
