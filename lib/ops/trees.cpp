// TreeEnsemble of ai.onnx.ml: sums, means or extremes over the leaves that decision trees lead to.
#include <cmath>
#include <algorithm>

#include "lib/base/parallel.h"
#include "lib/ops/access.h"
#include "lib/ops/families.h"
#include "lib/ops/rules.h"

namespace compress {
namespace {

enum class Test : uint8_t { lessOrEqual, less, greaterOrEqual, greater, equal, notEqual, member };
enum class Aggregate : uint8_t { mean, sum, least, most };

/// The nodes of all trees, and the leaves that they lead to.
struct Trees {
  std::vector<int64_t> roots, features, whenTrue, whenFalse, isTrueLeaf, isFalseLeaf, missingIsTrue, leafTargets;
  std::vector<double> splits, leafWeights;
  std::vector<Test> tests;
  std::vector<std::vector<double>> members;  ///< per node, for Test::member
  int64_t targets;
  Aggregate aggregate;

  explicit Trees(const Node& node);
  /// Adds the leaf that `row` reaches from `root`.
  size_t leafOf(int64_t root, std::span<const double> row) const;

 private:
  bool passes(size_t node, double value) const;
  void readMembers(const Node& node);
  void check(size_t leaves) const;
};

std::vector<double> numbersOf(const Node& node, std::string_view name) {
  const Tensor* tensor = node.attributes.tensor(name);
  return tensor != nullptr ? load<double>(*tensor) : std::vector<double>{};
}

Trees::Trees(const Node& node)
    : roots(node.attributes.integers("tree_roots")),
      features(node.attributes.integers("nodes_featureids")),
      whenTrue(node.attributes.integers("nodes_truenodeids")),
      whenFalse(node.attributes.integers("nodes_falsenodeids")),
      isTrueLeaf(node.attributes.integers("nodes_trueleafs")),
      isFalseLeaf(node.attributes.integers("nodes_falseleafs")),
      missingIsTrue(node.attributes.integers("nodes_missing_value_tracks_true")),
      leafTargets(node.attributes.integers("leaf_targetids")),
      splits(numbersOf(node, "nodes_splits")),
      leafWeights(numbersOf(node, "leaf_weights")),
      targets(node.attributes.integer("n_targets", 1)) {
  for (const double mode : numbersOf(node, "nodes_modes")) {
    if (!(mode >= 0 && mode <= 6)) reject("nodes_modes holds ", mode, ", expected 0 to 6");
    tests.push_back(static_cast<Test>(mode));
  }
  const int64_t function = node.attributes.integer("aggregate_function", 1);
  if (function < 0 || function > 3) reject("aggregate_function is ", function, ", expected 0 to 3");
  aggregate = static_cast<Aggregate>(function);
  if (node.attributes.integer("post_transform", 0) != 0)
    throw Error(ErrorKind::unsupported, "a post_transform is not supported");
  missingIsTrue.resize(features.size(), 0);
  check(leafWeights.size());
  readMembers(node);
}

/// Lists that belong together are as long, and every id leads forward into one of them.
void Trees::check(size_t leaves) const {
  const size_t count = features.size();
  for (const size_t size : {whenTrue.size(), whenFalse.size(), isTrueLeaf.size(), isFalseLeaf.size(), splits.size(),
                            tests.size(), missingIsTrue.size()})
    if (size != count) reject("lists of ", size, " and ", count, " nodes, expected as many");
  if (leafTargets.size() != leaves) reject(leafTargets.size(), " targets for ", leaves, " leaves");
  if (targets < 1 || targets > int64_t{1} << 32) reject("n_targets is ", targets);
  const auto require = [](int64_t id, size_t end) {
    if (id < 0 || id >= static_cast<int64_t>(end)) reject("id ", id, " is outside [0, ", end, ")");
  };
  for (const int64_t target : leafTargets) require(target, static_cast<size_t>(targets));
  for (const int64_t root : roots) require(root, count);
  for (size_t i = 0; i < count; ++i) {
    require(whenTrue[i], isTrueLeaf[i] != 0 ? leaves : count);
    require(whenFalse[i], isFalseLeaf[i] != 0 ? leaves : count);
  }
}

/// Sets in the order of the nodes that test for them, each ended by NaN.
void Trees::readMembers(const Node& node) {
  members.resize(tests.size());
  const auto values = numbersOf(node, "membership_values");
  size_t next = 0;
  for (size_t i = 0; i < tests.size(); ++i) {
    if (tests[i] != Test::member) continue;
    while (next < values.size() && !std::isnan(values[next])) members[i].push_back(values[next++]);
    ++next;
  }
}

bool Trees::passes(size_t node, double value) const {
  if (std::isnan(value) && missingIsTrue[node] != 0) return true;
  const double split = splits[node];
  switch (tests[node]) {
    case Test::lessOrEqual:
      return value <= split;
    case Test::less:
      return value < split;
    case Test::greaterOrEqual:
      return value >= split;
    case Test::greater:
      return value > split;
    case Test::equal:
      return value == split;
    case Test::notEqual:
      return value != split;
    case Test::member:
      return std::ranges::find(members[node], value) != members[node].end();
  }
  return false;
}

size_t Trees::leafOf(int64_t root, std::span<const double> row) const {
  auto at = static_cast<size_t>(root);
  for (size_t visited = 0; visited <= features.size(); ++visited) {
    if (features[at] < 0 || features[at] >= static_cast<int64_t>(row.size()))
      reject("feature ", features[at], " of ", row.size());
    const bool isTrue = passes(at, row[static_cast<size_t>(features[at])]);
    const auto next = static_cast<size_t>(isTrue ? whenTrue[at] : whenFalse[at]);
    if ((isTrue ? isTrueLeaf[at] : isFalseLeaf[at]) != 0) return next;
    at = next;
  }
  reject("a tree leads round in a circle");
}

void inferTreeEnsemble(InferContext& context) {
  requireInputs(context, 1);
  requireRank(context, 0, 2);
  context.outputs.at(0) = Type::tensor(
      dtypeOfInput(context, 0),
      std::vector<Dim>{dimOfInput(context, 0, 0), Dim::of(context.node.attributes.integer("n_targets", 1))});
}

void addLeaf(const Trees& trees, size_t leaf, std::span<double> row, std::vector<bool>& isSet) {
  const auto target = static_cast<size_t>(trees.leafTargets[leaf]);
  const double weight = trees.leafWeights[leaf];
  double& value = row[target];
  if (trees.aggregate == Aggregate::least)
    value = isSet[target] ? std::min(value, weight) : weight;
  else if (trees.aggregate == Aggregate::most)
    value = isSet[target] ? std::max(value, weight) : weight;
  else
    value += trees.aggregate == Aggregate::mean ? weight / static_cast<double>(trees.roots.size()) : weight;
  isSet[target] = true;
}

void treeEnsemble(ReferenceContext& context) {
  const Trees trees(context.node);
  const auto x = load<double>(context.inputs[0]);
  const auto features = static_cast<size_t>(context.inputs[0].shape()[1]), targets = static_cast<size_t>(trees.targets);
  std::vector<double> y(static_cast<size_t>(context.outputs[0].elementCount()));
  parallelFor(context.outputs[0].shape()[0], [&](int64_t sample) {
    const auto n = static_cast<size_t>(sample);
    std::vector<bool> isSet(targets, false);
    for (const int64_t root : trees.roots)
      addLeaf(trees, trees.leafOf(root, std::span(x).subspan(n * features, features)),
              std::span(y).subspan(n * targets, targets), isSet);
  });
  store(std::span<const double>(y), context.outputs[0]);
}

}  // namespace

std::vector<OpSpec> treeOps() {
  return {
      {"TreeEnsemble", "ai.onnx.ml", inferTreeEnsemble, treeEnsemble, {}, "the leaves that decision trees lead to"}};
}

}  // namespace compress
