// The options of prune.
#include "passes/prune/prune.h"
#include "passes/prune/schedule.h"

namespace compress {

void PruneOptions::visit(OptionVisitor& visitor) {
  static const std::vector<std::string_view> kCriteria = [] {
    std::vector<std::string_view> names = {"auto"};
    for (const Criterion& one : criteria()) names.push_back(one.name);
    return names;
  }();
  visitor.visit(target,
                {.name = "target",
                 .help = "how much goes: macs=-30%, params=-30%, size=-30%, latency=-30%, or channels=-50% of every "
                         "layer alike",
                 .placeholder = "CUT"});
  visitor.visit(criterion, {.name = "criterion",
                            .help = "what tells how much a channel matters; auto: obs with samples, else l2",
                            .choices = kCriteria});
  visitor.visit(scope, {.name = "scope",
                        .help = "which channels compete: those of one layer, of layers of one kind, or all",
                        .choices = {"layer", "isomorphic", "global"}});
  visitor.visit(
      minChannels,
      {.name = "min-channels", .help = "leave at least so many of each", .min = 1, .max = 1 << 20, .placeholder = "N"});
  visitor.visit(round, {.name = "round",
                        .help = "keep multiples of N; 0: 8 in layers of 32 and more, 4 from 16 on, else 1",
                        .min = 0,
                        .max = 1 << 16,
                        .placeholder = "N"});
  visitor.visit(channels, {.name = "channels", .help = "remove channels of convolutions, embeddings, hidden states"});
  visitor.visit(mlp, {.name = "mlp", .help = "remove hidden units between products"});
  visitor.visit(heads, {.name = "heads", .help = "remove whole attention heads and groups of channels"});
  visitor.visit(headDim, {.name = "head-dim", .help = "remove the same dimensions of every head or group"});
  visitor.visit(steps, {.name = "steps",
                        .help = "cut in N steps, scored and repaired anew in each",
                        .min = 1,
                        .max = 1000,
                        .placeholder = "N"});
  visitor.visit(schedule, {.name = "schedule", .help = "how the steps share the cut", .choices = pruneSchedules()});
  visitor.visit(repair,
                {.name = "repair",
                 .help = "with samples: fit the layers behind a cut again by least squares, or fold the mean of "
                         "what is gone into biases",
                 .choices = {"lsq", "mean", "none"}});
  visitor.visit(norms, {.name = "norms", .help = "take the statistics of BatchNormalization anew where there are samples"});
  visitor.visit(allowStatCoupled,
                {.name = "allow-stat-coupled",
                 .help = "also remove what a norm's statistics are taken over: what stays is then no longer exact"});
  visitor.visit(
      include,
      {.name = "include", .help = "prune only what matches: op:TYPE, node:GLOB, tensor:GLOB", .placeholder = "GLOB"});
  visitor.visit(exclude, {.name = "exclude",
                          .help = "keep all channels of what matches: op:TYPE, node:GLOB, tensor:GLOB",
                          .placeholder = "GLOB"});
}

}  // namespace compress
