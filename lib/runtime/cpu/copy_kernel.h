// A kernel that is a list of strided copies, after a fill where they do not cover the output.
#pragma once
#include <optional>

#include "lib/runtime/cpu/strided_copy.h"
#include "lib/runtime/plan/kernel.h"

namespace compress {

struct CopyTask {
  size_t input;
  size_t output;
  StridedCopy copy;
};

class CopyKernel : public Kernel {
 public:
  /// `fill`: bytes of one element that output 0 is filled with before the copies; `outputBytes` is its size.
  CopyKernel(std::string name, std::vector<CopyTask> tasks, int threads, std::vector<std::byte> fill = {},
             int64_t outputBytes = 0);
  std::string name() const override { return name_; }
  /// A task whose source already is its place in the output is left out.
  void bind(std::span<std::byte* const> inputs, std::span<std::byte* const> outputs, std::byte* scratch) override;
  void run() override;

 private:
  void fill() const;
  void copyShare(int64_t part, int64_t parts) const;

  std::string name_;
  std::vector<CopyTask> tasks_;
  int threads_;
  std::vector<std::byte> fill_;
  int64_t outputBytes_;
  int64_t bytes_ = 0;
  std::vector<const std::byte*> from_;
  std::vector<std::byte*> to_;
  std::byte* filled_ = nullptr;
};

}  // namespace compress
