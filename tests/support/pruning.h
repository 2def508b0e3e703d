// Structured pruning in tests: what can go from a model, as text, and whether the cut model computes what the masked
// one does.
#pragma once
#include <string>
#include <string_view>

#include "lib/base/random.h"
#include "lib/ir/model.h"
#include "passes/prune/classes.h"

namespace compress::test {

/// A model and what pruning knows of it. Not to be moved: parts refer to one another.
class PruneCase {
 public:
  /// Brings the model to an opset that pruning works on.
  explicit PruneCase(Model given);
  PruneCase(const PruneCase&) = delete;
  PruneCase& operator=(const PruneCase&) = delete;

  const Model& model() const { return model_; }
  const KnownTypes& known() const { return known_; }
  const Prunable& prunable() const { return prunable_; }

  /// "b[0]:1 w[0]:1,3": all that goes with slice `slice` of axis `axis` of the value named `name`, sorted by name; "~"
  /// in front where that is not exact; else "blocked: " and the reason.
  std::string closure(std::string_view name, size_t axis, int64_t slice, DigitPolicy policy = DigitPolicy::outer) const;
  /// Some classes of every exact family, at least one of each left, no axis emptied. Each goes with probability
  /// `share`.
  Slices draw(Random& random, double share) const;
  /// Removes the slices, verifies the result, and runs it beside the masked model on random inputs by the references:
  /// the largest difference over the largest output.
  double maskedDifference(const Slices& removed, uint64_t seed) const;
  /// Brute force: output channels of weights that no exact family holds, though they could go for all that running the
  /// model shows. Everything is tried that would go with such a channel if nothing at a node were in the way: either
  /// the outputs still depend on the channel when the rest is masked, or the cut model differs from the masked one.
  std::vector<std::string> missed(uint64_t seed) const;

 private:
  bool isSame(const Slices& removed, uint64_t seed) const;
  bool dependsOn(const Axis& axis, int64_t slice, const Slices& closed, uint64_t seed) const;

  Model model_;
  KnownTypes known_;
  TieSet ties_;
  Prunable prunable_;
};

}  // namespace compress::test
