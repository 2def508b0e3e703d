// prune: structured pruning. Slices that must go together are found from the graph (closure.h), scored, chosen for a
// target, cut out, and the result is held against the model with the same slices set to zero; then what is left is
// repaired. Expects a model after the lossless passes.
#pragma once
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "lib/pass/pass.h"
#include "passes/prune/select.h"

namespace compress {

struct PruneOptions {
  std::string target = "macs=-30%";
  std::string criterion = "auto";  ///< obs where there are samples, else l2
  std::string scope = "global";
  int64_t minChannels = 1;
  int64_t round = 0;  ///< 0: by the width of the layer
  bool allowStatCoupled = false;
  bool heads = false, headDim = false, channels = true, mlp = true;
  int64_t steps = 1;
  std::string schedule = "linear";
  std::string repair = "lsq";  ///< where there are samples
  bool norms = true;
  std::vector<std::string> include, exclude;

  void visit(OptionVisitor& visitor);
};

/// One family as it is in the result.
struct PrunedFamily {
  std::string node, op;
  std::string kind;  ///< channels, mlp, heads, head-dim
  int64_t before = 0, after = 0;
};

/// Layers that could not lose channels.
struct BlockedLayer {
  std::string node, op;
  std::string reason;  ///< with the path from the layer to what is in the way
  double macsShare = 0;
};

/// What is left of one axis of a weight, by the numbers that its slices had at first.
struct KeptSlices {
  std::string tensor;
  size_t axis = 0;
  std::vector<int64_t> slices;
};

/// Of a target for latency.
struct PruneLatency {
  double promised = 0, measured = 0;    ///< what is left, as a share of the time before; measured in turn
  double before = 0, after = 0;         ///< milliseconds, medians
  std::map<std::string, double> table;  ///< times of layers, by what they are; "left": the share that was aimed at
};

struct PruneReport {
  std::vector<PrunedFamily> families;
  std::vector<BlockedLayer> blocked;  ///< largest share of the multiply-accumulates first
  std::vector<KeptSlices> kept;
  std::string criterion;  ///< what was used
  PruneCost before, after;
  bool isTargetMet = true;
  int64_t repairedLayers = 0, reestimatedNorms = 0;
  double maskedDifference = 0;  ///< largest between cut and masked model, relative to the largest output
  std::optional<PruneLatency> latency;
};

class Prune : public Pass {
 public:
  /// Called with "cut", "repaired" and "norms" as soon as that is done, and the model as it is then.
  using Stage = std::function<void(std::string_view stage, int64_t step, const Model& model)>;

  Prune() = default;
  explicit Prune(PruneOptions options, Stage stage = {}, std::map<std::string, double> latencies = {})
      : options_(std::move(options)), stage_(std::move(stage)), latencies_(std::move(latencies)) {}

  void options(OptionVisitor& visitor) override { options_.visit(visitor); }
  /// Count of classes removed. Throws Error(usage) for a pattern that matches nothing, Error(numeric) for NaN or Inf in
  /// weights, Error(bug) where the cut model does not compute what the masked one does.
  int64_t run(Model& model, PassContext& context) override;
  const PruneReport& report() const { return report_; }

 private:
  PruneOptions options_;
  Stage stage_;
  std::map<std::string, double> latencies_;
  PruneReport report_;
};

}  // namespace compress
