// Running lists of strided copies, all of them in one parallel region; and reorders, which are such a list of one.
#include "lib/runtime/cpu/copy_kernel.h"

#include <omp.h>

#include <algorithm>
#include <cstring>

#include "lib/runtime/cpu/reorder.h"

namespace compress {
namespace {

/// Copies below this size are done by one thread: waking others costs about as much.
constexpr int64_t kParallelBytes = 1 << 17;

}  // namespace

CopyKernel::CopyKernel(std::string name, std::vector<CopyTask> tasks, int threads, std::vector<std::byte> fill,
                       int64_t outputBytes)
    : name_(std::move(name)),
      tasks_(std::move(tasks)),
      threads_(threads),
      fill_(std::move(fill)),
      outputBytes_(outputBytes),
      from_(tasks_.size()),
      to_(tasks_.size()) {
  for (const CopyTask& task : tasks_) bytes_ += task.copy.bytes();
}

void CopyKernel::bind(std::span<std::byte* const> inputs, std::span<std::byte* const> outputs, std::byte*) {
  for (size_t i = 0; i < tasks_.size(); ++i) {
    from_[i] = inputs[tasks_[i].input];
    to_[i] = outputs[tasks_[i].output];
    if (tasks_[i].copy.isContiguous() &&
        from_[i] + tasks_[i].copy.fromOffsetBytes() == to_[i] + tasks_[i].copy.toOffsetBytes())
      from_[i] = nullptr;
  }
  filled_ = outputs[0];
}

void CopyKernel::fill() const {
  if (fill_.empty()) return;
  if (std::ranges::all_of(fill_, [](std::byte byte) { return byte == std::byte{0}; })) {
    std::memset(filled_, 0, static_cast<size_t>(outputBytes_));
    return;
  }
  const size_t size = fill_.size();
  for (int64_t at = 0; at < outputBytes_; at += static_cast<int64_t>(size))
    std::memcpy(filled_ + at, fill_.data(), size);
}

/// Share `part` of `parts` of every task. In small blocks, so that tasks which write neighbouring elements find them in
/// the cache.
void CopyKernel::copyShare(int64_t part, int64_t parts) const {
  constexpr int64_t kBlockBytes = 1 << 14;
  const bool isTogether =
      std::ranges::all_of(tasks_, [&](const CopyTask& task) { return task.copy.parts() == tasks_[0].copy.parts(); });
  for (size_t i = 0; i < (isTogether ? 1 : tasks_.size()); ++i) {
    const int64_t count = tasks_[i].copy.parts();
    const int64_t last = count * (part + 1) / parts;
    const int64_t block = isTogether ? std::max<int64_t>(1, count * kBlockBytes / std::max<int64_t>(1, bytes_)) : count;
    for (int64_t first = count * part / parts; first < last; first += block)
      for (size_t k = i; k < (isTogether ? tasks_.size() : i + 1); ++k)
        if (from_[k] != nullptr) tasks_[k].copy.run(from_[k], to_[k], first, std::min(last, first + block));
  }
}

void CopyKernel::run() {
  fill();
  if (threads_ <= 1 || bytes_ < kParallelBytes) return copyShare(0, 1);
#pragma omp parallel num_threads(threads_)
  copyShare(omp_get_thread_num(), omp_get_num_threads());
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
