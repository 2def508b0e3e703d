// How a backend runs one node of a plan: it chooses a kernel for the layouts at hand, and binds it to memory once.
#pragma once
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "lib/runtime/plan/fused_graph.h"

namespace compress {

/// Order of a tensor's elements in memory. `channelsLast` moves axis 1 to the end: nhwc for rank 4; rank 3 and above
/// only.
enum class Layout { plain, channelsLast };
/// "nchw", "nhwc", "plain" ...
std::string_view nameOf(Layout layout, size_t rank);
/// Strides in elements of a dense tensor.
std::vector<int64_t> stridesOf(const Shape& shape, Layout layout);
/// Are the bytes of both layouts the same (one channel, or one position)?
bool layoutsCoincide(const Shape& shape);

/// Work bound to memory.
class Kernel {
 public:
  virtual ~Kernel() = default;
  virtual std::string name() const = 0;
  /// Pointers of the node's inputs (null where absent or not wanted), outputs and scratch. Called after memory is laid
  /// out, and again when a caller's buffer has moved: no allocation then.
  virtual void bind(std::span<std::byte* const> inputs, std::span<std::byte* const> outputs, std::byte* scratch) = 0;
  virtual void run() = 0;
  /// Multiply-adds of one run, where that is the measure of its work.
  virtual int64_t macs() const { return 0; }
};

/// What a kernel asks of the plan.
struct KernelChoice {
  std::unique_ptr<Kernel> kernel;    ///< null: every output is input 0's memory, from viewOffsets[i] bytes on
  std::vector<Layout> inputLayouts;  ///< wanted, one per node input; the plan inserts reorders
  std::vector<bool> inputUsed;       ///< false: not read at run time (a constant that was packed); empty: all are
  std::vector<Layout> outputLayouts;
  int64_t scratchBytes = 0;
  std::vector<int64_t> viewOffsets;  ///< one per output, for a view only
  int overwrites = -1;               ///< output 0 lies in this input's memory: the input was canOverwrite
  bool inputsArePieces =
      false;  ///< output 0 is its inputs one after the other in memory: write them there where possible
};

/// A node and its surroundings, for the backend to choose a kernel.
struct KernelRequest {
  const FusedGraph& graph;
  NodeId id;
  const Node& node;
  const Fused& fused;
  std::vector<Layout> inputLayouts;  ///< of each input as its producer left it
  std::vector<bool>
      canOverwrite;  ///< the input's memory is the plan's own and nobody needs its content after this node
  int threads = 1;

  bool has(size_t i) const { return i < node.inputs.size() && node.inputs[i]; }
  /// Throw Error(input) for an input that is absent.
  Shape shape(size_t i) const { return graph.shape(node.input(i)); }
  DType dtype(size_t i) const { return graph.dtype(node.input(i)); }
  const Tensor* constant(size_t i) const { return has(i) ? graph.graph.constant(node.inputs[i]) : nullptr; }
  Shape outputShape(size_t i = 0) const { return graph.shape(node.output(i)); }
  DType outputDtype(size_t i = 0) const { return graph.dtype(node.output(i)); }
};

/// The backend's side of a plan.
class KernelSource {
 public:
  virtual ~KernelSource() = default;
  /// Never without result: what has no fast kernel runs on the reference. Throws Error(unsupported) when that lacks it
  /// too.
  virtual KernelChoice choose(const KernelRequest& request) = 0;
  /// Copies a tensor from one layout to another, or within one.
  virtual std::unique_ptr<Kernel> makeReorder(DType dtype, const Shape& shape, Layout from, Layout to, int threads) = 0;
};

}  // namespace compress
