// Weights and biases layer by layer: float and quantized activations walk through the network side by side; at each
// weighted node the mean difference of the results goes into the bias (full, empirical bias correction), so that later
// layers see what is left.
#include <algorithm>
#include <set>

#include "lib/base/parallel.h"
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

/// One set of ranges on its way through the network.
struct Walk {
  const std::vector<Encoding>& groups;
  SampleStore noisy;      ///< results as they come out of quantized layers, where a unit reads them so
  SampleStore quantized;  ///< the same behind Q and DQ, where a unit reads them so
  WeightFit fit;
};

class Fitter {
 public:
  Fitter(const RefineContext& context, std::span<const std::vector<Encoding>> ranges, bool perChannel)
      : context_(context),
        perChannel_(perChannel),
        units_(cutIntoUnits(context.model, context.inferred, context.plan, true)),
        samples_(keptSamples(context, units_, kSamples, kSampleBytes)),
        real_(units_, samples_.size()) {
    for (const std::vector<Encoding>& groups : ranges)
      walks_.push_back({groups, SampleStore(units_, samples_.size()), SampleStore(units_, samples_.size()), {}});
    for (const Unit& unit : units_)
      for (size_t i = 0; i < unit.inputs.size(); ++i)
        (unit.seesQuantized[i] ? readQuantized_ : readNoisy_).insert(unit.inputs[i]);
  }

  std::vector<WeightFit> run() {
    const auto inputs = context_.model.graph.runtimeInputs();
    for (size_t i = 0; i < inputs.size(); ++i) {
      std::vector<Tensor> tensors;
      for (const Sample& sample : samples_) tensors.push_back(sample.inputs[i]);
      for (Walk& walk : walks_) keep(walk, inputs[i], tensors, tensors);
      real_.put(inputs[i], std::move(tensors));
    }
    for (size_t i = 0; i < units_.size(); ++i) {
      context_.pass.progress(text("fitting layer ", i + 1, "/", units_.size()));
      visit(units_[i]);
    }
    std::vector<WeightFit> fits;
    for (Walk& walk : walks_) fits.push_back(std::move(walk.fit));
    return fits;
  }

 private:
  std::vector<Tensor> realInputs(const Unit& unit, size_t sample) const {
    std::vector<Tensor> inputs;
    for (const ValueId input : unit.inputs) inputs.push_back(real_.at(input, sample));
    return inputs;
  }

  static std::vector<Tensor> noisyInputs(const Walk& walk, const Unit& unit, size_t sample) {
    std::vector<Tensor> inputs;
    for (size_t i = 0; i < unit.inputs.size(); ++i)
      inputs.push_back((unit.seesQuantized[i] ? walk.quantized : walk.noisy).at(unit.inputs[i], sample));
    return inputs;
  }

  const Encoding& encodingOf(const Walk& walk, ValueId value) const {
    return walk.groups[context_.plan.tensors[*context_.plan.findTensor(value)].group];
  }

  void visit(Unit& unit) {
    std::vector<Tensor> real(samples_.size());
    std::vector<std::vector<Tensor>> noisy(walks_.size(), std::vector<Tensor>(samples_.size()));
    UnitRunner runner(unit, context_.pass.backend, context_.pass.threads);
    runner.forEach(samples_.size(), [&](size_t sample, const UnitRunner::Run& run) {
      real[sample] = run(realInputs(unit, sample));
      for (size_t w = 0; w < walks_.size() && !unit.weighted; ++w)
        noisy[w][sample] = run(noisyInputs(walks_[w], unit, sample));
    });
    if (unit.weighted) fitWeighted(unit, real, noisy);
    for (size_t w = 0; w < walks_.size(); ++w) {
      keep(walks_[w], unit.output, real, std::move(noisy[w]));
      walks_[w].noisy.doneWith(unit);
      walks_[w].quantized.doneWith(unit);
    }
    real_.put(unit.output, std::move(real));
    real_.doneWith(unit);
  }

  /// Stores what later units read, and notes how far it is from its float self.
  void keep(Walk& walk, ValueId value, const std::vector<Tensor>& real, std::vector<Tensor> noisy) const {
    const bool isFloat = real.front().dtype() == DType::f32, isQuantized = isFloat && context_.plan.findTensor(value);
    const bool isMeasured = isFloat && (isQuantized || context_.model.graph.isOutput(value));
    std::vector<Tensor> quantized(isQuantized ? noisy.size() : 0);
    std::vector<Energy> energies(noisy.size());
    parallelFor(static_cast<int64_t>(isMeasured ? noisy.size() : 0), [&](int64_t i) {
      const auto sample = static_cast<size_t>(i);
      if (isQuantized) quantized[sample] = fakeQuantized(noisy[sample], encodingOf(walk, value));
      addEnergy(energies[sample], real[sample], isQuantized ? quantized[sample] : noisy[sample]);
    });
    if (isMeasured && context_.model.graph.producer(value)) {
      Energy sum;
      for (const Energy& energy : energies) sum = {sum.signal + energy.signal, sum.error + energy.error};
      walk.fit.sqnrDb[value] = sum.db();
    }
    if (readQuantized_.contains(value)) walk.quantized.put(value, std::move(quantized));
    if (readNoisy_.contains(value)) walk.noisy.put(value, std::move(noisy));
  }

  void fitWeighted(Unit& unit, const std::vector<Tensor>& real, std::vector<std::vector<Tensor>>& noisy) {
    const Node& node = context_.model.graph.node(unit.weighted);
    const Tensor& weight = *context_.model.graph.constant(node.inputs[1]);
    const int64_t axis = weightAxis(node);
    const std::vector<float> scales = perChannel_ ? mseScales(weight, axis) : minmaxScales(weight, axis, false);
    std::vector<float> bias;
    if (const Tensor* own = node.op == "MatMul" ? nullptr : context_.model.graph.constant(node.input(2)))
      bias = toFloats(*own);
    for (size_t w = 0; w < walks_.size(); ++w) {
      Walk& walk = walks_[w];
      const float inputScale = encodingOf(walk, node.inputs[0]).scales[0];
      QuantizedWeight fitted = quantizeWeight(weight, axis, scales, bias, inputScale);
      const QuantizedWeight nearest = fitted;
      runCorrected(walk, unit, fitted, real, noisy[w]);
      if (InputRows::canRead(node, weight) && weightsDominate(walk, unit, real, noisy[w])) {
        fitted = nearest;
        roundByMoments(fitted, weight, axis, momentsOf(walk, unit, node, weight, real));
        runCorrected(walk, unit, fitted, real, noisy[w]);
      }
      walk.fit.weights.emplace(unit.weighted, std::move(fitted));
    }
  }

  /// Runs the unit with `fitted`, then moves what its result is off by, in the mean per channel, into the bias.
  void runCorrected(const Walk& walk, Unit& unit, QuantizedWeight& fitted, const std::vector<Tensor>& real,
                    std::vector<Tensor>& noisy) const {
    const Node& node = context_.model.graph.node(unit.weighted);
    const bool hasBias = node.op != "MatMul";
    std::vector<std::vector<double>> differences(noisy.size());
    setWeight(unit, dequantized(fitted), {});
    UnitRunner runner(unit, context_.pass.backend, context_.pass.threads);
    runner.forEach(samples_.size(), [&](size_t sample, const UnitRunner::Run& run) {
      noisy[sample] = run(noisyInputs(walk, unit, sample));
      if (hasBias) differences[sample] = channelDifference(channelsOf(node, real[sample]), real[sample], noisy[sample]);
    });
    if (!hasBias) return;
    const std::vector<double> mean = meanOf(node, differences, real);
    parallelFor(static_cast<int64_t>(noisy.size()), [&](int64_t i) {
      Tensor& tensor = noisy[static_cast<size_t>(i)];
      tensor = plusPerChannel(channelsOf(node, tensor), tensor, mean);
    });
    if (fitted.bias.empty()) fitted.bias.assign(mean.size(), 0.0F);
    for (size_t c = 0; c < mean.size(); ++c) fitted.bias[c] += static_cast<float>(mean[c]);
    fitted = refitted(std::move(fitted), encodingOf(walk, node.inputs[0]).scales[0]);
  }

  /// Per channel, of sums over each of the results.
  static std::vector<double> meanOf(const Node& node, const std::vector<std::vector<double>>& sums,
                                    const std::vector<Tensor>& results) {
    std::vector<double> mean(sums.front().size());
    double count = 0;
    for (size_t sample = 0; sample < sums.size(); ++sample) {
      for (size_t c = 0; c < mean.size(); ++c) mean[c] += sums[sample][c];
      count += static_cast<double>(channelsOf(node, results[sample]).perChannel());
    }
    for (double& value : mean) value /= count;
    return mean;
  }

  /// Is the error of the layer's result mostly its own weights', not its input's?
  bool weightsDominate(const Walk& walk, Unit& unit, const std::vector<Tensor>& real,
                       const std::vector<Tensor>& noisy) const {
    constexpr size_t kProbes = 4;
    constexpr double kMostly = 1.5;
    const size_t probes = std::min(kProbes, samples_.size());
    std::vector<Tensor> floatWeight(probes);
    setWeight(unit, *context_.model.graph.constant(context_.model.graph.node(unit.weighted).inputs[1]), {});
    UnitRunner runner(unit, context_.pass.backend, context_.pass.threads);
    runner.forEach(probes, [&](size_t sample, const UnitRunner::Run& run) {
      floatWeight[sample] = run(noisyInputs(walk, unit, sample));
    });
    Energy all, inputAlone;
    for (size_t sample = 0; sample < probes; ++sample) {
      addEnergy(all, real[sample], noisy[sample]);
      addEnergy(inputAlone, real[sample], floatWeight[sample]);
    }
    return all.error > kMostly * inputAlone.error;
  }

  Moments momentsOf(const Walk& walk, const Unit& unit, const Node& node, const Tensor& weight,
                    const std::vector<Tensor>& real) const {
    std::vector<Tensor> inputs;
    for (size_t sample = 0; sample < samples_.size(); ++sample) inputs.push_back(noisyInputs(walk, unit, sample)[0]);
    const int64_t size =
        weight.elementCount() / std::max<int64_t>(ChannelView(weight.shape(), weightAxis(node)).channels, 1);
    const int64_t rows = 4 * size + 512;
    return inputMoments(node, weight, inputs, real, rows / static_cast<int64_t>(samples_.size()) + 1);
  }

  /// The overflow guard of the bias again, with the corrected bias.
  static QuantizedWeight refitted(QuantizedWeight fitted, float inputScale) {
    const Tensor real = dequantized(fitted);
    return quantizeWeight(real, fitted.encoding.axis.value_or(0), fitted.encoding.scales, fitted.bias, inputScale);
  }

  const RefineContext& context_;
  bool perChannel_;
  std::vector<Unit> units_;
  std::vector<Sample> samples_;
  SampleStore real_;
  std::vector<Walk> walks_;
  std::set<ValueId> readNoisy_, readQuantized_;
};

}  // namespace

std::vector<WeightFit> fitWeights(const RefineContext& context, std::span<const std::vector<Encoding>> ranges,
                                  bool perChannel) {
  return Fitter(context, ranges, perChannel).run();
}

}  // namespace compress
