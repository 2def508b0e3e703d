// Runs of elementwise operations on floats in one pass, with broadcasting, in whatever layout the first operand has.
// Operands and the result may be stored as bf16.
#include "lib/runtime/cpu/elementwise.h"

#include <algorithm>

#include "lib/runtime/cpu/bf16_loops.h"
#include "lib/runtime/cpu/elementwise_loops.h"
#include "lib/runtime/cpu/loop_nest.h"
#include "lib/runtime/cpu/row_kernel.h"

namespace compress {
namespace {

/// Below this many element operations one thread does it all: waking others costs about as much.
constexpr int64_t kParallelWork = 1 << 15;
constexpr int64_t kChunk = 4096;

class ElementwiseKernel : public Kernel {
 public:
  /// `isInPlace`: the first operand is the result.
  ElementwiseKernel(const KernelRequest& request, Layout layout, bool isInPlace)
      : threads_(request.threads),
        isInPlace_(isInPlace),
        isFromBf16_((isInPlace ? request.outputDtype() : request.dtype(0)) == DType::bf16),
        isToBf16_(request.outputDtype() == DType::bf16),
        isMixed_(isFromBf16_ || isToBf16_) {
    const Shape whole = request.outputShape();
    std::vector<std::vector<int64_t>> strides{broadcastStrides(isInPlace ? whole : request.shape(0), whole, layout)};
    operandInputs_.push_back(0);
    for (const PostOp& op : request.fused.post) {
      LoopOp loop{op.kind, op.alpha, op.beta, nullptr, 0};
      if (isBinary(op.kind)) {
        strides.push_back(broadcastStrides(request.shape(op.input), whole, layout));
        operandInputs_.push_back(op.input);
        loop.isBf16 = request.dtype(op.input) == DType::bf16;
        isMixed_ = isMixed_ || loop.isBf16;
      }
      ops_.push_back(loop);
    }
    nest_ = LoopNest(whole, layout, strides);
    operands_.resize(operandInputs_.size());
    isUnit_ = std::ranges::all_of(nest_.inner().steps, [](int64_t step) { return step == 0 || step == 1; });
  }

  std::string name() const override { return "vector"; }

  void bind(std::span<std::byte* const> inputs, std::span<std::byte* const> outputs, std::byte*) override {
    for (size_t i = 0; i < operandInputs_.size(); ++i) operands_[i] = inputs[operandInputs_[i]];
    target_ = outputs[0];
    if (isInPlace_) operands_[0] = target_;
  }

  void run() override {
    const int64_t chunk = isUnit_ ? kChunk : 1;
    const int64_t chunks = (nest_.inner().count + chunk - 1) / chunk;
    const int64_t work = nest_.outerCount() * nest_.inner().count * static_cast<int64_t>(ops_.size());
    const int64_t units = nest_.outerCount() * chunks;
    overRows(
        units, work, threads_, [this, chunks](int64_t first, int64_t last) { runUnits(first, last, chunks); },
        kParallelWork);
  }

 private:
  static constexpr size_t kMaxOps = 16;

  /// A unit is a chunk of an innermost row.
  void runUnits(int64_t first, int64_t last, int64_t chunks) const {
    LoopOp ops[kMaxOps];
    std::copy(ops_.begin(), ops_.end(), ops);
    const LoopAxis& inner = nest_.inner();
    const int64_t chunk = isUnit_ ? kChunk : 1;
    for (int64_t unit = first; unit < last; ++unit) {
      const int64_t row = unit / chunks;
      const int64_t begin = unit % chunks * chunk;
      const int64_t count = std::min(chunk, inner.count - begin);
      size_t operand = 1;
      for (size_t i = 0; i < ops_.size(); ++i) {
        if (!isBinary(ops[i].kind)) continue;
        const int64_t offset = nest_.offsetOf(row, operand) + begin * inner.steps[operand];
        ops[i].operand = reinterpret_cast<const float*>(operands_[operand] + offset * bytesOf(ops[i].isBf16));
        ops[i].step = isUnit_ ? inner.steps[operand] : 0;
        ++operand;
      }
      runChunk({ops, ops_.size()}, nest_.offsetOf(row, 0) + begin * inner.steps[0], row * inner.count + begin, count);
    }
  }

  /// `count` elements of the target from element `to` on; the source begins at element `from`.
  void runChunk(std::span<const LoopOp> ops, int64_t from, int64_t to, int64_t count) const {
    const MixedRow row{operands_[0] + from * bytesOf(isFromBf16_),
                       isUnit_ ? nest_.inner().steps[0] : 0,
                       isFromBf16_,
                       target_ + to * bytesOf(isToBf16_),
                       isToBf16_,
                       count};
    if (isMixed_) return runMixedElementwise(row, ops);
    runElementwise(reinterpret_cast<const float*>(row.source), row.sourceStep, reinterpret_cast<float*>(row.target),
                   count, ops);
  }

  static int64_t bytesOf(bool isBf16) { return isBf16 ? 2 : 4; }

  int threads_;
  bool isInPlace_;
  bool isFromBf16_;
  bool isToBf16_;
  bool isMixed_;  ///< some operand or the result is bf16
  std::vector<size_t> operandInputs_;
  std::vector<LoopOp> ops_;
  LoopNest nest_;
  bool isUnit_ = true;
  std::vector<const std::byte*> operands_;
  std::byte* target_ = nullptr;
};

/// The layout of the largest operand that has the result's rank.
Layout preferredLayout(const KernelRequest& request) {
  const size_t rank = request.outputShape().rank();
  int64_t largest = -1;
  Layout layout = Layout::plain;
  for (size_t i = 0; i < request.node.inputs.size(); ++i) {
    if (!request.has(i) || request.constant(i) != nullptr || request.shape(i).rank() != rank || rank < 3) continue;
    if (request.shape(i).elementCount() <= largest) continue;
    largest = request.shape(i).elementCount();
    layout = request.inputLayouts[i];
  }
  return layout;
}

/// In channels-last layout an operand of lower rank that is more than a scalar would need its axes moved.
bool fitsChannelsLast(const KernelRequest& request) {
  for (size_t i = 0; i < request.node.inputs.size(); ++i)
    if (request.has(i) && request.shape(i).rank() != request.outputShape().rank() &&
        request.shape(i).elementCount() != 1)
      return false;
  return true;
}

}  // namespace

KernelChoice makeElementwise(const KernelRequest& request, CpuContext&) {
  Layout layout = preferredLayout(request);
  if (layout == Layout::channelsLast && !fitsChannelsLast(request)) layout = Layout::plain;
  KernelChoice choice;
  choice.kernel = std::make_unique<ElementwiseKernel>(request, layout, false);
  const size_t rank = request.outputShape().rank();
  for (size_t i = 0; i < request.node.inputs.size(); ++i) {
    choice.inputLayouts.push_back(request.has(i) && request.shape(i).rank() == rank ? layout : Layout::plain);
    if (choice.overwrites < 0 && request.canOverwrite[i] && request.shape(i) == request.outputShape() &&
        request.dtype(i) == request.outputDtype() && request.inputLayouts[i] == layout)
      choice.overwrites = static_cast<int>(i);
  }
  choice.outputLayouts = {layout};
  return choice;
}

std::unique_ptr<Kernel> makePostOperations(const KernelRequest& request, Layout layout) {
  return std::make_unique<ElementwiseKernel>(request, layout, true);
}

}  // namespace compress
