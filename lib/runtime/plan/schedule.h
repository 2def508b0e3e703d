// Steps and the memory they touch: the plan before memory is laid out.
#pragma once
#include <array>
#include <memory>
#include <optional>
#include <vector>

#include "lib/runtime/backend.h"
#include "lib/runtime/plan/kernel.h"

namespace compress {

/// A block of memory: in the arena, the caller's, or a constant. A piece lies inside its `parent`.
struct Storage {
  enum class Kind { arena, input, output, constant };
  Kind kind = Kind::arena;
  int64_t bytes = 0;
  size_t index = 0;  ///< of the caller's input or output
  std::byte* constant = nullptr;
  int parent = -1;
  int64_t parentOffset = 0;
  std::vector<ValueId> members;  ///< values that lie in it
};

/// A place in memory; storage -1: none (null pointer).
struct Place {
  int storage = -1;
  int64_t offset = 0;
  bool operator==(const Place&) const = default;
};

struct Step {
  std::unique_ptr<Kernel> kernel;
  std::vector<Place> inputs;
  std::vector<Place> outputs;
  Place scratch;
  StepInfo info;
};

struct OutputForm {
  DType dtype = DType::undefined;
  Shape shape;
};

struct Schedule {
  std::vector<Storage> storages;
  std::vector<Step> steps;
  std::vector<OutputForm> inputs;   ///< what the caller brings
  std::vector<OutputForm> outputs;  ///< what it gets
  std::vector<Tensor> constants;    ///< kept alive for the steps
  std::vector<AlignedBytes> reordered;

  /// The storage without parent that holds `place`, and the place in it.
  Place rootOf(Place place) const;
};

/// Chooses a kernel for every node in order, inserts reorders, and finds views, pieces and overwritten inputs.
Schedule makeSchedule(const FusedGraph& graph, KernelSource& source, const CompileOptions& options);

}  // namespace compress
