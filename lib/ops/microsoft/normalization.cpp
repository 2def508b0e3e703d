// Normalisations of sums: SkipLayerNormalization, SkipSimplifiedLayerNormalization, EmbedLayerNormalization, and
// SimplifiedLayerNormalization, which other tools put into the default domain.
#include "lib/ops/lowering.h"
#include "lib/ops/microsoft/families.h"
#include "lib/ops/rules.h"

namespace compress {
namespace {

Attributes normalization(const Lowering& node, int64_t axis) {
  return attributesOf({{"axis", axis}, {"epsilon", node.attributes().real("epsilon", 1e-12F)}});
}

/// 1 / (mean of x^2 + epsilon)^(1/2) over the axes from `axis` on.
ValueId inverseDeviation(Lowering& node, ValueId x, const std::vector<int64_t>& axes, DType dtype) {
  const double epsilon = static_cast<double>(node.attributes().real("epsilon", 1e-12F));
  const ValueId mean = node.emit("ReduceMean", {node.emit("Mul", {x, x}), node.integers(axes)});
  return node.emit("Reciprocal", {node.emit("Sqrt", {node.emit("Add", {mean, node.scalar(epsilon, dtype)})})});
}

/// input + skip (+ bias).
ValueId skipSum(Lowering& node, size_t biasInput) {
  const ValueId sum = node.emit("Add", {node.input(0), node.input(1)});
  return node.has(biasInput) ? node.emit("Add", {sum, node.input(biasInput)}) : sum;
}

bool lowerSkipLayerNormalization(Lowering& node) {
  const ValueId sum = skipSum(node, 4);
  const auto results = node.emitMany("LayerNormalization", {sum, node.input(2), node.input(3)},
                                     node.wants(2)   ? 3
                                     : node.wants(1) ? 2
                                                     : 1,
                                     normalization(node, -1));
  for (size_t i = 0; i < results.size(); ++i) node.give(i, results[i]);
  node.give(3, sum);
  return true;
}

bool lowerSkipSimplified(Lowering& node) {
  const DType dtype = node.type(0).dtype;
  if (node.wants(2) && dtype == DType::undefined) return false;
  if (node.wants(1)) throw Error(ErrorKind::unsupported, "the mean of a normalisation that takes none");
  const ValueId sum = skipSum(node, 3);
  const ValueId y = node.emit("RMSNormalization", {sum, node.input(2)}, normalization(node, -1));
  if (node.wants(2)) node.give(2, inverseDeviation(node, sum, {-1}, dtype));
  node.give(0, y);
  node.give(3, sum);
  return true;
}

bool lowerSimplified(Lowering& node) {
  if (node.wants(1) && (!node.knowsRank(0) || node.type(0).dtype == DType::undefined)) return false;
  const int64_t axis = node.attributes().integer("axis", -1);
  Attributes attributes = attributesOf({{"axis", axis}, {"epsilon", node.attributes().real("epsilon", 1e-5F)}});
  const ValueId y = node.emit("RMSNormalization", {node.input(0), node.input(1)}, std::move(attributes));
  if (node.wants(1)) {
    std::vector<int64_t> axes;
    for (size_t i = normalizedAxis(axis, node.type(0).rank()); i < node.type(0).rank(); ++i)
      axes.push_back(static_cast<int64_t>(i));
    node.give(1, inverseDeviation(node, node.input(0), axes, node.type(0).dtype));
  }
  node.give(0, y);
  return true;
}

/// word + position + segment embeddings, normalised; the mask's sum per sample, zeros without one.
bool lowerEmbedLayerNormalization(Lowering& node) {
  enum Input : size_t { kIds, kSegments, kWords, kPositions, kSegmentTable, kGamma, kBeta, kMask, kPositionIds };
  const auto shapePart = [&](int64_t start, int64_t end) {
    return node.emit("Shape", {node.input(kIds)}, attributesOf({{"start", start}, {"end", end}}));
  };
  const ValueId word = node.emit("Gather", {node.input(kWords), node.input(kIds)});
  const ValueId position =
      node.has(kPositionIds)
          ? node.emit("Gather", {node.input(kPositions), node.input(kPositionIds)})
          : node.emit("Slice", {node.input(kPositions), node.integers({0}), shapePart(1, 2), node.integers({0})});
  ValueId sum = node.emit("Add", {word, position});
  if (node.has(kSegments))
    sum = node.emit("Add", {sum, node.emit("Gather", {node.input(kSegmentTable), node.input(kSegments)})});
  const ValueId y =
      node.emit("LayerNormalization", {sum, node.input(kGamma), node.input(kBeta)}, normalization(node, -1));
  if (node.wants(1)) {
    const Tensor zero = Tensor::of<int32_t>(Shape{1}, std::array{0});
    node.give(1, node.has(kMask) ? node.emit("ReduceSum", {node.input(kMask), node.integers({1})},
                                             attributesOf({{"keepdims", int64_t{0}}}))
                                 : node.emit("ConstantOfShape", {shapePart(0, 1)}, attributesOf({{"value", zero}})));
  }
  node.give(0, y);
  node.give(2, sum);
  return true;
}

}  // namespace

std::vector<OpSpec> microsoftNormalizationOps() {
  return {
      lowered("SkipLayerNormalization", kMicrosoft, lowerSkipLayerNormalization, "LayerNormalization(x + skip + bias)"),
      lowered("SkipSimplifiedLayerNormalization", kMicrosoft, lowerSkipSimplified, "RMSNormalization(x + skip + bias)"),
      lowered("EmbedLayerNormalization", kMicrosoft, lowerEmbedLayerNormalization,
              "LayerNormalization(word + position + segment embeddings)"),
      lowered("SimplifiedLayerNormalization", "", lowerSimplified, "the older name of RMSNormalization"),
  };
}

}  // namespace compress
