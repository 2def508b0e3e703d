// All axes but the last are one loop over rows; a row is gathered element by element.
#include "lib/runtime/cpu/indexed_copy.h"

#include "lib/runtime/cpu/row_kernel.h"

namespace compress {
namespace {

template <typename Element>
class IndexedCopyKernel : public Kernel {
 public:
  IndexedCopyKernel(std::vector<std::vector<int64_t>> offsets, int threads)
      : outer_(std::move(offsets)), row_(outer_.back()), threads_(threads) {
    outer_.pop_back();
    for (const auto& axis : outer_) rows_ *= static_cast<int64_t>(axis.size());
  }
  std::string name() const override { return "copy"; }
  void bind(std::span<std::byte* const> inputs, std::span<std::byte* const> outputs, std::byte*) override {
    source_ = reinterpret_cast<const Element*>(inputs[0]);
    target_ = reinterpret_cast<Element*>(outputs[0]);
  }
  void run() override {
    const int64_t count = static_cast<int64_t>(row_.size());
    overRows(rows_, rows_ * count, threads_, [&](int64_t first, int64_t last) {
      for (int64_t row = first; row < last; ++row) {
        const Element* from = source_ + offsetOf(row);
        Element* to = target_ + row * count;
        for (int64_t i = 0; i < count; ++i) to[i] = from[row_[static_cast<size_t>(i)]];
      }
    });
  }

 private:
  int64_t offsetOf(int64_t row) const {
    int64_t offset = 0;
    for (size_t i = outer_.size(); i-- > 0;) {
      const int64_t count = static_cast<int64_t>(outer_[i].size());
      offset += outer_[i][static_cast<size_t>(row % count)];
      row /= count;
    }
    return offset;
  }

  std::vector<std::vector<int64_t>> outer_;
  std::vector<int64_t> row_;
  int64_t rows_ = 1;
  int threads_;
  const Element* source_ = nullptr;
  Element* target_ = nullptr;
};

}  // namespace

std::unique_ptr<Kernel> makeIndexedCopy(int64_t elementBytes, std::vector<std::vector<int64_t>> offsets, int threads) {
  switch (elementBytes) {
    case 1:
      return std::make_unique<IndexedCopyKernel<uint8_t>>(std::move(offsets), threads);
    case 2:
      return std::make_unique<IndexedCopyKernel<uint16_t>>(std::move(offsets), threads);
    case 4:
      return std::make_unique<IndexedCopyKernel<uint32_t>>(std::move(offsets), threads);
    default:
      return std::make_unique<IndexedCopyKernel<uint64_t>>(std::move(offsets), threads);
  }
}

}  // namespace compress
