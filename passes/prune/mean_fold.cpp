#include "passes/prune/mean_fold.h"

#include <algorithm>
#include <array>

#include "lib/base/text.h"
#include "lib/eval/run_over.h"
#include "passes/input_rows.h"
#include "passes/known_types.h"
#include "passes/prune/concrete.h"
#include "passes/prune/layers.h"
#include "passes/select.h"

namespace compress {
namespace {

constexpr int64_t kRowsPerSample = 64;

using Visit = std::function<void(const Tensor& value)>;

/// A graph input is shown as the samples have it.
void forValue(const Model& model, ValueId value, PassContext& context, const Visit& visit) {
  const std::vector<ValueId> inputs = model.graph.runtimeInputs();
  if (const auto at = std::ranges::find(inputs, value); at != inputs.end()) {
    for (int64_t i = 0; i < context.calibration->size(); ++i)
      visit(context.calibration->read(i).inputs[static_cast<size_t>(at - inputs.begin())]);
    return;
  }
  const Model prefix = modelUpTo(model, value);
  runOver(std::array<const Model*, 1>{&prefix}, context.backend, *context.calibration, context.threads,
          [&](int64_t, const Sample&, std::span<const std::vector<Tensor>> outputs) { visit(outputs[0][0]); });
}

/// Mean of every number that one output of the layer sums over.
std::vector<double> meanRow(const Model& model, const FitLayer& layer, const Shape& weight, const Shape& output,
                            PassContext& context) {
  std::vector<double> sums;
  int64_t count = 0;
  forValue(model, layer.input, context, [&](const Tensor& input) {
    const InputRows rows(model.graph.node(layer.node), weight, input.shape(), output);
    sums.resize(static_cast<size_t>(rows.size()), 0.0);
    for (const int64_t place : rows.spread(kRowsPerSample)) {
      std::vector<float> row;
      rows.append(input.as<float>(), place, 0, row);
      for (size_t i = 0; i < row.size(); ++i) sums[i] += static_cast<double>(row[i]);
      ++count;
    }
  });
  for (double& sum : sums) sum /= static_cast<double>(std::max<int64_t>(count, 1));
  return sums;
}

class MeanFolder {
 public:
  MeanFolder(const Model& whole, Model& cut, const Slices& removed, PassContext& context)
      : whole_(whole),
        cut_(cut),
        removed_(removed),
        context_(context),
        first_(context.calibration->read(0)),
        known_(withFixedInputs(whole, &first_)) {}

  int64_t run() {
    int64_t folded = 0;
    for (const NodeId id : cut_.graph.order()) folded += fold(id) ? 1 : 0;
    return folded;
  }

 private:
  bool fold(NodeId id) {
    const auto layer = findFitLayer(cut_.graph, id);
    if (!layer || layer->groups != 1 || (!layer->isConv && !layer->bias)) return false;
    const Node& node = whole_.graph.node(id);
    const Tensor& weight = *whole_.graph.constant(layer->weight);
    const WeightView view(node, weight.shape(), 1);
    const auto gone = removed_.find({layer->weight, view.inputAxis()});
    if (gone == removed_.end()) return false;
    context_.progress(text("folding means into ", nameOf(cut_.graph, node)));
    const std::vector<double> means = meanRow(whole_, *layer, weight.shape(), *known_.shape(layer->output), context_);
    std::vector<float> added;
    for (const int64_t output : keptSlices(removed_, {layer->weight, 1 - view.inputAxis()}, view.outputs())) {
      double sum = 0;
      for (const int64_t slice : gone->second)
        for (int64_t k = slice * view.window(); k < (slice + 1) * view.window(); ++k)
          sum += means[static_cast<size_t>(k)] * static_cast<double>(weight.as<float>()[view.index(0, k, output)]);
      added.push_back(static_cast<float>(sum));
    }
    if (layer->bias)
      for (size_t i = 0; i < added.size(); ++i) added[i] += cut_.graph.constant(layer->bias)->as<float>()[i];
    setBias(cut_.graph, *layer, added);
    return true;
  }

  const Model& whole_;
  Model& cut_;
  const Slices& removed_;
  PassContext& context_;
  Sample first_;
  KnownTypes known_;  // of one sample
};

/// Mean and variance per channel of what a BatchNormalization reads.
class ChannelMoments {
 public:
  explicit ChannelMoments(size_t channels) : sums_(channels, 0.0), squares_(channels, 0.0) {}

  void add(const Tensor& x) {
    const auto channels = static_cast<int64_t>(sums_.size());
    const int64_t area = x.shape().count(2, x.shape().rank()), samples = x.shape()[0];
    const auto values = x.as<float>();
    for (int64_t n = 0; n < samples; ++n)
      for (int64_t c = 0; c < channels; ++c)
        for (int64_t i = 0; i < area; ++i) {
          const auto value = static_cast<double>(values[static_cast<size_t>((n * channels + c) * area + i)]);
          sums_[static_cast<size_t>(c)] += value;
          squares_[static_cast<size_t>(c)] += value * value;
        }
    count_ += samples * area;
  }
  Tensor mean() const {
    std::vector<float> means;
    for (const double sum : sums_) means.push_back(static_cast<float>(sum / divisor()));
    return Tensor::of<float>(Shape{static_cast<int64_t>(means.size())}, means);
  }
  Tensor variance() const {
    std::vector<float> variances;
    for (size_t c = 0; c < sums_.size(); ++c) {
      const double mean = sums_[c] / divisor();
      variances.push_back(static_cast<float>(std::max(0.0, squares_[c] / divisor() - mean * mean)));
    }
    return Tensor::of<float>(Shape{static_cast<int64_t>(variances.size())}, variances);
  }

 private:
  double divisor() const { return static_cast<double>(std::max<int64_t>(count_, 1)); }
  std::vector<double> sums_, squares_;
  int64_t count_ = 0;
};

}  // namespace

int64_t foldMeans(const Model& whole, Model& cut, const Slices& removed, PassContext& context) {
  return MeanFolder(whole, cut, removed, context).run();
}

int64_t reestimateNorms(Model& model, PassContext& context) {
  int64_t count = 0;
  for (const NodeId id : model.graph.order()) {
    const Node node = model.graph.node(id);
    if (!node.is("BatchNormalization")) continue;
    const Tensor* mean = model.graph.constant(node.inputs[3]);
    if (mean == nullptr || mean->dtype() != DType::f32) continue;
    context.progress(text("taking the statistics of ", nameOf(model.graph, node)));
    ChannelMoments moments(static_cast<size_t>(mean->elementCount()));
    forValue(model, node.inputs[0], context, [&](const Tensor& x) { moments.add(x); });
    const std::string name = model.graph.value(node.inputs[3]).name;
    model.graph.setInput(id, 3, model.graph.addConstant(name, moments.mean()));
    model.graph.setInput(id, 4, model.graph.addConstant(model.graph.value(node.inputs[4]).name, moments.variance()));
    ++count;
  }
  model.graph.eraseDead();
  return count;
}

}  // namespace compress
