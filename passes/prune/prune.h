// prune: structured pruning. Slices that must go together are found from the graph (closure.h), scored, chosen for a
// target, cut out, and the result is held against the model with the same slices set to zero. Expects a model after the
// lossless passes.
#pragma once
#include <string>
#include <vector>

#include "lib/pass/pass.h"
#include "passes/prune/select.h"

namespace compress {

struct PruneOptions {
  std::string target = "macs=-30%";
  std::string criterion = "l2";
  int64_t minChannels = 1;
  int64_t round = 0;  ///< 0: by the width of the layer
  bool allowStatCoupled = false;
  bool heads = false, headDim = false, channels = true;
  bool reconstruct = true;  ///< where there are samples
  std::vector<std::string> include, exclude;

  void visit(OptionVisitor& visitor);
};

/// One family as it is in the result.
struct PrunedFamily {
  std::string node, op;
  std::string kind;  ///< channels, heads, head-dim
  int64_t before = 0, after = 0;
};

/// Layers that could not lose channels.
struct BlockedLayer {
  std::string node, op;
  std::string reason;  ///< with the path from the layer to what is in the way
  double macsShare = 0;
};

struct PruneReport {
  std::vector<PrunedFamily> families;
  std::vector<BlockedLayer> blocked;  ///< largest share of the multiply-accumulates first
  PruneCost before, after;
  bool isTargetMet = true;
  int64_t repairedLayers = 0;
  double maskedDifference =
      0;  ///< largest difference between the cut model and the masked one, relative to the largest output
};

class Prune : public Pass {
 public:
  Prune() = default;
  explicit Prune(PruneOptions options) : options_(std::move(options)) {}

  void options(OptionVisitor& visitor) override { options_.visit(visitor); }
  /// Count of classes removed. Throws Error(usage) for a pattern that matches nothing, Error(numeric) for NaN or Inf in
  /// weights, Error(bug) where the cut model does not compute what the masked one does.
  int64_t run(Model& model, PassContext& context) override;
  const PruneReport& report() const { return report_; }

 private:
  PruneOptions options_;
  PruneReport report_;
};

}  // namespace compress
