// Each part is a matrix [rows, block] that becomes a band of columns of the result. Narrow bands are computed in a tile
// of the first-level cache and spread from there; wide ones are computed in place.
#include "lib/runtime/cpu/elementwise_concat.h"

#include <algorithm>
#include <cstring>

#include "lib/runtime/cpu/elementwise_loops.h"
#include "lib/runtime/cpu/row_kernel.h"

namespace compress {
namespace {

/// Elements of a tile, and of a unit of work.
constexpr int64_t kTile = 4096;
/// Below this many elements one thread does it all.
constexpr int64_t kParallelWork = 1 << 15;

void copyFloats(const float* from, float* to, int64_t count) {
  int64_t i = 0;
  for (; i + 16 <= count; i += 16) std::memcpy(to + i, from + i, 16 * sizeof(float));
  for (; i < count; ++i) to[i] = from[i];
}

class ElementwiseConcatKernel : public Kernel {
 public:
  /// Columns [column, column + block) of the result.
  struct Part {
    size_t source;
    int64_t block;
    int64_t column;
    std::vector<LoopOp> ops;
    std::vector<size_t> operands;  ///< node input of each operation
    const float* from = nullptr;

    int64_t rowsPerUnit() const { return std::max<int64_t>(1, kTile / block); }
  };

  ElementwiseConcatKernel(std::vector<Part> parts, int64_t rows, int64_t width, int threads)
      : parts_(std::move(parts)), rows_(rows), width_(width), threads_(threads) {
    firstUnits_.push_back(0);
    for (const Part& part : parts_)
      firstUnits_.push_back(firstUnits_.back() + (rows_ + part.rowsPerUnit() - 1) / part.rowsPerUnit());
  }
  std::string name() const override { return "vector"; }

  void bind(std::span<std::byte* const> inputs, std::span<std::byte* const> outputs, std::byte*) override {
    for (Part& part : parts_) {
      part.from = reinterpret_cast<const float*>(inputs[part.source]);
      for (size_t i = 0; i < part.ops.size(); ++i)
        if (isBinary(part.ops[i].kind)) part.ops[i].operand = reinterpret_cast<const float*>(inputs[part.operands[i]]);
    }
    target_ = reinterpret_cast<float*>(outputs[0]);
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
    alignas(64) float tile[kTile];
    const float* from = part.from + first * part.block;
    float* to = target_ + first * width_ + part.column;
    const int64_t rows = last - first;
    if (!part.ops.empty() && rows * part.block > kTile) return compute(part, first * part.block, to, part.block);
    if (!part.ops.empty()) {
      compute(part, first * part.block, tile, rows * part.block);
      from = tile;
    }
    for (int64_t row = 0; row < rows; ++row) copyFloats(from + row * part.block, to + row * width_, part.block);
  }

  /// The part's operations on `count` elements from element `begin` of its source on.
  static void compute(const Part& part, int64_t begin, float* to, int64_t count) {
    constexpr size_t kMaxOps = 16;
    LoopOp ops[kMaxOps];
    std::copy(part.ops.begin(), part.ops.end(), ops);
    for (size_t i = 0; i < part.ops.size(); ++i)
      if (isBinary(ops[i].kind)) ops[i].operand += begin;
    runElementwise(part.from + begin, 1, to, count, {ops, part.ops.size()});
  }

  std::vector<Part> parts_;
  int64_t rows_;
  int64_t width_;
  int threads_;
  std::vector<int64_t> firstUnits_;
  float* target_ = nullptr;
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
    ElementwiseConcatKernel::Part part{source, block, column, {}, {}};
    for (int64_t k = 0; k < counts[i]; ++k, ++next) {
      const PostOp& op = request.fused.post[next];
      part.ops.push_back({op.kind, op.alpha, op.beta, nullptr, 1});
      part.operands.push_back(op.input);
    }
    column += block;
    parts.push_back(std::move(part));
  }
  KernelChoice choice;
  choice.kernel = std::make_unique<ElementwiseConcatKernel>(std::move(parts), whole[0] * (isLast ? positions : 1),
                                                            column, request.threads);
  choice.inputLayouts.assign(request.node.inputs.size(), layout);
  choice.outputLayouts = {layout};
  return choice;
}

}  // namespace compress
