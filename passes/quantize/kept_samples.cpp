// How many samples a refinement may keep: memory is bounded by what is alive of each at the widest place of the
// network.
#include <algorithm>
#include <limits>

#include "lib/ops/upgrade.h"
#include "passes/quantize/refine.h"

namespace compress {
namespace {

/// Bytes of one sample's tensors that are alive at once, at most, when the units run in order.
int64_t liveBytes(const RefineContext& context, const std::vector<Unit>& units, const Sample& sample) {
  const auto inputs = context.model.graph.runtimeInputs();
  std::map<ValueId, Type> given;
  for (size_t i = 0; i < inputs.size(); ++i)
    given[inputs[i]] = Type::tensor(sample.inputs[i].dtype(), sample.inputs[i].shape());
  const Inferred inferred = inferTypes(upgraded(context.model).graph, given);
  const auto bytesOfValue = [&](ValueId id) {
    const auto shape = inferred.types[static_cast<size_t>(id.index)].shape();
    return shape ? shape->elementCount() * static_cast<int64_t>(sizeof(float)) : 0;
  };
  std::map<ValueId, int> readers;
  for (const Unit& unit : units)
    for (const ValueId input : unit.inputs) ++readers[input];
  int64_t live = 0, peak = 0;
  for (const ValueId id : inputs) live += bytesOfValue(id);
  for (const Unit& unit : units) {
    live += bytesOfValue(unit.output);
    peak = std::max(peak, live);
    for (const ValueId input : unit.inputs)
      if (--readers[input] == 0) live -= bytesOfValue(input);
  }
  return peak;
}

}  // namespace

std::vector<Sample> keptSamples(const RefineContext& context, const std::vector<Unit>& units, size_t most,
                                int64_t bytes) {
  const Dataset& data = *context.pass.calibration;
  std::vector<Sample> samples{data.read(0)};
  const int64_t fitting = bytes / std::max<int64_t>(liveBytes(context, units, samples[0]), 1);
  const int64_t count = std::min({static_cast<int64_t>(most), std::max<int64_t>(fitting, 2), data.size()});
  for (int64_t i = 1; i < count; ++i) samples.push_back(data.read(i));
  return samples;
}

}  // namespace compress
