#include "lib/eval/verification_plan.h"

#include <algorithm>
#include <limits>
#include <map>
#include <optional>
#include <utility>

#include "lib/base/error.h"
#include "lib/base/text.h"
#include "lib/eval/run_over.h"
#include "lib/ops/infer_types.h"
#include "lib/ops/upgrade.h"

namespace compress {
namespace {

using Inputs = std::vector<InputSpec>;

/// Sizes that open dimensions behind the first axis are tried with: the first at which the model has a result.
constexpr int64_t kOpenSizes[] = {1, 8, 32, 64, 128, 224};

/// Inputs that are smaller than declared are made no smaller than this.
constexpr double kQuickBytes = 256 << 20;

/// Bytes; real numbers, since products of declared dimensions have no bound.
struct Footprint {
  double inputs = 0, outputs = 0;
  double peak = 0;              ///< of all values alive at a time, those two among them
  bool hasEmptyOutput = false;  ///< an output has no element: there is nothing to compare
};

double bytesOf(const Type& type) {
  if (!type.hasRank()) return 0;
  double bytes = static_cast<double>(bitsOf(type.dtype)) / 8;
  for (const Dim& dim : *type.dims) bytes *= dim.isKnown() ? static_cast<double>(dim.value) : 0;
  return bytes;
}

/// The position in `order` after which each value is not read any more; outputs of the graph are read to the end.
std::vector<size_t> lastReads(const Graph& graph, const std::vector<NodeId>& order, size_t count) {
  std::vector<size_t> last(count, 0);
  for (size_t at = 0; at < order.size(); ++at) {
    for (const ValueId id : graph.node(order[at]).outputs)
      if (id) last[static_cast<size_t>(id.index)] = at;
    for (const ValueId id : graph.node(order[at]).inputs)
      if (id) last[static_cast<size_t>(id.index)] = at;
  }
  for (const ValueId id : graph.outputs()) last[static_cast<size_t>(id.index)] = std::numeric_limits<size_t>::max();
  return last;
}

/// Throws Error(input) where the model does not take such inputs.
Footprint footprintOf(const Graph& graph, const Inputs& inputs) {
  std::map<ValueId, Type> given;
  const std::vector<ValueId> ids = graph.runtimeInputs();
  for (size_t i = 0; i < ids.size(); ++i) given.emplace(ids[i], inputs[i].type);
  const std::vector<Type> types = inferTypes(graph, given).types;
  const auto sizeOf = [&](ValueId id) { return bytesOf(types.at(static_cast<size_t>(id.index))); };
  Footprint found;
  for (const InputSpec& input : inputs) found.inputs += bytesOf(input.type);
  for (const ValueId id : graph.outputs()) {
    found.outputs += sizeOf(id);
    const auto shape = types.at(static_cast<size_t>(id.index)).shape();
    if (shape && std::ranges::find(shape->dims(), 0) != shape->dims().end()) found.hasEmptyOutput = true;
  }
  const std::vector<NodeId> order = graph.order();
  const std::vector<size_t> last = lastReads(graph, order, types.size());
  std::vector<std::vector<ValueId>> ending(order.size());
  double live = found.peak = found.inputs;
  for (size_t at = 0; at < order.size(); ++at) {
    for (const ValueId id : graph.node(order[at]).outputs) {
      if (!id) continue;
      live += sizeOf(id);
      if (const size_t end = last[static_cast<size_t>(id.index)]; end < order.size()) ending[end].push_back(id);
    }
    found.peak = std::max(found.peak, live);
    for (const ValueId id : ending[at]) live -= sizeOf(id);
  }
  return found;
}

/// What a comparison of two models holds at once: their arenas per thread, samples and outputs of the block in work,
/// and outputs as doubles for the judging.
double comparisonBytes(const Footprint& one, int threads, int64_t samples) {
  constexpr double kSamplesPerThread = 4, kDoubles = 6;
  const double inWork = std::min(static_cast<double>(samples), kSamplesPerThread * threads);
  return 2 * threads * one.peak + inWork * (3 * one.inputs + 2 * one.outputs) + kDoubles * one.outputs;
}

class Planner {
 public:
  Planner(const Model& model, const VerificationLimits& limits) : model_(upgraded(model)), limits_(limits) {}

  /// Takes threads, then samples away until the plan fits.
  void fit(VerificationPlan& plan) const {
    const auto footprint = tryFootprint(plan.inputs);
    if (!footprint) return;  // running it will tell why
    plan.bytes = static_cast<int64_t>(std::min(comparisonBytes(*footprint, 1, 1), 1e18));
    plan.isFitting = fitCounts(plan, *footprint);
  }

  /// Halves the largest dimensions, equal ones together, as long as the model takes it, until the plan fits and is
  /// quick: what half a million samples show, a few dozen show as well.
  void shrink(VerificationPlan& plan) const {
    const Inputs declared = plan.inputs;
    std::map<int64_t, Size> sizes = sizesOf(declared);
    for (Size* size = largestOf(sizes); size != nullptr; size = largestOf(sizes)) {
      const int64_t before = std::exchange(size->now, (size->now + 1) / 2);
      const Inputs smaller = withSizes(declared, sizes);
      const auto footprint = tryFootprint(smaller);
      if (!footprint || footprint->hasEmptyOutput) {
        *size = {before, false};
        continue;
      }
      if (!fitCounts(plan, *footprint)) continue;
      plan.inputs = smaller;
      plan.isSmaller = plan.isFitting = true;
      if (comparisonBytes(*footprint, 1, 1) <= kQuickBytes) return;
    }
  }

  /// Open dimensions of `declared` as small as the model takes them; axis 0 of an input, samples, stays 1.
  Inputs closed(const Inputs& declared) const {
    for (const int64_t size : kOpenSizes) {
      Inputs inputs = withOpen(declared, size);
      const auto footprint = tryFootprint(inputs);
      if (footprint && !footprint->hasEmptyOutput) return inputs;
    }
    return withOpen(declared, 1);
  }

 private:
  std::optional<Footprint> tryFootprint(const Inputs& inputs) const {
    try {
      return footprintOf(model_.graph, inputs);
    } catch (const Error& error) {
      if (error.kind() != ErrorKind::input && error.kind() != ErrorKind::unsupported) throw;
      return std::nullopt;
    }
  }

  bool fitCounts(VerificationPlan& plan, const Footprint& footprint) const {
    const std::pair<int, int64_t> counts[] = {{limits_.threads, limits_.samples}, {1, limits_.samples}, {1, 1}};
    for (const auto& [threads, samples] : counts) {
      plan.threads = threads;
      plan.samples = samples;
      if (comparisonBytes(footprint, threads, samples) <= static_cast<double>(limits_.bytes)) return true;
    }
    return false;
  }

  static Inputs withOpen(Inputs inputs, int64_t size) {
    for (InputSpec& input : inputs)
      if (input.type.hasRank())
        for (size_t axis = 0; axis < input.type.rank(); ++axis)
          if (Dim& dim = (*input.type.dims)[axis]; !dim.isKnown()) dim = Dim::of(axis == 0 ? 1 : size);
    return inputs;
  }

  /// What a declared size has become.
  struct Size {
    int64_t now = 0;
    bool isFree = true;  ///< the model takes a smaller one
  };

  static std::map<int64_t, Size> sizesOf(const Inputs& inputs) {
    std::map<int64_t, Size> sizes;
    for (const InputSpec& input : inputs)
      if (input.type.hasRank())
        for (const Dim& dim : *input.type.dims) sizes[dim.value] = {dim.value, true};
    return sizes;
  }

  /// Null when none can be made smaller.
  static Size* largestOf(std::map<int64_t, Size>& sizes) {
    Size* largest = nullptr;
    for (auto& [declared, size] : sizes)
      if (size.isFree && size.now > 1 && (largest == nullptr || size.now > largest->now)) largest = &size;
    return largest;
  }

  static Inputs withSizes(Inputs inputs, const std::map<int64_t, Size>& sizes) {
    for (InputSpec& input : inputs)
      if (input.type.hasRank())
        for (Dim& dim : *input.type.dims) dim = Dim::of(sizes.at(dim.value).now);
    return inputs;
  }

  const Model model_;
  const VerificationLimits& limits_;
};

VerificationPlan planOf(const VerificationLimits& limits, Inputs inputs) {
  VerificationPlan plan;
  plan.inputs = std::move(inputs);
  plan.threads = limits.threads;
  plan.samples = limits.samples;
  return plan;
}

/// Nothing for a model that this program does not know well enough to plan for: running it will tell why.
std::optional<Planner> plannerOf(const Model& model, const VerificationLimits& limits) {
  try {
    return std::optional<Planner>(std::in_place, model, limits);
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::input && error.kind() != ErrorKind::unsupported) throw;
    return std::nullopt;
  }
}

}  // namespace

VerificationPlan planVerification(const Model& model, const VerificationLimits& limits) {
  VerificationPlan plan = planOf(limits, inputSpecs(model));
  const std::optional<Planner> planner = plannerOf(model, limits);
  if (!planner) return plan;
  plan.inputs = planner->closed(plan.inputs);
  planner->fit(plan);
  if (!plan.isFitting) planner->shrink(plan);
  return plan;
}

VerificationPlan planVerification(const Model& model, const Sample& sample, const VerificationLimits& limits) {
  VerificationPlan plan = planOf(limits, inputSpecs(model));
  for (size_t i = 0; i < plan.inputs.size(); ++i)
    if (plan.inputs[i].type.isTensor())
      plan.inputs[i].type = Type::tensor(sample.inputs[i].dtype(), sample.inputs[i].shape());
  if (const std::optional<Planner> planner = plannerOf(model, limits)) planner->fit(plan);
  return plan;
}

Model atShapes(const Model& model, const std::vector<InputSpec>& inputs) {
  Model smaller = model;
  Graph& graph = smaller.graph;
  for (const ValueId id : graph.values()) {
    const Value& value = graph.value(id);
    if (!value.constant && value.type.isTensor()) graph.setType(id, Type::tensor(value.type.dtype));
  }
  const std::vector<ValueId> ids = graph.runtimeInputs();
  for (size_t i = 0; i < ids.size(); ++i) graph.setType(ids[i], inputs[i].type);
  return smaller;
}

std::string print(const std::vector<InputSpec>& inputs) {
  std::vector<std::string> words;
  for (const InputSpec& input : inputs) words.push_back(text(displayName(input.name), ": ", print(input.type)));
  return join(words, ", ");
}

}  // namespace compress
