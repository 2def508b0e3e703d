// activation: how much a channel carries to the layers that read it, |x_c| |W_c| with norms over samples and weights
// (Sun et al. 2023, for channels), as a share of what all of the layer's inputs carry.
#include <cmath>

#include "passes/prune/readers.h"

namespace compress {
namespace {

constexpr int64_t kRows = 4096;

Scores score(const ScoreContext& context) {
  Scores scores;
  for (const Family& family : context.prunable.families) scores.emplace_back(family.classes.size(), 0.0);
  const std::vector<ReadingLayer> layers = findReadingLayers(context);
  std::vector<Eigen::VectorXd> squares;
  for (const ReadingLayer& layer : layers) squares.push_back(Eigen::VectorXd::Zero(layer.view.inputs()));
  forRows(
      context, layers, [](const ReadingLayer&) { return kRows; },
      [&](size_t i, const RowBlock& rows) { squares[i] += rows.cast<double>().colwise().squaredNorm().transpose(); });
  for (size_t i = 0; i < layers.size(); ++i) {
    const Eigen::VectorXd carried =
        squares[i].cwiseProduct(layers[i].weights(context.model.graph).rowwise().squaredNorm());
    const double all = std::max(carried.sum(), 1e-30);
    for (size_t f = 0; f < scores.size(); ++f) {
      const Family& family = context.prunable.families[f];
      if (!family.classes.front().slices.contains(layers[i].axis())) continue;
      for (size_t c = 0; c < family.classes.size(); ++c)
        scores[f][c] += carried(layers[i].rowsOf(family.classes[c].slices.at(layers[i].axis()))).sum() / all;
    }
  }
  priceTheUnread(context, scores);
  return scores;
}

}  // namespace

Criterion activationCriterion() {
  return {.name = "activation",
          .summary = "how much a channel carries to the layers that read it, over samples",
          .needsData = true,
          .isGlobal = true,
          .score = score};
}

}  // namespace compress
