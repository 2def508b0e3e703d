// The one door to oneDNN 2.6: descriptors from our layouts, and primitives bound to memory whose execution allocates
// nothing.
#pragma once
#include <dnnl.hpp>
#include <utility>
#include <vector>

#include "lib/runtime/plan/kernel.h"

namespace compress {

/// Throws Error(unsupported) for types that oneDNN lacks.
dnnl::memory::data_type onednnType(DType dtype);
/// Does the processor multiply bf16?
bool hasBf16();
/// Does it add products of bytes in 32 bits (VNNI, AMX)? Else two of them are added in 16 bits, which saturates, and
/// weights are halved where sources are signed.
bool hasExactByteProducts();
/// Is it one of the implementations that fall back to a general product of matrices? oneDNN 2.6 takes them where its
/// newer kernels give up (no AVX-512, windows that lie wholly in padding). Their tensor operands of post-operations are
/// read at wrong places, and the bytes of their products differ by thread count.
bool isGemm(const std::string& implementation);
/// A dense tensor in the given layout.
dnnl::memory::desc onednnDesc(const Shape& shape, DType dtype, Layout layout);
/// Dimensions with the layout left to the primitive (format_tag::any).
dnnl::memory::desc onednnAny(const Shape& shape, DType dtype);

/// A primitive with its arguments in an array of the C interface.
class BoundPrimitive {
 public:
  /// `arguments`: DNNL_ARG_... and descriptor; memory is given by point(). `threads`: that run() uses at most.
  BoundPrimitive(const dnnl::primitive& primitive, const dnnl::engine& engine,
                 std::span<const std::pair<int, dnnl::memory::desc>> arguments, int threads);
  void point(size_t argument, const void* data);
  void run();

 private:
  dnnl::primitive primitive_;
  dnnl::stream stream_;
  std::vector<dnnl::memory> memories_;
  std::vector<dnnl_exec_arg_t> arguments_;
  int threads_;
};

}  // namespace compress
