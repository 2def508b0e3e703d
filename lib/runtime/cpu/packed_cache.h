// Constants in the layout that a primitive wants, made once and shared by all plans of a backend.
#pragma once
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "lib/base/bytes.h"
#include "lib/ir/tensor.h"
#include "lib/runtime/cpu/onednn.h"

namespace compress {

using Packed = std::shared_ptr<const AlignedBytes>;

class PackedCache {
 public:
  /// `tensor`, read as `plain` (dense, C order, possibly with other dimensions), in the layout of `wanted`.
  Packed reordered(const Tensor& tensor, const dnnl::memory::desc& plain, const dnnl::memory::desc& wanted,
                   const dnnl::engine& engine);
  /// What `make` gives, kept under the content of `tensor` and `form`, which names what `make` does. Entries live as
  /// long as a plan holds them. Thread-safe; `make` may run twice at once, one result is kept.
  Packed find(const Tensor& tensor, const std::string& form, const std::function<AlignedBytes()>& make);

 private:
  std::mutex mutex_;
  std::map<std::string, std::weak_ptr<const AlignedBytes>> entries_;
};

}  // namespace compress
