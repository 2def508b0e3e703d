// A backend turns a graph with concrete input shapes into something that runs.
#pragma once
#include <memory>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "lib/ir/model.h"

namespace compress {

/// The caller's tensors of one run, in the order of the graph's runtimeInputs() and outputs() (observed values follow).
struct Bindings {
  std::vector<Tensor> inputs;
  std::vector<Buffer> outputs;  ///< allocated by the first run; reused when the shapes stay
};

struct CompileOptions {
  int threads = 1;
  std::vector<ValueId> observed =
      {};  ///< values kept and returned after the graph outputs, though a fusion would hide them
  std::set<std::string> disabledFusions = {};
  bool profile = false;             ///< count time per step (see Executable::steps)
  bool observedInAnyOrder = false;  ///< observed values keep the order of elements that their kernel leaves
};

/// One step of a plan, for `bench --per-layer`.
struct StepInfo {
  std::string name;                ///< of the node that gives the result
  std::string op;                  ///< its op type
  std::vector<std::string> fused;  ///< names of the other nodes that the step does
  std::string kernel;              ///< the primitive's own name; "ref" for the reference
  std::string layout;              ///< of the result: nchw, nhwc, nChw16c ...
  DType dtype = DType::undefined;
  int64_t macs = 0;
  double ms = 0;  ///< mean per run, with CompileOptions::profile
};

/// A plan for fixed input shapes. Not thread-safe: one at a time; make several to run side by side.
class Executable {
 public:
  virtual ~Executable() = default;
  /// Input shapes and types are those that it was compiled for (Error(bug) otherwise).
  virtual void run(Bindings& bindings) = 0;
  virtual std::vector<StepInfo> steps() const = 0;
  virtual int64_t arenaBytes() const = 0;
};

class Backend {
 public:
  virtual ~Backend() = default;
  virtual std::string_view name() const = 0;
  /// `graph` is in the newest form. `inputShapes`: one per runtimeInputs(). Throws Error(unsupported) naming the node
  /// that neither the backend nor the reference can run, before any work.
  virtual std::unique_ptr<Executable> compile(const Graph& graph, std::span<const Shape> inputShapes,
                                              const CompileOptions& options) = 0;
};

/// Plain loops: every op, any type.
std::unique_ptr<Backend> makeReferenceBackend();
/// oneDNN and own vector loops. Packed weights are shared by all executables of one backend.
std::unique_ptr<Backend> makeCpuBackend();

}  // namespace compress
