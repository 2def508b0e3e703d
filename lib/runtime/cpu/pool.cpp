// Pooling: geometry, the split of large windows into rows and columns, and rows spread over threads.
#include "lib/runtime/cpu/pool.h"

#include <algorithm>

#include "lib/ops/window.h"
#include "lib/runtime/cpu/pool_loops.h"
#include "lib/runtime/cpu/row_kernel.h"

namespace compress {
namespace {

/// Below this many additions or comparisons one thread does it all.
constexpr int64_t kParallelWork = 1 << 16;
/// Windows from this size on are pooled along the rows first, then along the columns.
constexpr int64_t kSeparableWindow = 12;

/// Elements are f32, or bf16 as uint16_t.
template <typename Element>
class PoolKernel : public Kernel {
 public:
  PoolKernel(const PoolShape& shape, int64_t images, int threads) : shape_(shape), images_(images), threads_(threads) {}

  std::string name() const override { return isSeparable() ? "vector separable" : "vector"; }
  /// Of the rows that the first pass makes; 0 for one pass.
  int64_t scratchBytes() const {
    return isSeparable()
               ? images_ * shape_.height * shape_.outWidth * shape_.channels * static_cast<int64_t>(sizeof(Element))
               : 0;
  }

  void bind(std::span<std::byte* const> inputs, std::span<std::byte* const> outputs, std::byte* scratch) override {
    source_ = reinterpret_cast<const Element*>(inputs[0]);
    target_ = reinterpret_cast<Element*>(outputs[0]);
    scratch_ = reinterpret_cast<Element*>(scratch);
  }

  void run() override {
    if (!isSeparable()) return pass(shape_, source_, target_);
    pass(alongRows(), source_, scratch_);
    pass(alongColumns(), scratch_, target_);
  }

 private:
  bool isSeparable() const { return shape_.isMax && shape_.kernelHeight * shape_.kernelWidth >= kSeparableWindow; }

  PoolShape alongRows() const {
    PoolShape rows = shape_;
    rows.outHeight = rows.height;
    rows.kernelHeight = rows.strideHeight = rows.dilationHeight = 1;
    rows.padTop = rows.padBottom = 0;
    return rows;
  }

  PoolShape alongColumns() const {
    PoolShape columns = shape_;
    columns.width = columns.outWidth;
    columns.kernelWidth = columns.strideWidth = columns.dilationWidth = 1;
    columns.padLeft = columns.padRight = 0;
    return columns;
  }

  void pass(const PoolShape& shape, const Element* source, Element* target) const {
    const int64_t rows = images_ * shape.outHeight;
    const int64_t work = rows * shape.outWidth * shape.channels * shape.kernelHeight * shape.kernelWidth;
    overRows(
        rows, work, threads_, [&](int64_t first, int64_t last) { runRows(shape, source, target, first, last); },
        kParallelWork);
  }

  static void runRows(const PoolShape& shape, const Element* source, Element* target, int64_t first, int64_t last) {
    for (int64_t row = first; row < last; ++row) {
      const int64_t image = row / shape.outHeight;
      runPoolRow(shape, source + image * shape.height * shape.width * shape.channels,
                 target + row * shape.outWidth * shape.channels, row % shape.outHeight);
    }
  }

  PoolShape shape_;
  int64_t images_;
  int threads_;
  const Element* source_ = nullptr;
  Element* target_ = nullptr;
  Element* scratch_ = nullptr;
};

/// Spatial axis `i` from the end: 0 is the width.
struct PoolAxis {
  int64_t in = 1, out = 1, kernel = 1, stride = 1, dilation = 1, before = 0, after = 0;
};

PoolAxis axisOf(const KernelRequest& request, const Window& window, size_t fromEnd) {
  if (fromEnd >= window.rank()) return {};
  const size_t i = window.rank() - 1 - fromEnd;
  return {request.shape(0)[i + 2], request.outputShape()[i + 2], window.kernel[i], window.strides[i],
          window.dilations[i],     window.padsBegin[i],          window.padsEnd[i]};
}

}  // namespace

KernelChoice makePool(const KernelRequest& request, CpuContext&) {
  const Shape in = request.shape(0);
  const DType dtype = request.dtype(0);
  if ((dtype != DType::f32 && dtype != DType::bf16) || in.rank() < 3 || in.rank() > 4 || in.elementCount() == 0) return notForMe();
  if (request.node.outputs.size() > 1 && request.node.outputs[1]) return notForMe();
  const bool isGlobal = request.node.op.starts_with("Global");
  const std::vector<int64_t> whole(in.dims().begin() + 2, in.dims().end());
  const std::vector<int64_t> kernel = isGlobal ? whole : request.node.attributes.integers("kernel_shape", whole);
  Window window = windowOf(request.node, kernel);
  resolvePads(window, whole);
  const PoolAxis h = axisOf(request, window, 1);
  const PoolAxis w = axisOf(request, window, 0);
  const PoolShape shape{in[1],
                        h.in,
                        w.in,
                        h.out,
                        w.out,
                        h.kernel,
                        w.kernel,
                        h.stride,
                        w.stride,
                        h.dilation,
                        w.dilation,
                        h.before,
                        w.before,
                        h.after,
                        w.after,
                        request.node.op.ends_with("MaxPool"),
                        request.node.attributes.integer("count_include_pad", 0) != 0};
  KernelChoice choice;
  const auto choose = [&]<typename Element>(Element) {
    auto pool = std::make_unique<PoolKernel<Element>>(shape, in[0], request.threads);
    choice.scratchBytes = pool->scratchBytes();
    choice.kernel = std::move(pool);
  };
  if (dtype == DType::f32)
    choose(float{});
  else
    choose(uint16_t{});
  choice.inputLayouts = {Layout::channelsLast};
  choice.outputLayouts.assign(request.node.outputs.size(), Layout::channelsLast);
  return choice;
}

}  // namespace compress
