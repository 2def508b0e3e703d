// Descriptors, and execution through the C interface with arguments that are made once.
#include "lib/runtime/cpu/onednn.h"

#include "lib/base/error.h"
#include "lib/base/parallel.h"
#include "lib/base/text.h"

namespace compress {

dnnl::memory::data_type onednnType(DType dtype) {
  using Kind = dnnl::memory::data_type;
  switch (dtype) {
    case DType::f32:
      return Kind::f32;
    case DType::bf16:
      return Kind::bf16;
    case DType::i32:
      return Kind::s32;
    case DType::i8:
      return Kind::s8;
    case DType::u8:
      return Kind::u8;
    default:
      throw Error(ErrorKind::unsupported, text("element type ", nameOf(dtype), " has no oneDNN kernel"));
  }
}

bool hasBf16() {
  const dnnl::cpu_isa isa = dnnl::get_effective_cpu_isa();
  return isa == dnnl::cpu_isa::avx512_core_bf16 || isa == dnnl::cpu_isa::avx512_core_amx;
}

bool isGemm(const std::string& implementation) {
  return implementation.find("gemm:") != std::string::npos;
}

bool hasExactByteProducts() {
  using Isa = dnnl::cpu_isa;
  const Isa isa = dnnl::get_effective_cpu_isa();
  return isa == Isa::avx2_vnni || isa == Isa::avx512_core_vnni || isa == Isa::avx512_core_bf16 ||
         isa == Isa::avx512_core_amx;
}

dnnl::memory::desc onednnDesc(const Shape& shape, DType dtype, Layout layout) {
  return {shape.dims(), onednnType(dtype), stridesOf(shape, layout)};
}

dnnl::memory::desc onednnAny(const Shape& shape, DType dtype) {
  return {shape.dims(), onednnType(dtype), dnnl::memory::format_tag::any};
}

BoundPrimitive::BoundPrimitive(const dnnl::primitive& primitive, const dnnl::engine& engine,
                               std::span<const std::pair<int, dnnl::memory::desc>> arguments, int threads)
    : primitive_(primitive), stream_(engine), threads_(threads) {
  memories_.reserve(arguments.size());
  for (const auto& [index, desc] : arguments) {
    memories_.emplace_back(desc, engine, static_cast<void*>(DNNL_MEMORY_NONE));
    arguments_.push_back({index, memories_.back().get()});
  }
}

void BoundPrimitive::point(size_t argument, const void* data) {
  memories_[argument].set_data_handle(const_cast<void*>(data), stream_);
}

void BoundPrimitive::run() {
  if (threads_ == omp_get_max_threads()) {
    dnnl::error::wrap_c_api(
        dnnl_primitive_execute(primitive_.get(), stream_.get(), static_cast<int>(arguments_.size()), arguments_.data()),
        "could not run a primitive");
    return;
  }
  const ThreadLimit limit(threads_);
  dnnl::error::wrap_c_api(
      dnnl_primitive_execute(primitive_.get(), stream_.get(), static_cast<int>(arguments_.size()), arguments_.data()),
      "could not run a primitive");
}

}  // namespace compress
