// Each part is a matrix [rows, block] that becomes a band of columns of the result. Narrow bands are computed in a tile
// of the first-level cache and spread from there; wide ones are computed in place. Inputs and
// the result may be stored as bf16.
#include "lib/runtime/cpu/elementwise_concat.h"

#include <algorithm>
#include <cstring>

#include "lib/runtime/cpu/bf16_loops.h"
#include "lib/runtime/cpu/row_kernel.h"

namespace compress {
namespace {

/// Elements of a tile, and of a unit of work.
constexpr int64_t kTile = 4096;
/// Below this many elements one thread does it all.
constexpr int64_t kParallelWork = 1 << 15;

/// Rows of `bytes`, `fromPitch` and `toPitch` apart.
void copyRows(const std::byte* from, int64_t fromPitch, std::byte* to, int64_t toPitch, int64_t rows, int64_t bytes) {
  constexpr int64_t kBlock = 64;
  for (int64_t row = 0; row < rows; ++row, from += fromPitch, to += toPitch) {
    int64_t i = 0;
    for (; i + kBlock <= bytes; i += kBlock) std::memcpy(to + i, from + i, kBlock);
    for (; i < bytes; i += 2) std::memcpy(to + i, from + i, 2);
  }
}

int64_t bytesOf(bool isBf16) {
  return isBf16 ? 2 : 4;
}

class ElementwiseConcatKernel : public Kernel {
 public:
  /// Columns [column, column + block) of the result.
  struct Part {
    size_t source;
    bool isBf16;
    int64_t block;
    int64_t column;
    std::vector<LoopOp> ops;
    std::vector<size_t> operands;  ///< node input of each operation
    const std::byte* from = nullptr;

    int64_t rowsPerUnit() const { return std::max<int64_t>(1, kTile / block); }
  };

  ElementwiseConcatKernel(std::vector<Part> parts, int64_t rows, int64_t width, bool isToBf16, int threads)
      : parts_(std::move(parts)), rows_(rows), width_(width), isToBf16_(isToBf16), threads_(threads) {
    firstUnits_.push_back(0);
    for (const Part& part : parts_)
      firstUnits_.push_back(firstUnits_.back() + (rows_ + part.rowsPerUnit() - 1) / part.rowsPerUnit());
  }
  std::string name() const override { return "vector"; }

  void bind(std::span<std::byte* const> inputs, std::span<std::byte* const> outputs, std::byte*) override {
    for (Part& part : parts_) {
      part.from = inputs[part.source];
      for (size_t i = 0; i < part.ops.size(); ++i)
        if (isBinary(part.ops[i].kind)) part.ops[i].operand = reinterpret_cast<const float*>(inputs[part.operands[i]]);
    }
    target_ = outputs[0];
  }

  void run() override {
    const int64_t units = firstUnits_.back();
    overRows(
        units, rows_ * width_, threads_, [this](int64_t first, int64_t last) { runUnits(first, last); }, kParallelWork);
  }

 private:
  void runUnits(int64_t first, int64_t last) const {
    size_t index = 0;
    for (int64_t unit = first; unit < last; ++unit) {
      while (unit >= firstUnits_[index + 1]) ++index;
      const Part& part = parts_[index];
      const int64_t row = (unit - firstUnits_[index]) * part.rowsPerUnit();
      runRows(part, row, std::min(rows_, row + part.rowsPerUnit()));
    }
  }

  void runRows(const Part& part, int64_t first, int64_t last) const {
    alignas(64) std::byte tile[kTile * sizeof(float)];
    const int64_t bytes = bytesOf(isToBf16_), rows = last - first;
    std::byte* to = target_ + (first * width_ + part.column) * bytes;
    const std::byte* from = part.from + first * part.block * bytes;
    if (!part.ops.empty() || part.isBf16 != isToBf16_) {
      if (rows * part.block > kTile) return compute(part, first * part.block, to, part.block);
      compute(part, first * part.block, tile, rows * part.block);
      from = tile;
    }
    copyRows(from, part.block * bytes, to, width_ * bytes, rows, part.block * bytes);
  }

  /// The part's operations on `count` elements from element `begin` of its source on.
  void compute(const Part& part, int64_t begin, std::byte* to, int64_t count) const {
    constexpr size_t kMaxOps = 16;
    LoopOp ops[kMaxOps];
    std::copy(part.ops.begin(), part.ops.end(), ops);
    bool isMixed = part.isBf16 || isToBf16_;
    for (size_t i = 0; i < part.ops.size(); ++i) {
      if (!isBinary(ops[i].kind)) continue;
      isMixed = isMixed || ops[i].isBf16;
      ops[i].operand = reinterpret_cast<const float*>(reinterpret_cast<const std::byte*>(ops[i].operand) +
                                                      begin * bytesOf(ops[i].isBf16));
    }
    const std::byte* from = part.from + begin * bytesOf(part.isBf16);
    if (isMixed) return runMixedElementwise({from, 1, part.isBf16, to, isToBf16_, count}, {ops, part.ops.size()});
    runElementwise(reinterpret_cast<const float*>(from), 1, reinterpret_cast<float*>(to), count,
                   {ops, part.ops.size()});
  }

  std::vector<Part> parts_;
  int64_t rows_;
  int64_t width_;
  bool isToBf16_;
  int threads_;
  std::vector<int64_t> firstUnits_;
  std::byte* target_ = nullptr;
};

/// The layout of the largest input.
Layout layoutOf(const KernelRequest& request) {
  size_t largest = 0;
  for (size_t i = 1; i < request.node.inputs.size(); ++i)
    if (request.shape(i).elementCount() > request.shape(largest).elementCount()) largest = i;
  return request.inputLayouts[largest];
}

}  // namespace

KernelChoice makeElementwiseConcat(const KernelRequest& request, CpuContext&) {
  const Shape whole = request.outputShape();
  const Layout layout = layoutOf(request);
  const std::vector<int64_t> sources = request.node.attributes.integers("sources");
  const std::vector<int64_t> counts = request.node.attributes.integers("counts");
  const int64_t positions = whole[2] * whole[3];
  const bool isLast = layout == Layout::channelsLast;
  std::vector<ElementwiseConcatKernel::Part> parts;
  size_t next = 0;
  int64_t column = 0;
  for (size_t i = 0; i < sources.size(); ++i) {
    const size_t source = static_cast<size_t>(sources[i]);
    const int64_t block = request.shape(source)[1] * (isLast ? 1 : positions);
    ElementwiseConcatKernel::Part part{source, request.dtype(source) == DType::bf16, block, column, {}, {}};
    for (int64_t k = 0; k < counts[i]; ++k, ++next) {
      const PostOp& op = request.fused.post[next];
      const bool isBf16 = isBinary(op.kind) && request.dtype(op.input) == DType::bf16;
      part.ops.push_back({op.kind, op.alpha, op.beta, nullptr, 1, isBf16});
      part.operands.push_back(op.input);
    }
    column += block;
    parts.push_back(std::move(part));
  }
  KernelChoice choice;
  choice.kernel = std::make_unique<ElementwiseConcatKernel>(std::move(parts), whole[0] * (isLast ? positions : 1),
                                                            column, request.outputDtype() == DType::bf16, request.threads);
  choice.inputLayouts.assign(request.node.inputs.size(), layout);
  choice.outputLayouts = {layout};
  return choice;
}

}  // namespace compress
