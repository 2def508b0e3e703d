// Col2Im: the sum of sliding blocks, each put back where a window would have read it.
#include "lib/ops/access.h"
#include "lib/ops/families.h"
#include "lib/ops/window.h"

namespace compress {
namespace {

void inferCol2Im(InferContext& context) {
  requireInputs(context, 3);
  requireRank(context, 0, 3);
  context.outputs.at(0) = Type::tensor(dtypeOfInput(context, 0));
  const auto image = partialInts(context, 1);
  const auto block = knownInts(context, 2);
  if (!image) return;
  Dim channels;
  if (block) {
    int64_t area = 1;
    for (const int64_t size : *block)
      if (size < 1 || __builtin_mul_overflow(area, size, &area)) reject("a block of ", print(Shape(*block)));
    channels = divided(dimOfInput(context, 0, 1), area);
  }
  context.outputs[0].dims = std::vector<Dim>{dimOfInput(context, 0, 0), channels};
  for (const PartialInt& size : *image) context.outputs[0].dims->push_back(dimOf(size));
}

void col2im(ReferenceContext& context) {
  const Shape &x = context.inputs[0].shape(), &y = context.outputs[0].shape();
  const std::vector<int64_t> image(y.dims().begin() + 2, y.dims().end());
  const Window window = windowOf(context.node, toInts(context.inputs[2]));
  if (window.rank() != image.size())
    reject("a block of ", window.rank(), " axes and an image of ", image.size(), ", expected as many");
  std::vector<int64_t> counts;
  for (size_t axis = 0; axis < image.size(); ++axis)
    counts.push_back(windowOutput(window, axis, Dim::of(image[axis])).value);
  const Shape blocks(counts), kernel(window.kernel), plane(image);
  if (x[2] != blocks.elementCount()) reject("x has ", x[2], " blocks, expected ", blocks.elementCount());
  const auto blockStrides = stridesOf(blocks), kernelStrides = stridesOf(kernel), strides = stridesOf(plane);
  const auto values = load<double>(context.inputs[0]);
  std::vector<double> sums(static_cast<size_t>(y.elementCount()));
  size_t next = 0;
  for (int64_t channel = 0; channel < y[0] * y[1]; ++channel)
    for (int64_t k = 0; k < kernel.elementCount(); ++k)
      for (int64_t block = 0; block < x[2]; ++block, ++next) {
        int64_t target = channel * plane.elementCount();
        bool isInside = true;
        for (size_t axis = 0; axis < image.size(); ++axis) {
          const int64_t i = block / blockStrides[axis] % blocks[axis] * window.strides[axis] - window.padsBegin[axis] +
                            k / kernelStrides[axis] % kernel[axis] * window.dilations[axis];
          isInside = isInside && i >= 0 && i < image[axis];
          target += i * strides[axis];
        }
        if (isInside) sums[static_cast<size_t>(target)] += values[next];
      }
  store(std::span<const double>(sums), context.outputs[0]);
}

}  // namespace

std::vector<OpSpec> col2imOps() {
  return {{"Col2Im", "", inferCol2Im, col2im, {}, "the sum of sliding blocks at their places"}};
}

}  // namespace compress
