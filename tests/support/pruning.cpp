#include "tests/support/pruning.h"

#include <algorithm>
#include <variant>

#include "lib/base/error.h"
#include "lib/base/text.h"
#include "lib/ir/verify.h"
#include "lib/ops/upgrade.h"
#include "passes/prune/remove.h"
#include "passes/select.h"
#include "tests/support/passes.h"

namespace compress::test {
namespace {

Model prepared(Model model) {
  if (model.opsets.version("") < 13) upgrade(model, 13);
  return model;
}

/// What the ties themselves say, without what is in the way at nodes; graph inputs and outputs stay.
TieSet relaxed(TieSet ties) {
  std::erase_if(ties.blocked, [](const auto& entry) { return static_cast<bool>(entry.second.node); });
  return ties;
}

bool holds(const Prunable& prunable, const Axis& axis, int64_t slice, DigitPolicy policy) {
  return std::ranges::any_of(prunable.families, [&](const Family& family) {
    return !family.inexact && (!family.byDigit || family.policy == policy) &&
           std::ranges::any_of(family.classes, [&](const PruneClass& one) {
             const auto found = one.slices.find(axis);
             return found != one.slices.end() && std::ranges::binary_search(found->second, slice);
           });
  });
}

}  // namespace

PruneCase::PruneCase(Model given)
    : model_(prepared(std::move(given))),
      known_(model_),
      ties_(collectTies(model_.graph, known_)),
      prunable_(findPrunable(model_.graph, known_, ties_, [](NodeId) { return std::string(); })) {
  if (!known_.why().empty()) throw std::runtime_error(known_.why());
}

std::string PruneCase::closure(std::string_view name, size_t axis, int64_t slice, DigitPolicy policy) const {
  ClosureFinder finder(model_.graph, known_, ties_);
  const auto result = finder.close({model_.graph.findValue(name), axis}, slice, policy);
  if (const auto* obstructed = std::get_if<Obstructed>(&result)) return "blocked: " + obstructed->obstacle.reason;
  const auto& closed = std::get<Closed>(result);
  std::vector<std::string> parts;
  for (const auto& [at, slices] : closed.slices) {
    std::string part = text(model_.graph.value(at.value).name, '[', at.axis, "]:");
    for (size_t i = 0; i < slices.size(); ++i) part += text(i == 0 ? "" : ",", slices[i]);
    parts.push_back(std::move(part));
  }
  std::ranges::sort(parts);
  return (closed.inexact ? "~" : "") + join(parts, " ");
}

Slices PruneCase::draw(Random& random, double share) const {
  Slices removed;
  for (const Family& family : prunable_.families) {
    if (family.inexact) continue;
    size_t left = family.classes.size();
    for (const PruneClass& one : family.classes) {
      if (random.uniform() >= share || left == 1) continue;
      Slices both = removed;
      unite(both, one.slices);
      const bool leavesSome = std::ranges::all_of(both, [&](const auto& entry) {
        return static_cast<int64_t>(entry.second.size()) < (*known_.shape(entry.first.value))[entry.first.axis];
      });
      if (!leavesSome) continue;
      removed = std::move(both);
      --left;
    }
  }
  return removed;
}

double PruneCase::maskedDifference(const Slices& removed, uint64_t seed) const {
  Model masked = model_, cut = model_;
  maskSlices(masked, removed);
  removeSlices(cut, known_, removed);
  verify(cut);
  return Expectation(masked, seed).differenceTo(cut);
}

std::vector<std::string> PruneCase::missed(uint64_t seed) const {
  std::vector<std::string> missed;
  const TieSet open = relaxed(ties_);
  ClosureFinder finder(model_.graph, known_, open);
  for (const NodeId id : model_.graph.order())
    for (const Axis& axis : findSeeds(model_.graph, known_, id))
      for (const int64_t slice : {int64_t{0}, (*known_.shape(axis.value))[axis.axis] - 1})
        for (const DigitPolicy policy : {DigitPolicy::outer, DigitPolicy::inner}) {
          if (holds(prunable_, axis, slice, policy)) continue;
          const auto result = finder.close(axis, slice, policy);
          const auto* closed = std::get_if<Closed>(&result);
          if (closed == nullptr || dependsOn(axis, slice, closed->slices, seed) || !isSame(closed->slices, seed))
            continue;
          missed.push_back(text(nameOf(model_.graph, model_.graph.node(id)), ' ', model_.graph.value(axis.value).name,
                                '[', axis.axis, "]:", slice));
        }
  return missed;
}

bool PruneCase::isSame(const Slices& removed, uint64_t seed) const {
  constexpr double kRounding = 1e-6;
  try {
    return maskedDifference(removed, seed) <= kRounding;
  } catch (const Error&) {
    return false;  // what is left does not fit together
  }
}

bool PruneCase::dependsOn(const Axis& axis, int64_t slice, const Slices& closed, uint64_t seed) const {
  Model masked = model_, other = model_;
  maskSlices(masked, closed);
  Slices without = closed;
  std::erase(without[axis], slice);
  maskSlices(other, without);
  constexpr double kRounding = 1e-9;  // nothing is re-associated: the same numbers are summed, but for zeros
  return Expectation(masked, seed).differenceTo(other) > kRounding;
}

}  // namespace compress::test
