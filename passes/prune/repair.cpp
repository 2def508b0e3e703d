#include "passes/prune/repair.h"

#include <algorithm>
#include <array>
#include <optional>
#include <set>

#include "lib/base/text.h"
#include "lib/eval/run_over.h"
#include "passes/input_rows.h"
#include "passes/prune/fit.h"
#include "passes/select.h"

namespace compress {
namespace {

using Matrix = NormalEquations::Matrix;

class Repairer {
 public:
  Repairer(const Model& whole, Model& cut, const Slices& removed, PassContext& context)
      : whole_(whole), cut_(cut), removed_(removed), context_(context) {}

  int64_t run() {
    std::set<ValueId> changed;
    int64_t fitted = 0;
    for (const NodeId id : cut_.graph.order()) {
      const Node& node = cut_.graph.node(id);
      const auto isChanged = [&](ValueId value) { return changed.contains(value) || isCut(value); };
      if (std::ranges::none_of(node.inputs, isChanged) && std::ranges::none_of(node.outputs, isChanged)) continue;
      changed.insert(node.outputs.begin(), node.outputs.end());
      const auto layer = findFitLayer(cut_.graph, id);
      if (!layer || !isChanged(layer->input)) continue;
      context_.progress(text("repairing ", nameOf(cut_.graph, node)));
      fit(*layer);
      ++fitted;
    }
    return fitted;
  }

 private:
  bool isCut(ValueId value) const {
    const auto at = removed_.lower_bound({value, 0});
    return value && at != removed_.end() && at->first.value == value;
  }

  void fit(const FitLayer& layer) {
    const Node node = cut_.graph.node(layer.node);
    const Shape weight = cut_.graph.constant(layer.weight)->shape();
    const WeightView view(node, weight, layer.groups);
    std::vector<NormalEquations> equations(static_cast<size_t>(layer.groups),
                                           NormalEquations(view.inputs(), view.outputs()));
    const int64_t perSample = fitRowsPerSample(view.inputs(), context_.calibration->size());
    const Model wholePrefix = modelUpTo(whole_, layer.output), cutPrefix = modelUpTo(cut_, layer.input);
    runOver(std::array<const Model*, 2>{&wholePrefix, &cutPrefix}, context_.backend, *context_.calibration,
            context_.threads, [&](int64_t, const Sample&, std::span<const std::vector<Tensor>> outputs) {
              collect(layer, node, weight, view, outputs[0][0], outputs[1][0], perSample, equations);
            });
    write(layer, view, equations);
  }

  /// Rows of one sample: what the cut network gives, and what the whole one answered.
  void collect(const FitLayer& layer, const Node& node, const Shape& weight, const WeightView& view,
               const Tensor& wanted, const Tensor& given, int64_t perSample,
               std::vector<NormalEquations>& equations) const {
    const size_t axis = layer.isConv ? 1 : wanted.shape().rank() - 1;
    const std::vector<int64_t> kept = keptSlices(removed_, {layer.output, axis}, wanted.shape()[axis]);
    const InputRows reader(node, weight, given.shape(), wanted.shape());
    const auto answers = wanted.as<float>();
    for (int64_t group = 0; group < layer.groups; ++group) {
      std::vector<float> rows, results;
      const std::vector<int64_t> places = reader.spread(perSample);
      for (const int64_t place : places) {
        reader.append(given.as<float>(), place, group, rows);
        for (int64_t c = 0; c < view.outputs(); ++c)
          results.push_back(answers[reader.resultIndex(place, kept[static_cast<size_t>(group * view.outputs() + c)])]);
      }
      equations[static_cast<size_t>(group)].add(rows, results, static_cast<int64_t>(places.size()));
    }
  }

  void write(const FitLayer& layer, const WeightView& view, const std::vector<NormalEquations>& equations) {
    const Tensor before = *cut_.graph.constant(layer.weight);
    const bool hasBias = layer.isConv || layer.bias;
    std::vector<float> bias(static_cast<size_t>(view.outputs() * layer.groups), 0.0F);
    if (layer.bias) bias = toFloats(*cut_.graph.constant(layer.bias));
    Buffer fitted(DType::f32, before.shape());
    for (int64_t group = 0; group < layer.groups; ++group) {
      Matrix present = Matrix::Zero(view.inputs() + 1, view.outputs());
      for (int64_t i = 0; i < view.inputs(); ++i)
        for (int64_t c = 0; c < view.outputs(); ++c)
          present(i, c) = static_cast<double>(before.as<float>()[view.index(group, i, c)]);
      const Matrix solved = equations[static_cast<size_t>(group)].solve(present, hasBias);
      for (int64_t c = 0; c < view.outputs(); ++c) {
        for (int64_t i = 0; i < view.inputs(); ++i)
          fitted.as<float>()[view.index(group, i, c)] = static_cast<float>(solved(i, c));
        if (hasBias)
          bias[static_cast<size_t>(group * view.outputs() + c)] = static_cast<float>(solved(view.inputs(), c));
      }
    }
    cut_.graph.setConstant(layer.weight, std::move(fitted).freeze());
    if (hasBias) setBias(cut_.graph, layer, bias);
  }

  const Model& whole_;
  Model& cut_;
  const Slices& removed_;
  PassContext& context_;
};

}  // namespace

int64_t repair(const Model& whole, Model& cut, const Slices& removed, PassContext& context) {
  return Repairer(whole, cut, removed, context).run();
}

}  // namespace compress
