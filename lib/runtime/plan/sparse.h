// When a product with constant weights is faster without its zeros, and in which form: a rule of shape and pattern,
// so that one model always runs by the same kernels and gives the same bytes.
#pragma once
#include <cstdint>
#include <optional>
#include <span>

namespace compress {

/// `inputs` x `outputs` weights that `positions` rows are multiplied by.
struct ProductShape {
  int64_t positions, inputs, outputs;
  bool isTransposed;  ///< weights are [inputs, outputs] instead of [outputs, inputs]

  size_t index(int64_t output, int64_t input) const {
    return static_cast<size_t>(isTransposed ? input * outputs + output : output * inputs + input);
  }
};

/// How the weights are packed, and which way they are walked.
struct SparseForm {
  enum class Walk {
    blocks,  ///< an entry is an input channel's weights for four neighbouring output channels; many positions at once
    rows,    ///< the same entries, position by position
    single,  ///< an entry is one weight; many positions at once
  } walk;
  int64_t work;  ///< estimated time, in multiply-adds of the dense product
};

/// The fastest form; nothing where the dense product is as fast.
std::optional<SparseForm> findSparseForm(const ProductShape& shape, std::span<const float> weights);

}  // namespace compress
