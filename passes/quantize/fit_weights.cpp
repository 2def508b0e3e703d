// Weights and biases layer by layer: float and quantized activations walk through the network side by side; at each
// weighted node the mean difference of the results goes into the bias (full, empirical bias correction), so that later
// layers see what is left.
#include <algorithm>

#include "lib/base/text.h"
#include "passes/input_rows.h"
#include "passes/quantize/energy.h"
#include "passes/quantize/refine.h"
#include "passes/quantize/round_weights.h"

namespace compress {
namespace {

constexpr size_t kSamples = 40;
constexpr int64_t kSampleBytes = 32LL << 20;

/// Which axis of a weighted node's result counts channels: 1 for a Conv, the last for a product.
ChannelView channelsOf(const Node& node, const Tensor& result) {
  return {result.shape(), node.op == "Conv" ? 1 : static_cast<int64_t>(result.shape().rank()) - 1};
}

class Fitter {
 public:
  Fitter(const RefineContext& context, const std::vector<Encoding>& groups, bool perChannel)
      : context_(context),
        groups_(groups),
        perChannel_(perChannel),
        units_(cutIntoUnits(context.model, context.inferred, context.plan, true)),
        samples_(keptSamples(context, units_, kSamples, kSampleBytes)),
        real_(units_, samples_.size()),
        noisy_(units_, samples_.size()) {}

  WeightFit run() {
    const auto inputs = context_.model.graph.runtimeInputs();
    for (size_t i = 0; i < inputs.size(); ++i) {
      std::vector<Tensor> tensors;
      for (const Sample& sample : samples_) tensors.push_back(sample.inputs[i]);
      real_.put(inputs[i], tensors);
      noisy_.put(inputs[i], std::move(tensors));
    }
    for (size_t i = 0; i < units_.size(); ++i) {
      context_.pass.progress(text("fitting layer ", i + 1, "/", units_.size()));
      visit(units_[i]);
    }
    return std::move(fit_);
  }

 private:
  std::vector<Tensor> realInputs(const Unit& unit, size_t sample) const {
    std::vector<Tensor> inputs;
    for (const ValueId input : unit.inputs) inputs.push_back(real_.at(input, sample));
    return inputs;
  }

  std::vector<Tensor> noisyInputs(const Unit& unit, size_t sample) const {
    std::vector<Tensor> inputs;
    for (size_t i = 0; i < unit.inputs.size(); ++i) {
      const Tensor& tensor = noisy_.at(unit.inputs[i], sample);
      inputs.push_back(unit.seesQuantized[i] ? fakeQuantized(tensor, encodingOf(unit.inputs[i])) : tensor);
    }
    return inputs;
  }

  const Encoding& encodingOf(ValueId value) const {
    return groups_[context_.plan.tensors[*context_.plan.findTensor(value)].group];
  }

  void visit(Unit& unit) {
    std::vector<Tensor> real(samples_.size()), noisy(samples_.size());
    UnitRunner floatRunner(unit, context_.pass.backend, context_.pass.threads);
    floatRunner.forEach(samples_.size(), [&](size_t sample, const UnitRunner::Run& run) {
      real[sample] = run(realInputs(unit, sample));
    });
    if (!unit.weighted) {
      floatRunner.forEach(samples_.size(), [&](size_t sample, const UnitRunner::Run& run) {
        noisy[sample] = run(noisyInputs(unit, sample));
      });
    } else {
      fitWeighted(unit, real, noisy);
    }
    note(unit, real, noisy);
    real_.put(unit.output, std::move(real));
    noisy_.put(unit.output, std::move(noisy));
    real_.doneWith(unit);
    noisy_.doneWith(unit);
  }

  void fitWeighted(Unit& unit, const std::vector<Tensor>& real, std::vector<Tensor>& noisy) {
    const Node& node = context_.model.graph.node(unit.weighted);
    const Tensor& weight = *context_.model.graph.constant(node.inputs[1]);
    const int64_t axis = weightAxis(node);
    const float inputScale = encodingOf(node.inputs[0]).scales[0];
    std::vector<float> bias;
    if (const Tensor* own = node.op == "MatMul" ? nullptr : context_.model.graph.constant(node.input(2)))
      bias = toFloats(*own);
    QuantizedWeight fitted = quantizeWeight(
        weight, axis, perChannel_ ? mseScales(weight, axis) : minmaxScales(weight, axis, false), bias, inputScale);
    const QuantizedWeight nearest = fitted;
    runWith(unit, fitted, noisy);
    correctBias(node, fitted, real, noisy, inputScale);
    if (InputRows::canRead(node, weight) && weightsDominate(unit, real, noisy)) {
      fitted = nearest;
      roundByMoments(fitted, weight, axis, momentsOf(unit, node, weight, real));
      runWith(unit, fitted, noisy);
      correctBias(node, fitted, real, noisy, inputScale);
    }
    fit_.weights.emplace(unit.weighted, std::move(fitted));
  }

  void runWith(Unit& unit, const QuantizedWeight& weight, std::vector<Tensor>& noisy) {
    setWeight(unit, dequantized(weight), {});
    UnitRunner runner(unit, context_.pass.backend, context_.pass.threads);
    runner.forEach(samples_.size(),
                   [&](size_t sample, const UnitRunner::Run& run) { noisy[sample] = run(noisyInputs(unit, sample)); });
  }

  /// Is the error of the layer's result mostly its own weights', not its input's?
  bool weightsDominate(Unit& unit, const std::vector<Tensor>& real, const std::vector<Tensor>& noisy) {
    constexpr size_t kProbes = 4;
    constexpr double kMostly = 1.5;
    const size_t probes = std::min(kProbes, samples_.size());
    std::vector<Tensor> floatWeight(probes);
    setWeight(unit, *context_.model.graph.constant(context_.model.graph.node(unit.weighted).inputs[1]), {});
    UnitRunner runner(unit, context_.pass.backend, context_.pass.threads);
    runner.forEach(probes, [&](size_t sample, const UnitRunner::Run& run) {
      floatWeight[sample] = run(noisyInputs(unit, sample));
    });
    Energy all, inputAlone;
    for (size_t sample = 0; sample < probes; ++sample) {
      addEnergy(all, real[sample], noisy[sample]);
      addEnergy(inputAlone, real[sample], floatWeight[sample]);
    }
    return all.error > kMostly * inputAlone.error;
  }

  Moments momentsOf(const Unit& unit, const Node& node, const Tensor& weight, const std::vector<Tensor>& real) const {
    std::vector<Tensor> inputs;
    for (size_t sample = 0; sample < samples_.size(); ++sample) inputs.push_back(noisyInputs(unit, sample)[0]);
    const int64_t size =
        weight.elementCount() / std::max<int64_t>(ChannelView(weight.shape(), weightAxis(node)).channels, 1);
    const int64_t rows = 4 * size + 512;
    return inputMoments(node, weight, inputs, real, rows / static_cast<int64_t>(samples_.size()) + 1);
  }

  void correctBias(const Node& node, QuantizedWeight& fitted, const std::vector<Tensor>& real,
                   std::vector<Tensor>& noisy, float inputScale) const {
    if (node.op == "MatMul") return;  // it has no bias
    std::vector<double> mean;
    double count = 0;
    for (size_t sample = 0; sample < real.size(); ++sample) {
      const ChannelView view = channelsOf(node, real[sample]);
      const std::vector<double> sums = channelDifference(view, real[sample], noisy[sample]);
      mean.resize(sums.size());
      for (size_t c = 0; c < sums.size(); ++c) mean[c] += sums[c];
      count += static_cast<double>(view.perChannel());
    }
    for (double& value : mean) value /= count;
    if (fitted.bias.empty()) fitted.bias.assign(mean.size(), 0.0F);
    for (size_t c = 0; c < mean.size(); ++c) fitted.bias[c] += static_cast<float>(mean[c]);
    for (size_t sample = 0; sample < noisy.size(); ++sample)
      noisy[sample] = plusPerChannel(channelsOf(node, noisy[sample]), noisy[sample], mean);
    fitted = refitted(std::move(fitted), inputScale);
  }

  /// The overflow guard of the bias again, with the corrected bias.
  QuantizedWeight refitted(QuantizedWeight fitted, float inputScale) const {
    const Tensor real = dequantized(fitted);
    return quantizeWeight(real, fitted.encoding.axis.value_or(0), fitted.encoding.scales, fitted.bias, inputScale);
  }

  void note(const Unit& unit, const std::vector<Tensor>& real, const std::vector<Tensor>& noisy) {
    const auto tensor = context_.plan.findTensor(unit.output);
    if ((!tensor && !context_.model.graph.isOutput(unit.output)) || real.front().dtype() != DType::f32) return;
    Energy energy;
    for (size_t sample = 0; sample < real.size(); ++sample)
      addEnergy(energy, real[sample], tensor ? fakeQuantized(noisy[sample], encodingOf(unit.output)) : noisy[sample]);
    fit_.sqnrDb[unit.output] = energy.db();
  }

  const RefineContext& context_;
  const std::vector<Encoding>& groups_;
  bool perChannel_;
  std::vector<Unit> units_;
  std::vector<Sample> samples_;
  SampleStore real_, noisy_;
  WeightFit fit_;
};

}  // namespace

WeightFit fitWeights(const RefineContext& context, const std::vector<Encoding>& groups, bool perChannel) {
  return Fitter(context, groups, perChannel).run();
}

}  // namespace compress
