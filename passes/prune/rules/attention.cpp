// Attention in one node: heads go with the columns that make them and those that they make; where keys and values are
// shared by several heads, all of these go. Skip-and-normalise nodes of com.microsoft.
#include <algorithm>

#include "passes/prune/rules.h"

namespace compress {
namespace {

/// `parts` lie side by side; each has `heads` heads.
Labels headsOfParts(const std::vector<int64_t>& parts, const std::vector<int64_t>& heads, int64_t keyHeads) {
  std::vector<int64_t> labels;
  for (size_t part = 0; part < parts.size(); ++part)
    for (int64_t i = 0; i < parts[part]; ++i)
      labels.push_back(i / (parts[part] / heads[part]) / (heads[part] / keyHeads));
  return Labels::each(std::move(labels));
}

/// Gathers the axes along which an attention counts its heads; `keyHeads` classes of them.
class HeadTie {
 public:
  HeadTie(NodeTies& ties, int64_t keyHeads) : ties_(ties), keyHeads_(keyHeads) {}

  /// [N, T, heads * size]: the last axis; [N, heads, T, size]: axis 1.
  void addRows(ValueId value) {
    if (!value) return;
    const size_t axis = ties_.rank(value) == 3 ? 2 : 1;
    tie_.members.push_back({{value, axis}, Labels::digit(ties_.size(value, axis) / keyHeads_, keyHeads_)});
  }
  /// Axis `axis`, where it is not broadcast.
  void addCount(ValueId value, size_t axis) {
    if (value && ties_.rank(value) > axis && ties_.size(value, axis) > 1)
      tie_.members.push_back({{value, axis}, Labels::digit(ties_.size(value, axis) / keyHeads_, keyHeads_)});
  }
  void add(ValueId value, size_t axis, const Labels& labels) {
    if (value) tie_.members.push_back({{value, axis}, labels});
  }
  void finish() { ties_.tie(std::move(tie_)); }

 private:
  NodeTies& ties_;
  int64_t keyHeads_;
  Tie tie_;
};

int64_t count(const Node& node, std::string_view attribute) {
  return node.attributes.integer(attribute, 0);
}

bool isSplitEvenly(const std::vector<int64_t>& sizes, int64_t heads) {
  return heads > 0 && std::ranges::all_of(sizes, [&](int64_t size) { return size % heads == 0 && size > 0; });
}

/// Inputs x, weights of q, k and v side by side, bias, mask, past, score bias; outputs y, present.
void tieJoint(NodeTies& ties) {
  const ValueId weights = ties.input(1), y = ties.output();
  const int64_t heads = count(ties.node(), "num_heads"), columns = ties.size(weights, 1);
  auto sizes = ties.node().attributes.integers("qkv_hidden_sizes");
  if (sizes.empty()) sizes.assign(3, columns / 3);
  if (!isSplitEvenly(sizes, heads)) return ties.blockAll("its heads are of different size");
  const Labels head = headsOfParts(sizes, {heads, heads, heads}, heads);
  ties.tieSummed({{ties.input(0), 2}, {weights, 0}});
  HeadTie tie(ties, heads);
  tie.add(weights, 1, head);
  tie.add(ties.input(2), 0, head);
  tie.addRows(y);
  tie.addCount(ties.input(4), 2);
  tie.addCount(ties.input(5), 1);
  tie.addCount(ties.output(1), 2);
  tie.finish();
}

void patchJoint(NodePatch& patch) {
  const ValueId weights = patch.node().inputs[1], y = patch.node().outputs[0];
  const int64_t heads = count(patch.node(), "num_heads");
  if (!patch.changes(weights, 1)) return;
  const int64_t left = patch.kept(y, 2) / (patch.shape(y)[2] / heads);
  auto sizes = patch.node().attributes.integers("qkv_hidden_sizes");
  for (int64_t& size : sizes) size = size / heads * left;
  if (!sizes.empty()) patch.graph().setAttribute(patch.id(), "qkv_hidden_sizes", sizes);
  patch.graph().setAttribute(patch.id(), "num_heads", left);
}

/// Inputs q, k, v, bias, mask, score bias, past key, past value; outputs y, present key, present value, scores.
void tieMultiHead(NodeTies& ties) {
  const ValueId q = ties.input(0), k = ties.input(1), v = ties.input(2), bias = ties.input(3), y = ties.output();
  const int64_t heads = count(ties.node(), "num_heads");
  if (!k || !v || ties.rank(q) != 3 || ties.rank(k) == 5) return ties.blockAll("its operands are packed");
  if (!isSplitEvenly({ties.size(q, 2), ties.size(y, 2)}, heads))
    return ties.blockAll("its heads are of different size");
  HeadTie tie(ties, heads);
  for (const ValueId rows : {q, k, v, y}) tie.addRows(rows);
  if (bias) {
    const int64_t hidden = ties.size(q, 2);
    tie.add(bias, 0, headsOfParts({hidden, hidden, ties.size(bias, 0) - 2 * hidden}, {heads, heads, heads}, heads));
  }
  for (const size_t input : {5U, 6U, 7U}) tie.addCount(ties.input(input), 1);
  for (const size_t output : {1U, 2U, 3U}) tie.addCount(ties.output(output), 1);
  tie.finish();
}

/// Writes the counts of heads that are left, by what stays of the first output.
void patchHeads(NodePatch& patch, std::initializer_list<std::string_view> attributes) {
  const ValueId y = patch.node().outputs[0];
  const size_t axis = patch.shape(y).rank() == 3 ? 2 : 1;
  if (!patch.changes(y, axis)) return;
  for (const std::string_view one : attributes)
    if (patch.node().attributes.has(one))
      patch.graph().setAttribute(patch.id(), one,
                                 count(patch.node(), one) * patch.kept(y, axis) / patch.shape(y)[axis]);
}

/// Inputs q, k, v, past key, past value, lengths, total, cosines, sines, positions, score bias; outputs y, present key,
/// present value.
void tieGroupQuery(NodeTies& ties) {
  const ValueId q = ties.input(0), k = ties.input(1), v = ties.input(2);
  const int64_t heads = count(ties.node(), "num_heads"), keyHeads = count(ties.node(), "kv_num_heads");
  if (keyHeads < 1 || heads % keyHeads != 0) return ties.blockAll("its heads do not share keys evenly");
  HeadTie tie(ties, keyHeads);
  if (k) {
    for (const ValueId rows : {q, k, v}) tie.addRows(rows);
  } else {
    const int64_t size = ties.size(q, 2) / (heads + 2 * keyHeads);
    tie.add(q, 2,
            headsOfParts({heads * size, keyHeads * size, keyHeads * size}, {heads, keyHeads, keyHeads}, keyHeads));
  }
  tie.addRows(ties.output());
  for (const size_t input : {3U, 4U, 10U}) tie.addCount(ties.input(input), 1);
  for (const size_t output : {1U, 2U}) tie.addCount(ties.output(output), 1);
  tie.finish();
}

/// Inputs q, k, v, mask, past key, past value; outputs y, present key, present value, scores.
void tieAttention(NodeTies& ties) {
  const ValueId q = ties.input(0), k = ties.input(1), v = ties.input(2), y = ties.output();
  const int64_t keyHeads = ties.rank(k) == 4 ? ties.size(k, 1) : count(ties.node(), "kv_num_heads");
  HeadTie tie(ties, keyHeads);
  for (const ValueId rows : {q, k, v, y}) tie.addRows(rows);
  if (ties.input(3) && ties.rank(ties.input(3)) == 4) tie.addCount(ties.input(3), 1);
  for (const size_t input : {4U, 5U}) tie.addCount(ties.input(input), 1);
  for (const size_t output : {1U, 2U, 3U}) tie.addCount(ties.output(output), 1);
  tie.finish();
  if (ties.rank(v) == 4 && ties.rank(y) == 4 && !ties.input(5) && !ties.output(2)) ties.tieAxes({{v, 3}, {y, 3}});
}

/// Statistics of the sum of input and skip over the last axis.
void tieSkipNorm(NodeTies& ties) {
  const ValueId y = ties.output();
  for (size_t axis = 0; axis < ties.rank(y); ++axis) {
    std::vector<Axis> together = {{y, axis}};
    const auto join = [&](ValueId operand) {
      if (!operand) return;
      const size_t missing = ties.rank(y) - ties.rank(operand);
      if (axis >= missing && ties.size(operand, axis - missing) > 1) together.push_back({operand, axis - missing});
    };
    for (const ValueId operand : ties.node().inputs) join(operand);
    join(ties.output(3));
    ties.tieAxes(together, axis + 1 < ties.rank(y));
  }
}

}  // namespace

std::vector<PruneRule> attentionPruneRules() {
  return {
      {"Attention", "com.microsoft", tieJoint, patchJoint},
      {"MultiHeadAttention", "com.microsoft", tieMultiHead, [](NodePatch& patch) { patchHeads(patch, {"num_heads"}); }},
      {"GroupQueryAttention", "com.microsoft", tieGroupQuery,
       [](NodePatch& patch) {
         patchHeads(patch, {"num_heads", "kv_num_heads"});
       }},
      {"Attention", "", tieAttention,
       [](NodePatch& patch) {
         patchHeads(patch, {"q_num_heads", "kv_num_heads"});
       }},
      {"SkipLayerNormalization", "com.microsoft", tieSkipNorm},
      {"SkipSimplifiedLayerNormalization", "com.microsoft", tieSkipNorm},
  };
}

}  // namespace compress
