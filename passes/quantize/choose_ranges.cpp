// Ranges by the error downstream: each group of tensors is quantized alone, with one range after another, and what its
// readers make of it is compared with the float result. One sweep over the network tries the named methods; a wide
// search tries shares of the upper ends as well, and in a second sweep those of the lower ends with the best upper one.
#include <algorithm>
#include <set>

#include "lib/eval/calibration.h"
#include "passes/quantize/energy.h"
#include "passes/quantize/refine.h"

namespace compress {
namespace {

constexpr size_t kSamples = 8;
constexpr int64_t kSampleBytes = 16LL << 20;

double relativeError(const Tensor& expected, const Tensor& found) {
  Energy energy;
  addEnergy(energy, expected, found);
  return energy.relativeError();
}

class Sweep {
 public:
  Sweep(const RefineContext& context, const std::vector<Unit>& units, const std::vector<Sample>& samples)
      : context_(context), units_(units), samples_(samples) {}

  /// errors[group][choice]
  std::vector<std::vector<double>> run(const std::vector<std::vector<RangeChoice>>& choices) {
    choices_ = &choices;
    errors_.clear();
    for (const auto& list : choices) errors_.emplace_back(list.size(), 0.0);
    SampleStore store(units_, samples_.size());
    const auto inputs = context_.model.graph.runtimeInputs();
    for (size_t i = 0; i < inputs.size(); ++i) {
      std::vector<Tensor> tensors;
      for (const Sample& sample : samples_) tensors.push_back(sample.inputs[i]);
      store.put(inputs[i], std::move(tensors));
    }
    for (const Unit& unit : units_) visit(unit, store);
    return std::move(errors_);
  }

 private:
  /// Groups that the unit reads quantized and that have a choice to make.
  std::set<size_t> openGroups(const Unit& unit) const {
    std::set<size_t> groups;
    for (size_t i = 0; i < unit.inputs.size(); ++i)
      if (unit.seesQuantized[i] && (*choices_)[groupOf(unit.inputs[i])].size() > 1)
        groups.insert(groupOf(unit.inputs[i]));
    if (unit.movesOnly) groups.clear();
    return groups;
  }

  size_t groupOf(ValueId value) const { return context_.plan.tensors[*context_.plan.findTensor(value)].group; }

  void visit(const Unit& unit, SampleStore& store) {
    UnitRunner runner(unit, context_.pass.backend, context_.pass.threads);
    const std::set<size_t> groups = openGroups(unit);
    std::vector<Tensor> results(store.samples());
    std::vector<std::map<size_t, std::vector<double>>> errors(store.samples());
    runner.forEach(store.samples(), [&](size_t sample, const UnitRunner::Run& run) {
      std::vector<Tensor> inputs;
      for (const ValueId input : unit.inputs) inputs.push_back(store.at(input, sample));
      results[sample] = run(inputs);
      if (groups.empty() || results[sample].dtype() != DType::f32) return;
      for (const size_t group : groups)
        for (const RangeChoice& choice : (*choices_)[group])
          errors[sample][group].push_back(
              relativeError(results[sample], run(quantizedInputs(unit, inputs, group, choice.encoding))));
    });
    for (const auto& bySample : errors)
      for (const auto& [group, list] : bySample)
        for (size_t i = 0; i < list.size(); ++i) errors_[group][i] += list[i] / static_cast<double>(store.samples());
    store.put(unit.output, std::move(results));
    store.doneWith(unit);
  }

  std::vector<Tensor> quantizedInputs(const Unit& unit, std::vector<Tensor> inputs, size_t group,
                                      const Encoding& encoding) const {
    for (size_t i = 0; i < inputs.size(); ++i)
      if (unit.seesQuantized[i] && groupOf(unit.inputs[i]) == group) inputs[i] = fakeQuantized(inputs[i], encoding);
    return inputs;
  }

  const RefineContext& context_;
  const std::vector<Unit>& units_;
  const std::vector<Sample>& samples_;
  const std::vector<std::vector<RangeChoice>>* choices_ = nullptr;
  std::vector<std::vector<double>> errors_;
};

constexpr float kShares[] = {0.9F, 0.8F, 0.7F, 0.6F, 0.5F, 0.4F, 0.3F, 0.2F, 0.12F};

RangeChoice choiceOf(const RefineContext& context, Range range, std::string method) {
  return {encodeRange(range, context.dtype, context.symmetric), range, std::move(method)};
}

/// Nothing is tried twice.
void addChoice(std::vector<RangeChoice>& choices, RangeChoice choice) {
  if (std::ranges::find(choices, choice.encoding, &RangeChoice::encoding) == choices.end())
    choices.push_back(std::move(choice));
}

/// The named methods, then for a wide search shares of the upper end.
std::vector<RangeChoice> upperChoices(const RefineContext& context, const Histogram& histogram, RangeSearch search) {
  const Range all = minmaxRange(histogram);
  std::vector<RangeChoice> choices{choiceOf(context, all, "minmax")};
  if (all.min == all.max) return choices;
  for (const double percent : {99.999, 99.99})
    addChoice(choices, choiceOf(context, percentileRange(histogram, percent), "percentile"));
  addChoice(choices, choiceOf(context, mseRange(histogram, 256, context.symmetric), "mse"));
  if (search == RangeSearch::named) return choices;
  for (const float share : kShares) {
    const Range part = context.symmetric ? Range{all.min * share, all.max * share} : Range{all.min, all.max * share};
    addChoice(choices, choiceOf(context, part, "search"));
  }
  return choices;
}

std::vector<RangeChoice> lowerChoices(const RefineContext& context, const RangeChoice& best,
                                      const Histogram& histogram) {
  std::vector<RangeChoice> choices{best};
  const Range all = minmaxRange(histogram);
  if (context.symmetric || all.min >= 0) return choices;
  choices.front().error = 0;  // measured again
  if (best.range.min > all.min) addChoice(choices, choiceOf(context, {all.min, best.range.max}, "search"));
  for (const float share : kShares) addChoice(choices, choiceOf(context, {all.min * share, best.range.max}, "search"));
  return choices;
}

/// The choice of least error, where it is below `clearly` times that of the first: what is cut off hurts the output
/// more than the same error by rounding, which later layers average away.
std::vector<RangeChoice> leastError(const std::vector<std::vector<RangeChoice>>& choices,
                                    const std::vector<std::vector<double>>& errors, double clearly) {
  std::vector<RangeChoice> best;
  for (size_t group = 0; group < choices.size(); ++group) {
    const auto least = std::ranges::min_element(errors[group]);
    const bool clear = *least < clearly * errors[group][0];
    const size_t chosen = clear ? static_cast<size_t>(least - errors[group].begin()) : 0;
    best.push_back(choices[group][chosen]);
    best.back().error = std::max(errors[group][chosen], best.back().error);
  }
  return best;
}

}  // namespace

std::vector<RangeChoice> chooseRanges(const RefineContext& context, const std::vector<Histogram>& histograms,
                                      RangeSearch search) {
  constexpr double kClearlyOfFew = 0.8, kClearlyOfMany = 0.5;  // the least of many errors is the luckiest, too
  const std::vector<Unit> units = cutIntoUnits(context.model, context.inferred, context.plan, false);
  const std::vector<Sample> samples = keptSamples(context, units, kSamples, kSampleBytes);
  Sweep sweep(context, units, samples);
  std::vector<std::vector<RangeChoice>> choices;
  for (const Histogram& histogram : histograms) choices.push_back(upperChoices(context, histogram, search));
  if (search == RangeSearch::named) return leastError(choices, sweep.run(choices), kClearlyOfFew);
  const std::vector<RangeChoice> best = leastError(choices, sweep.run(choices), kClearlyOfMany);
  for (size_t group = 0; group < choices.size(); ++group)
    choices[group] = lowerChoices(context, best[group], histograms[group]);
  return leastError(choices, sweep.run(choices), kClearlyOfMany);
}

}  // namespace compress
