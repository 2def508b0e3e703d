// obs: how much of what the next layers answer is lost when a channel goes and the others make up for it as well as
// they can. For a layer with weights W and second moments H of its (centred) input, removing the inputs S costs tr(W_S
// [H^-1]_SS^-1 W_S^T) (Hassibi and Stork 1993, for channels), here as a share of tr(W H W^T). Sums over all layers that
// read the channel: comparable over the whole network.
#include <algorithm>

#include "passes/prune/readers.h"

namespace compress {
namespace {

constexpr int64_t kLeastRows = 4096;
constexpr int64_t kRowsPerUnknown = 6;
constexpr double kDamping = 1e-2;
constexpr int64_t kMomentBytes = 256LL << 20;  ///< of all layers that are measured in one pass over the samples

using Matrix = Eigen::MatrixXd;

/// Sums over rows.
struct Moments {
  Matrix products;
  Eigen::VectorXd sums;
  int64_t count = 0;

  explicit Moments(int64_t size) : products(Matrix::Zero(size, size)), sums(Eigen::VectorXd::Zero(size)) {}
  void add(const RowBlock& rows) {
    products += (rows.transpose() * rows).cast<double>();
    sums += rows.cast<double>().colwise().sum().transpose();
    count += rows.rows();
  }
  Matrix centred() const {
    const auto n = static_cast<double>(std::max<int64_t>(count, 1));
    return products / n - sums * sums.transpose() / (n * n);
  }
};

class Obs {
 public:
  explicit Obs(const ScoreContext& context) : context_(context) {}

  Scores run() {
    for (const Family& family : context_.prunable.families) scores_.emplace_back(family.classes.size(), 0.0);
    const std::vector<ReadingLayer> layers = findReadingLayers(context_);
    for (size_t first = 0; first < layers.size();) {
      size_t last = first;
      for (int64_t bytes = 0; last < layers.size() && (last == first || bytes < kMomentBytes); ++last)
        bytes += layers[last].view.inputs() * layers[last].view.inputs() * static_cast<int64_t>(sizeof(double));
      measure(std::span(layers).subspan(first, last - first));
      first = last;
    }
    priceTheUnread(context_, scores_);
    return std::move(scores_);
  }

 private:
  void measure(std::span<const ReadingLayer> layers) {
    std::vector<Moments> moments;
    for (const ReadingLayer& layer : layers) moments.emplace_back(layer.view.inputs());
    forRows(
        context_, layers,
        [](const ReadingLayer& layer) { return std::max(kLeastRows, kRowsPerUnknown * layer.view.inputs()); },
        [&](size_t i, const RowBlock& rows) { moments[i].add(rows); });
    for (size_t i = 0; i < layers.size(); ++i) price(layers[i], moments[i].centred());
  }

  /// Adds what each class costs this layer.
  void price(const ReadingLayer& layer, Matrix h) {
    const Matrix w = layer.weights(context_.model.graph);
    const double energy = std::max((w.transpose() * h * w).trace(), 1e-30);
    h.diagonal().array() += kDamping * std::max(h.diagonal().mean(), 1e-12);
    const Matrix inverse = h.ldlt().solve(Matrix::Identity(h.rows(), h.cols()));
    for (size_t f = 0; f < scores_.size(); ++f) {
      const Family& family = context_.prunable.families[f];
      if (!family.classes.front().slices.contains(layer.axis())) continue;
      for (size_t c = 0; c < family.classes.size(); ++c)
        scores_[f][c] += lost(inverse, w, layer.rowsOf(family.classes[c].slices.at(layer.axis()))) / energy;
    }
  }

  static double lost(const Matrix& inverse, const Matrix& w, const std::vector<Eigen::Index>& rows) {
    const Matrix block = inverse(rows, rows);
    const Matrix part = w(rows, Eigen::all);
    return (part.transpose() * block.ldlt().solve(part)).trace();
  }

  const ScoreContext& context_;
  Scores scores_;
};

}  // namespace

Criterion obsCriterion() {
  return {.name = "obs",
          .summary = "what the next layers lose when the other channels make up for this one as well as they can",
          .needsData = true,
          .isGlobal = true,
          .score = [](const ScoreContext& context) { return Obs(context).run(); }};
}

}  // namespace compress
