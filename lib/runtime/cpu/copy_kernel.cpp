#include "lib/runtime/cpu/copy_kernel.h"

#include <algorithm>
#include <cstring>

#include "lib/runtime/cpu/reorder.h"

namespace compress {

CopyKernel::CopyKernel(std::string name, std::vector<CopyTask> tasks, int threads, std::vector<std::byte> fill, int64_t outputBytes)
    : name_(std::move(name)), tasks_(std::move(tasks)), threads_(threads), fill_(std::move(fill)), outputBytes_(outputBytes),
      from_(tasks_.size()), to_(tasks_.size()) {}

void CopyKernel::bind(std::span<std::byte* const> inputs, std::span<std::byte* const> outputs, std::byte*) {
  for (size_t i = 0; i < tasks_.size(); ++i) {
    from_[i] = inputs[tasks_[i].input];
    to_[i] = outputs[tasks_[i].output];
    if (tasks_[i].copy.isContiguous() && from_[i] + tasks_[i].copy.fromOffsetBytes() == to_[i] + tasks_[i].copy.toOffsetBytes()) from_[i] = nullptr;
  }
  filled_ = outputs[0];
}

void CopyKernel::run() {
  if (!fill_.empty()) {
    if (std::ranges::all_of(fill_, [](std::byte byte) { return byte == std::byte{0}; })) {
      std::memset(filled_, 0, static_cast<size_t>(outputBytes_));
    } else {
      const size_t size = fill_.size();
      for (int64_t at = 0; at < outputBytes_; at += static_cast<int64_t>(size)) std::memcpy(filled_ + at, fill_.data(), size);
    }
  }
  for (size_t i = 0; i < tasks_.size(); ++i)
    if (from_[i] != nullptr) tasks_[i].copy.run(from_[i], to_[i], threads_);
}

std::unique_ptr<Kernel> makeReorderKernel(DType dtype, const Shape& shape, Layout from, Layout to, int threads) {
  const std::vector<int64_t> source = stridesOf(shape, from);
  const std::vector<int64_t> target = stridesOf(shape, to);
  std::vector<CopyAxis> axes;
  for (size_t i = 0; i < shape.rank(); ++i) axes.push_back({shape[i], source[i], target[i]});
  std::vector<CopyTask> tasks{{0, 0, StridedCopy(bitsOf(dtype) / 8, std::move(axes))}};
  return std::make_unique<CopyKernel>("copy", std::move(tasks), threads);
}

}  // namespace compress
