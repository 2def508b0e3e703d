// LSTM, GRU, RNN: the size of the input, and the hidden size with all gates. Directions stay.
#include "passes/prune/rules.h"

namespace compress {
namespace {

/// Inputs X, W [dirs, gates*H, I], R [dirs, gates*H, H], B [dirs, 2*gates*H], lengths, h0, c0, P [dirs, 3*H];
/// outputs Y, Y_h, Y_c, all ending in H.
void tieRecurrent(NodeTies& ties) {
  const ValueId x = ties.input(0), w = ties.input(1), r = ties.input(2);
  ties.tieAxes({{x, 2}, {w, 2}});
  const Labels gate = Labels::digit(1, ties.size(r, 2));
  Tie hidden{{{{w, 1}, gate}, {{r, 1}, gate}, {{r, 2}}, {{ties.input(3), 1}, gate}}};
  for (const size_t state : {5U, 6U})
    if (ties.has(ties.input(state))) hidden.members.push_back({{ties.input(state), ties.rank(ties.input(state)) - 1}});
  if (ties.has(ties.input(7))) hidden.members.push_back({{ties.input(7), 1}, gate});
  for (const ValueId result : ties.node().outputs)
    if (result) hidden.members.push_back({{result, ties.rank(result) - 1}});
  ties.tie(std::move(hidden));
}

void patchRecurrent(NodePatch& patch) {
  const ValueId r = patch.node().inputs[2];
  if (patch.changes(r, 2)) patch.graph().setAttribute(patch.id(), "hidden_size", patch.kept(r, 2));
}

}  // namespace

std::vector<PruneRule> recurrentPruneRules() {
  std::vector<PruneRule> rules;
  for (const std::string_view op : {"LSTM", "GRU", "RNN"})
    rules.push_back({op, "", tieRecurrent, patchRecurrent, Zeros::passed});
  return rules;
}

}  // namespace compress
