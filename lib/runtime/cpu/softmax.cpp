// Softmax: rows spread over threads, each row in vectors.
#include "lib/runtime/cpu/softmax.h"

#include <algorithm>

#include "lib/runtime/cpu/elementwise_loops.h"
#include "lib/runtime/cpu/row_kernel.h"

namespace compress {
namespace {

/// Below this many elements one thread does it all.
constexpr int64_t kParallelWork = 1 << 13;

class SoftmaxKernel : public Kernel {
 public:
  SoftmaxKernel(int64_t rows, int64_t columns, bool isLog, int threads)
      : rows_(rows), columns_(columns), isLog_(isLog), threads_(threads) {}
  std::string name() const override { return "vector"; }
  void bind(std::span<std::byte* const> inputs, std::span<std::byte* const> outputs, std::byte*) override {
    source_ = reinterpret_cast<const float*>(inputs[0]);
    target_ = reinterpret_cast<float*>(outputs[0]);
  }
  void run() override {
    overRows(
        rows_, rows_ * columns_, threads_, [this](int64_t first, int64_t last) { runRows(first, last); },
        kParallelWork);
  }

 private:
  void runRows(int64_t first, int64_t last) const {
    for (int64_t row = first; row < last; ++row)
      runSoftmax(source_ + row * columns_, target_ + row * columns_, columns_, isLog_);
  }

  int64_t rows_;
  int64_t columns_;
  bool isLog_;
  int threads_;
  const float* source_ = nullptr;
  float* target_ = nullptr;
};

}  // namespace

KernelChoice makeSoftmax(const KernelRequest& request, CpuContext&) {
  const Shape shape = request.shape(0);
  if (request.dtype(0) != DType::f32 || shape.rank() == 0 || shape.elementCount() == 0) return notForMe();
  const size_t axis = normalizedAxis(request.node.attributes.integer("axis", -1), shape.rank());
  Layout layout = Layout::plain;
  if (shape.rank() >= 3 && axis == 1 && shape.count(2, shape.rank()) > 1)
    layout = Layout::channelsLast;
  else if (shape.count(axis + 1, shape.rank()) != 1)
    return notForMe();
  KernelChoice choice;
  choice.kernel = std::make_unique<SoftmaxKernel>(shape.elementCount() / shape[axis], shape[axis],
                                                  request.node.op == "LogSoftmax", request.threads);
  choice.inputLayouts = {layout};
  choice.outputLayouts = {layout};
  if (request.canOverwrite[0]) choice.overwrites = 0;
  return choice;
}

}  // namespace compress
