#include "passes/prune/rules.h"

#include <algorithm>
#include <tuple>

namespace compress {
namespace {

auto keyOf(const PruneRule& rule) {
  return std::tuple(rule.domain, rule.op);
}

std::vector<PruneRule> collectRules() {
  std::vector<PruneRule> all;
  for (const auto family : {attentionPruneRules, convPruneRules, elementwisePruneRules, matmulPruneRules,
                            movementPruneRules, normalizationPruneRules, poolPruneRules, recurrentPruneRules,
                            reducePruneRules, reshapePruneRules, selectionPruneRules}) {
    const std::vector<PruneRule> rules = family();
    all.insert(all.end(), rules.begin(), rules.end());
  }
  std::ranges::sort(all, {}, keyOf);
  return all;
}

}  // namespace

std::span<const PruneRule> pruneRules() {
  static const std::vector<PruneRule> kRules = collectRules();
  return kRules;
}

const PruneRule* findPruneRule(std::string_view op, std::string_view domain) {
  const auto rules = pruneRules();
  const auto at = std::ranges::lower_bound(rules, std::tuple(domain, op), {}, keyOf);
  return at != rules.end() && at->op == op && at->domain == domain ? &*at : nullptr;
}

}  // namespace compress
