#include "tests/support/pruning.h"

#include <algorithm>
#include <variant>

#include "lib/base/text.h"
#include "lib/ir/verify.h"
#include "lib/ops/upgrade.h"
#include "passes/prune/remove.h"
#include "tests/support/passes.h"

namespace compress::test {
namespace {

Model prepared(Model model) {
  if (model.opsets.version("") < 13) upgrade(model, 13);
  return model;
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

}  // namespace compress::test
