// Each index is one block of bytes that is copied.
#include "lib/runtime/cpu/gather.h"

#include <cstring>

#include "lib/base/error.h"
#include "lib/base/text.h"
#include "lib/runtime/cpu/row_kernel.h"
#include "lib/runtime/cpu/views.h"

namespace compress {
namespace {

class GatherKernel : public Kernel {
 public:
  struct Extents {
    int64_t outer, size, indices, blockBytes;
  };
  GatherKernel(const Extents& extents, bool isWide, int threads)
      : extents_(extents), isWide_(isWide), threads_(threads) {}
  std::string name() const override { return "copy"; }
  void bind(std::span<std::byte* const> inputs, std::span<std::byte* const> outputs, std::byte*) override {
    source_ = inputs[0];
    indices_ = inputs[1];
    target_ = outputs[0];
  }
  void run() override {
    for (int64_t i = 0; i < extents_.indices; ++i) requireInside(indexAt(i));
    const int64_t blocks = extents_.outer * extents_.indices;
    overRows(blocks, blocks * extents_.blockBytes / 16, threads_, [this](int64_t first, int64_t last) {
      for (int64_t block = first; block < last; ++block) {
        const int64_t index = indexAt(block % extents_.indices);
        const int64_t from = block / extents_.indices * extents_.size + (index < 0 ? index + extents_.size : index);
        std::memcpy(target_ + block * extents_.blockBytes, source_ + from * extents_.blockBytes,
                    static_cast<size_t>(extents_.blockBytes));
      }
    });
  }

 private:
  int64_t indexAt(int64_t i) const {
    return isWide_ ? reinterpret_cast<const int64_t*>(indices_)[i] : reinterpret_cast<const int32_t*>(indices_)[i];
  }
  void requireInside(int64_t index) const {
    if (index < -extents_.size || index >= extents_.size)
      throw Error(ErrorKind::input, text("index ", index, " is outside an axis of ", extents_.size, " elements"));
  }

  Extents extents_;
  bool isWide_;
  int threads_;
  const std::byte* source_ = nullptr;
  const std::byte* indices_ = nullptr;
  std::byte* target_ = nullptr;
};

}  // namespace

KernelChoice makeGather(const KernelRequest& request, CpuContext&) {
  const Shape shape = request.shape(0);
  const int64_t bytes = elementBytes(request.dtype(0));
  const bool isWide = request.dtype(1) == DType::i64;
  if (bytes == 0 || shape.rank() == 0 || (!isWide && request.dtype(1) != DType::i32)) return notForMe();
  const size_t axis = normalizedAxis(request.node.attributes.integer("axis", 0), shape.rank());
  const GatherKernel::Extents extents{shape.count(0, axis), shape[axis], request.shape(1).elementCount(),
                                      shape.count(axis + 1, shape.rank()) * bytes};
  KernelChoice choice;
  choice.kernel = std::make_unique<GatherKernel>(extents, isWide, request.threads);
  choice.inputLayouts.assign(2, Layout::plain);
  choice.outputLayouts = {Layout::plain};
  return choice;
}

}  // namespace compress
