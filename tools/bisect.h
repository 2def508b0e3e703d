// Where the cpu backend and the reference part: the fusion that does it, and the first step of the plan whose result
// differs.
#pragma once
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "lib/runtime/backend.h"

namespace compress {

struct BisectOptions {
  double rtol = 1e-3, atol = 1e-5;
  int threads = 1;
  std::function<void(std::string_view)> progress = [](std::string_view) {};
};

/// A value that both computed.
struct Divergence {
  std::string value;
  int64_t mismatches = 0, elements = 0;
  double maxAbs = 0;
};

struct BisectResult {
  std::vector<Divergence> outputs;       ///< of the model, that differ; empty: the two agree
  std::optional<std::string> fusion;     ///< without it they agree
  std::vector<std::string> needed;       ///< no single fusion does it: these, one after the other, do together
  bool differsUnfused = false;           ///< they differ with all fusions off too
  std::optional<StepInfo> step;          ///< the first whose result differs, with the fusions as they are
  std::optional<Divergence> divergence;  ///< of that step's result
};

/// Runs `model` on `inputs` with both backends, then again with fusions off until the culprit is found. Errors are
/// those of running.
BisectResult bisect(const Model& model, const std::vector<Tensor>& inputs, const BisectOptions& options);

}  // namespace compress
