// The rule table of structured pruning: per operator, which slices of its operands go together, and what of the node
// itself has to follow when they are gone.
#pragma once
#include <span>
#include <string_view>
#include <vector>

#include "passes/prune/patch.h"
#include "passes/prune/ties.h"

namespace compress {

/// When a slice of a node's result is zero: sums over slices that go are right only where these are.
enum class Zeros {
  never,      ///< not known to be
  passed,     ///< where the slices of the operands that it is made of are
  ofAll,      ///< where those of all operands are: a sum
  ofAny,      ///< where that of one operand is: a product
  ofWeights,  ///< where that of operand 0 or 1 is, and that of operand 2 where there is one: a layer with weight and
              ///< bias
  ofNorm,     ///< where those of operands 1 and 2 are: factor and offset
  clipped,    ///< as passed, where zero is within the bounds
};

struct PruneRule {
  std::string_view op;
  std::string_view domain;
  void (*ties)(NodeTies&);
  void (*patch)(NodePatch&) = nullptr;  ///< null: slicing the initializers is all
  Zeros zeros = Zeros::never;
};

/// Null where an operator has none: all axes of its operands then stay as they are.
const PruneRule* findPruneRule(std::string_view op, std::string_view domain);
std::span<const PruneRule> pruneRules();

// One file each, one line each in rules.cpp.
std::vector<PruneRule> attentionPruneRules();
std::vector<PruneRule> convPruneRules();
std::vector<PruneRule> elementwisePruneRules();
std::vector<PruneRule> matmulPruneRules();
std::vector<PruneRule> movementPruneRules();
std::vector<PruneRule> normalizationPruneRules();
std::vector<PruneRule> poolPruneRules();
std::vector<PruneRule> recurrentPruneRules();
std::vector<PruneRule> reducePruneRules();
std::vector<PruneRule> reshapePruneRules();
std::vector<PruneRule> selectionPruneRules();

}  // namespace compress
