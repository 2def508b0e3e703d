// Parameters of a per-tensor quantized tensor, and how nodes of a plan carry them.
#pragma once
#include <cstdint>
#include <string_view>

#include "lib/ir/graph.h"

namespace compress::int8 {

/// real = scale * (q - zero), q being u8 or i8.
struct Quantization {
  float scale = 1;
  int32_t zero = 0;
  DType dtype = DType::u8;

  bool operator==(const Quantization&) const = default;
  int32_t lowest() const { return dtype == DType::u8 ? 0 : -128; }
  int32_t highest() const { return dtype == DType::u8 ? 255 : 127; }
};

/// Attributes `<which>_scale`, `<which>_zero`, `<which>_type`.
void setQuantization(Attributes& attributes, std::string_view which, const Quantization& q);
Quantization quantizationOf(const Attributes& attributes, std::string_view which);

}  // namespace compress::int8
