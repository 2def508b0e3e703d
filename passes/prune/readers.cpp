#include "passes/prune/readers.h"

#include <algorithm>
#include <array>
#include <set>

#include "lib/eval/run_over.h"
#include "passes/input_rows.h"

namespace compress {
namespace {

double weightShare(const Graph& graph, const PruneClass& one) {
  double gone = 0, all = 0;
  for (const auto& [axis, slices] : one.slices) {
    const Tensor* weight = graph.constant(axis.value);
    if (weight == nullptr || weight->dtype() != DType::f32 || weight->shape().rank() < 2) continue;
    forSlices(*weight, axis.axis, slices, [&](int64_t, float w) { gone += static_cast<double>(w) * w; });
    for (const float w : weight->as<float>()) all += static_cast<double>(w) * w;
  }
  return all > 0 ? gone / all : 0;
}

}  // namespace

Eigen::MatrixXd ReadingLayer::weights(const Graph& graph) const {
  const auto values = graph.constant(layer.weight)->as<float>();
  Eigen::MatrixXd w(view.inputs(), view.outputs());
  for (int64_t i = 0; i < view.inputs(); ++i)
    for (int64_t o = 0; o < view.outputs(); ++o) w(i, o) = static_cast<double>(values[view.index(0, i, o)]);
  return w;
}

std::vector<Eigen::Index> ReadingLayer::rowsOf(const std::vector<int64_t>& slices) const {
  std::vector<Eigen::Index> rows;
  for (const int64_t slice : slices)
    for (int64_t k = 0; k < view.window(); ++k) rows.push_back(slice * view.window() + k);
  return rows;
}

std::vector<ReadingLayer> findReadingLayers(const ScoreContext& context) {
  std::set<Axis> touched;
  for (const Family& family : context.prunable.families)
    for (const auto& [axis, slices] : family.classes.front().slices) touched.insert(axis);
  const Graph& graph = context.model.graph;
  std::vector<ReadingLayer> found;
  for (const NodeId id : graph.order()) {
    const auto layer = findFitLayer(graph, id);
    if (!layer || layer->groups != 1) continue;
    const Shape& weight = graph.constant(layer->weight)->shape();
    const WeightView view(graph.node(id), weight, 1);
    const auto output = context.known.shape(layer->output);
    if (output && touched.contains({layer->weight, view.inputAxis()})) found.push_back({*layer, view, weight, *output});
  }
  return found;
}

void forRows(const ScoreContext& context, std::span<const ReadingLayer> layers,
             const std::function<int64_t(const ReadingLayer&)>& wanted,
             const std::function<void(size_t, const RowBlock&)>& visit) {
  if (layers.empty()) return;
  Model observed = context.model;
  std::vector<ValueId> inputs;
  for (const ReadingLayer& one : layers)
    if (std::ranges::find(inputs, one.layer.input) == inputs.end()) inputs.push_back(one.layer.input);
  observed.graph.setOutputs(inputs);
  observed.graph.eraseDead();
  const Dataset& samples = *context.pass.calibration;
  runOver(std::array<const Model*, 1>{&observed}, context.pass.backend, samples, context.pass.threads,
          [&](int64_t, const Sample&, std::span<const std::vector<Tensor>> outputs) {
            for (size_t i = 0; i < layers.size(); ++i) {
              const ReadingLayer& one = layers[i];
              const auto at = std::ranges::find(inputs, one.layer.input) - inputs.begin();
              const Tensor& input = outputs[0][static_cast<size_t>(at)];
              const InputRows rows(context.model.graph.node(one.layer.node), one.weight, input.shape(), one.output);
              std::vector<float> block;
              const std::vector<int64_t> places = rows.spread(wanted(one) / samples.size() + 1);
              for (const int64_t place : places) rows.append(input.as<float>(), place, 0, block);
              visit(i, RowBlock(block.data(), static_cast<Eigen::Index>(places.size()), one.view.inputs()));
            }
          });
}

void priceTheUnread(const ScoreContext& context, Scores& scores) {
  for (size_t f = 0; f < scores.size(); ++f) {
    const Family& family = context.prunable.families[f];
    if (std::ranges::any_of(scores[f], [](double score) { return score > 0; })) continue;
    for (size_t c = 0; c < family.classes.size(); ++c)
      scores[f][c] = weightShare(context.model.graph, family.classes[c]);
  }
}

}  // namespace compress
