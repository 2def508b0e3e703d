// obs: how much of what the next layers answer is lost when a channel goes and the others make up for it as well as
// they can. For a layer with weights W and second moments H of its (centred) input, removing the inputs S costs tr(W_S
// [H^-1]_SS^-1 W_S^T) (Hassibi and Stork 1993, for channels), here as a share of tr(W H W^T). Sums over all layers that
// read the channel: comparable over the whole network.
#define EIGEN_DONT_PARALLELIZE  // threads are busy with samples
#include <Eigen/Dense>
#include <algorithm>
#include <array>
#include <map>
#include <set>

#include "lib/eval/run_over.h"
#include "passes/input_rows.h"
#include "passes/prune/layers.h"
#include "passes/prune/score.h"

namespace compress {
namespace {

constexpr int64_t kLeastRows = 4096;
constexpr int64_t kRowsPerUnknown = 6;
constexpr double kDamping = 1e-2;
constexpr int64_t kMomentBytes = 256LL << 20;  ///< of all layers that are measured in one pass over the samples

using Matrix = Eigen::MatrixXd;
using Rows = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

/// One layer that reads channels which may go.
struct Reader {
  FitLayer layer;
  WeightView view;
  Shape weight, input, output;
  Matrix moments;        // of the rows, centred once all are in
  Eigen::VectorXd sums;  // of the rows
  int64_t count = 0;

  int64_t bytes() const { return view.inputs() * view.inputs() * static_cast<int64_t>(sizeof(double)); }
};

class Obs {
 public:
  explicit Obs(const ScoreContext& context) : context_(context) {}

  Scores run() {
    for (const Family& family : context_.prunable.families) scores_.emplace_back(family.classes.size(), 0.0);
    std::vector<Reader> batch;
    int64_t bytes = 0;
    for (const FitLayer& layer : layers()) {
      Reader reader = open(layer);
      if (!batch.empty() && bytes + reader.bytes() > kMomentBytes) {
        measure(batch);
        batch.clear();
        bytes = 0;
      }
      bytes += reader.bytes();
      batch.push_back(std::move(reader));
    }
    measure(batch);
    priceTheUnread();
    return std::move(scores_);
  }

 private:
  /// Layers without groups whose input axis some class touches.
  std::vector<FitLayer> layers() const {
    std::set<Axis> touched;
    for (const Family& family : context_.prunable.families)
      for (const auto& [axis, slices] : family.classes.front().slices) touched.insert(axis);
    std::vector<FitLayer> found;
    for (const NodeId id : context_.model.graph.order()) {
      const auto layer = findFitLayer(context_.model.graph, id);
      if (!layer || layer->groups != 1) continue;
      const WeightView view(context_.model.graph.node(id), context_.model.graph.constant(layer->weight)->shape(), 1);
      if (touched.contains({layer->weight, view.inputAxis()})) found.push_back(*layer);
    }
    return found;
  }

  Reader open(const FitLayer& layer) const {
    const Graph& graph = context_.model.graph;
    const Shape& weight = graph.constant(layer.weight)->shape();
    Reader reader{
        layer, WeightView(graph.node(layer.node), weight, 1), weight, {}, *context_.known.shape(layer.output), {}, {},
        0};
    reader.moments = Matrix::Zero(reader.view.inputs(), reader.view.inputs());
    reader.sums = Eigen::VectorXd::Zero(reader.view.inputs());
    return reader;
  }

  void measure(std::vector<Reader>& readers) {
    if (readers.empty()) return;
    Model observed = context_.model;
    std::vector<ValueId> inputs;
    for (const Reader& reader : readers)
      if (std::ranges::find(inputs, reader.layer.input) == inputs.end()) inputs.push_back(reader.layer.input);
    observed.graph.setOutputs(inputs);
    observed.graph.eraseDead();
    const Dataset& samples = *context_.pass.calibration;
    runOver(std::array<const Model*, 1>{&observed}, context_.pass.backend, samples, context_.pass.threads,
            [&](int64_t, const Sample&, std::span<const std::vector<Tensor>> outputs) {
              for (Reader& reader : readers) {
                const auto at = std::ranges::find(inputs, reader.layer.input) - inputs.begin();
                add(reader, outputs[0][static_cast<size_t>(at)], samples.size());
              }
            });
    for (Reader& reader : readers) price(reader);
  }

  void add(Reader& reader, const Tensor& input, int64_t samples) const {
    const InputRows rows(context_.model.graph.node(reader.layer.node), reader.weight, input.shape(), reader.output);
    const int64_t wanted = std::max(kLeastRows, kRowsPerUnknown * reader.view.inputs()) / samples + 1;
    std::vector<float> block;
    const std::vector<int64_t> places = rows.spread(wanted);
    for (const int64_t place : places) rows.append(input.as<float>(), place, 0, block);
    const Eigen::Map<const Rows> x(block.data(), static_cast<Eigen::Index>(places.size()), reader.view.inputs());
    reader.moments += (x.transpose() * x).cast<double>();
    reader.sums += x.cast<double>().colwise().sum().transpose();
    reader.count += static_cast<int64_t>(places.size());
  }

  /// Adds what each class costs this reader.
  void price(const Reader& reader) {
    const auto count = static_cast<double>(std::max<int64_t>(reader.count, 1));
    Matrix h = reader.moments / count - reader.sums * reader.sums.transpose() / (count * count);
    const Matrix w = weights(reader);
    const double energy = std::max((w.transpose() * h * w).trace(), 1e-30);
    h.diagonal().array() += kDamping * std::max(h.diagonal().mean(), 1e-12);
    const Matrix inverse = h.ldlt().solve(Matrix::Identity(h.rows(), h.cols()));
    const Axis axis{reader.layer.weight, reader.view.inputAxis()};
    for (size_t f = 0; f < scores_.size(); ++f) {
      const Family& family = context_.prunable.families[f];
      if (!family.classes.front().slices.contains(axis)) continue;
      for (size_t c = 0; c < family.classes.size(); ++c)
        scores_[f][c] += lost(inverse, w, rowsOf(family.classes[c].slices.at(axis), reader.view.window())) / energy;
    }
  }

  /// inputs x outputs.
  Matrix weights(const Reader& reader) const {
    const auto values = context_.model.graph.constant(reader.layer.weight)->as<float>();
    Matrix w(reader.view.inputs(), reader.view.outputs());
    for (int64_t i = 0; i < reader.view.inputs(); ++i)
      for (int64_t o = 0; o < reader.view.outputs(); ++o)
        w(i, o) = static_cast<double>(values[reader.view.index(0, i, o)]);
    return w;
  }

  static std::vector<Eigen::Index> rowsOf(const std::vector<int64_t>& slices, int64_t window) {
    std::vector<Eigen::Index> rows;
    for (const int64_t slice : slices)
      for (int64_t k = 0; k < window; ++k) rows.push_back(slice * window + k);
    return rows;
  }

  static double lost(const Matrix& inverse, const Matrix& w, const std::vector<Eigen::Index>& rows) {
    const Matrix block = inverse(rows, rows);
    const Matrix part = w(rows, Eigen::all);
    return (part.transpose() * block.ldlt().solve(part)).trace();
  }

  /// A class that no measured layer reads costs the share of the weights that go with it.
  void priceTheUnread() {
    for (size_t f = 0; f < scores_.size(); ++f) {
      const Family& family = context_.prunable.families[f];
      if (std::ranges::any_of(scores_[f], [](double score) { return score > 0; })) continue;
      for (size_t c = 0; c < family.classes.size(); ++c) scores_[f][c] = weightShare(family.classes[c]);
    }
  }

  double weightShare(const PruneClass& one) const {
    double gone = 0, all = 0;
    for (const auto& [axis, slices] : one.slices) {
      const Tensor* weight = context_.model.graph.constant(axis.value);
      if (weight == nullptr || weight->dtype() != DType::f32 || weight->shape().rank() < 2) continue;
      forSlices(*weight, axis.axis, slices, [&](int64_t, float w) { gone += static_cast<double>(w) * w; });
      for (const float w : weight->as<float>()) all += static_cast<double>(w) * w;
    }
    return all > 0 ? gone / all : 0;
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
