#include "lib/eval/run_over.h"

#include <algorithm>
#include <memory>
#include <mutex>

#include "lib/base/error.h"
#include "lib/base/parallel.h"
#include "lib/base/text.h"

namespace compress {
namespace {

/// Samples in work per thread: enough to even out their times.
constexpr int64_t kSamplesPerThread = 4;

/// One thread's sessions, one per model.
struct Worker {
  std::vector<std::unique_ptr<Session>> sessions;
  std::vector<Bindings> bindings;
};

struct Finished {
  Sample sample;
  std::vector<std::vector<Tensor>> outputs;  ///< per model
};

std::vector<Tensor> runOne(Session& session, Bindings& bindings, const Sample& sample, std::mutex& compiling) {
  bindings.inputs = sample.inputs;
  {
    const std::lock_guard lock(compiling);
    session.plan(bindings.inputs);
  }
  session.run(bindings);
  std::vector<Tensor> outputs;
  for (const Buffer& output : bindings.outputs) outputs.push_back(output.snapshot());
  return outputs;
}

}  // namespace

std::vector<InputSpec> inputSpecs(const Model& model) {
  std::vector<InputSpec> specs;
  for (const ValueId id : model.graph.runtimeInputs())
    specs.push_back({model.graph.value(id).name, model.graph.value(id).type});
  return specs;
}

void runOver(std::span<const Model* const> models, Backend& backend, const Dataset& dataset, int threads,
             const SampleVisitor& visit) {
  const int64_t count = dataset.size();
  const int64_t workerCount = std::clamp<int64_t>(threads, 1, std::max<int64_t>(count, 1));
  std::vector<Worker> workers(static_cast<size_t>(workerCount));
  for (Worker& worker : workers) {
    for (const Model* model : models)
      worker.sessions.push_back(std::make_unique<Session>(*model, backend, SessionOptions{}));
    worker.bindings.resize(models.size());
  }
  std::mutex compiling;
  const int64_t block = workerCount * kSamplesPerThread;
  for (int64_t first = 0; first < count; first += block) {
    const int64_t size = std::min(block, count - first);
    std::vector<Finished> finished(static_cast<size_t>(size));
    // Worker w takes samples w, w + W, ...: a session is never used by two threads at once.
    parallelFor(workerCount, [&](int64_t w) {
      Worker& worker = workers[static_cast<size_t>(w)];
      for (int64_t i = w; i < size; i += workerCount) {
        Finished& done = finished[static_cast<size_t>(i)];
        done.sample = dataset.read(first + i);
        within([&] { return displayName(done.sample.name); },
               [&] {
                 for (size_t m = 0; m < models.size(); ++m)
                   done.outputs.push_back(runOne(*worker.sessions[m], worker.bindings[m], done.sample, compiling));
               });
      }
    });
    for (int64_t i = 0; i < size; ++i)
      visit(first + i, finished[static_cast<size_t>(i)].sample, finished[static_cast<size_t>(i)].outputs);
  }
}

}  // namespace compress
