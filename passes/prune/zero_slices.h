// Which slices are zero when the parameters that go with them are set to zero. A sum over slices that go stays as it is
// only where they are: sigmoid(0) is not.
#pragma once
#include <map>
#include <vector>

#include "passes/prune/patch.h"

namespace compress {

class ZeroSlices {
 public:
  /// All three outlive this.
  ZeroSlices(const Graph& graph, const KnownTypes& known, const TieSet& set);

  /// A sum over slices in `removed` that are not zero; null where there is none.
  const Tie* findBrokenSum(const Slices& removed);

 private:
  bool isZero(const Axis& axis, const Slices& removed);
  bool isZeroResult(const Axis& axis, const Slices& removed);
  /// The operand's slices that the result's are made of, where they go: are they zero? False where there are none.
  bool isZeroOperand(const Axis& result, size_t index, const Slices& removed);
  bool areAllZero(const Axis& result, const Slices& removed);

  const Graph& graph_;
  const KnownTypes& known_;
  std::map<Axis, std::vector<const Tie*>> sumsOf_;
  std::map<Axis, std::vector<Axis>> operands_;  // by axis of a result: those of its node's operands that it is tied to
  std::map<Axis, bool> isZero_;                 // for the slices in hand
};

}  // namespace compress
