// Running a model over a data set on several threads, results handed over in the order of the samples.
#pragma once
#include <functional>
#include <span>
#include <vector>

#include "lib/eval/dataset.h"
#include "lib/runtime/session.h"

namespace compress {

/// The inputs that `model` wants from its data, in order.
std::vector<InputSpec> inputSpecs(const Model& model);

/// Called in the order of the samples, from one thread at a time: outputs of each model for the sample.
using SampleVisitor =
    std::function<void(int64_t index, const Sample& sample, std::span<const std::vector<Tensor>> outputs)>;

/// Feeds every sample to every model: an outer loop over samples on `threads` threads, each with its own one-thread
/// sessions. Memory holds a few samples per thread. What the visitor sees does not depend on `threads`. Errors carry
/// the sample's name.
void runOver(std::span<const Model* const> models, Backend& backend, const Dataset& dataset, int threads,
             const SampleVisitor& visit);

}  // namespace compress
