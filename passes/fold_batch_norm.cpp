// fold-batch-norm: BatchNormalization in inference is affine per channel; it goes into the weights of the Conv,
// ConvTranspose or Gemm beside it.
//
//   y = gamma * (x - mean) / sqrt(var + epsilon) + beta:  scale = gamma / sqrt(var + epsilon),  shift = beta - scale *
//   mean before: c = Conv(x, w, b); y = BatchNormalization(c, gamma, beta, mean, var)      after: y = Conv(x, w.folded,
//   b.folded)
//
// Needs: constant weights and statistics, no other reader between the two. A BatchNormalization before the weights is
// folded too where that is exact (channel_affine.h). Leaves alone: training mode, statistics per element (spatial = 0),
// 16-bit floats. Source: Jacob et al. 2018, section 3.2; docs/quantization.md Q9.
#include <cmath>

#include "passes/catalog.h"
#include "passes/channel_affine.h"
#include "passes/edit.h"

namespace compress {
namespace {

std::optional<ChannelAffine> readBatchNorm(const Graph& graph, const Node& node, ValueId data,
                                           const ChannelAxis& axis) {
  if (!node.is("BatchNormalization") || node.input(0) != data || !onlyFirstOutputUsed(graph, node)) return std::nullopt;
  if (axis.maxRank < 2 || axis.fromEnd + 2 != axis.maxRank) return std::nullopt;  // the channels must be on axis 1
  if (node.attributes.integer("training_mode", 0) != 0 || node.attributes.integer("spatial", 1) == 0)
    return std::nullopt;
  std::vector<std::vector<double>> numbers;
  for (size_t i = 1; i <= 4; ++i) {
    const Tensor* constant = graph.constant(node.input(i));
    if (constant == nullptr || constant->elementCount() != axis.count || !isFloating(constant->dtype()))
      return std::nullopt;
    numbers.push_back(toDoubles(*constant));
  }
  const auto epsilon = static_cast<double>(node.attributes.real("epsilon", 1e-5F));
  ChannelAffine affine;
  for (size_t c = 0; c < numbers[0].size(); ++c) {
    const double scale = numbers[0][c] / std::sqrt(numbers[3][c] + epsilon);
    affine.scale.push_back(scale);
    affine.shift.push_back(numbers[1][c] - scale * numbers[2][c]);
  }
  return affine;
}

class FoldBatchNorm : public Pass {
 public:
  int64_t run(Model& model, PassContext& context) override {
    return editEachGraph(model.graph, [&](Graph& graph) { return foldIntoWeights(graph, readBatchNorm, context); });
  }
};

}  // namespace

PassSpec foldBatchNormSpec() {
  return {.name = "fold-batch-norm",
          .summary = "fold BatchNormalization into the weights of the Conv, ConvTranspose or Gemm beside it",
          .make = []() -> std::unique_ptr<Pass> { return std::make_unique<FoldBatchNorm>(); }};
}

}  // namespace compress
