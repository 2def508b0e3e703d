// Which classes go: least importance per saving first, until the target is met.
#pragma once
#include <optional>
#include <string_view>

#include "passes/prune/cost.h"
#include "passes/prune/score.h"

namespace compress {

/// What the result may cost, as a share of what the model costs now.
struct PruneTarget {
  enum class Measure { macs, parameters, size, latency, channels };
  Measure measure = Measure::macs;
  double left = 1;  ///< 0.6: the cost falls by 40 %; of channels: in every family alike

  /// From "macs=-40%", "params=-30%", "size=-30%", "latency=-30%" or "channels=-50%". Throws Error(usage).
  static PruneTarget parse(std::string_view text);
};

/// Whose classes compete: those of one family, of families over the same kinds of layers, or all.
enum class PruneScope { layer, isomorphic, global };

struct SelectOptions {
  PruneTarget target;
  PruneScope scope = PruneScope::global;
  int64_t minChannels = 1;
  /// Counts of kept classes are multiples of this; 0: 8 from 32 classes on, 4 from 16 on, else 1.
  int64_t round = 0;
  bool scoresAreGlobal = false;     ///< Criterion::isGlobal
  std::optional<PruneCost> origin;  ///< what the target is a share of; default: what the model costs now
};

struct Selection {
  Slices removed;
  std::vector<std::vector<size_t>> classes;  ///< by family: what goes
  PruneCost before, after;
  bool isReached = true;  ///< false: all that may go is gone, and the target is not met
};

Selection select(const Prunable& prunable, const Scores& scores, const CostModel& cost, const SelectOptions& options);

}  // namespace compress
