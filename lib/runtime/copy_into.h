// Results that come as tensors, into the caller's buffers.
#pragma once
#include <algorithm>

#include "lib/ir/tensor.h"

namespace compress {

/// `buffer` becomes a copy of `tensor`; its memory is used again when the form stays.
inline void copyInto(const Tensor& tensor, Buffer& buffer) {
  if (buffer.dtype() != tensor.dtype() || buffer.shape() != tensor.shape())
    buffer = Buffer(tensor.dtype(), tensor.shape());
  if (tensor.dtype() == DType::string)
    buffer.strings() = tensor.strings();
  else
    std::ranges::copy(tensor.raw(), buffer.raw().begin());
}

}  // namespace compress
