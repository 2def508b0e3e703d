// The windows of a pool or a convolution over one plane, for references.
#pragma once
#include <vector>

#include "lib/ops/window.h"

namespace compress {

/// Visits each output position of one plane with the kernel elements that lie inside the input.
class Windows {
 public:
  static constexpr size_t kMostAxes = 8;
  /// `node` has the attributes of a pool: kernel_shape, strides ...
  Windows(const Node& node, const Shape& x, const Shape& y)
      : window_(windowOf(node, node.attributes.integers("kernel_shape"))) {
    input_.assign(x.dims().begin() + 2, x.dims().end());
    output_.assign(y.dims().begin() + 2, y.dims().end());
    if (window_.rank() > kMostAxes) reject("a window of ", window_.rank(), " axes, expected at most ", kMostAxes);
    resolvePads(window_, input_);
  }

  const Window& window() const { return window_; }
  int64_t inputPlane() const { return Shape(input_).elementCount(); }
  int64_t outputPlane() const { return Shape(output_).elementCount(); }

  /// element(i) for each input index under the window at output index `o`, both flat within the plane, in C order.
  template <typename Element>
  void visit(int64_t o, const Element& element) const {
    visitTaps(o, [&](int64_t i, int64_t) { element(i); });
  }

  /// The same with the flat index in the kernel: tap(i, k).
  template <typename Tap>
  void visitTaps(int64_t o, const Tap& tap) const {
    int64_t starts[kMostAxes];
    const size_t rank = window_.rank();
    for (size_t axis = rank; axis-- > 0; o /= output_[axis])
      starts[axis] = o % output_[axis] * window_.strides[axis] - window_.padsBegin[axis];
    visitAxis(0, 0, 0, starts, tap);
  }

  /// Kernel elements at `o` that lie inside the input widened by its padding: what count_include_pad divides by.
  int64_t paddedCount(int64_t o) const {
    int64_t count = 1;
    for (size_t axis = window_.rank(); axis-- > 0; o /= output_[axis]) {
      const int64_t start = o % output_[axis] * window_.strides[axis] - window_.padsBegin[axis];
      const int64_t end = input_[axis] + window_.padsEnd[axis];
      int64_t inside = 0;
      for (int64_t k = 0; k < window_.kernel[axis]; ++k) inside += start + k * window_.dilations[axis] < end ? 1 : 0;
      count *= inside;
    }
    return count;
  }

 private:
  template <typename Tap>
  void visitAxis(size_t axis, int64_t base, int64_t kernelBase, const int64_t* starts, const Tap& tap) const {
    for (int64_t k = 0; k < window_.kernel[axis]; ++k) {
      const int64_t i = starts[axis] + k * window_.dilations[axis];
      if (i < 0 || i >= input_[axis]) continue;
      const int64_t index = base * input_[axis] + i, kernelIndex = kernelBase * window_.kernel[axis] + k;
      if (axis + 1 == window_.rank())
        tap(index, kernelIndex);
      else
        visitAxis(axis + 1, index, kernelIndex, starts, tap);
    }
  }

  Window window_;
  std::vector<int64_t> input_, output_;
};

}  // namespace compress
