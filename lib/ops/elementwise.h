// Loops over elements that elementwise references share: one input, or two with numpy's broadcasting.
#pragma once
#include <vector>

#include "lib/base/parallel.h"
#include "lib/ops/access.h"
#include "lib/ops/rules.h"

namespace compress {

constexpr int64_t kElementsPerTask = 1 << 15;

/// values[i] = f(values[i])
template <typename Wide, typename F>
void mapElements(std::vector<Wide>& values, const F& f) {
  const auto count = static_cast<int64_t>(values.size());
  parallelFor((count + kElementsPerTask - 1) / kElementsPerTask, [&](int64_t task) {
    const int64_t end = std::min(count, (task + 1) * kElementsPerTask);
    for (int64_t i = task * kElementsPerTask; i < end; ++i)
      values[static_cast<size_t>(i)] = f(values[static_cast<size_t>(i)]);
  });
}

/// Output 0 = f(input 0), computed in double.
template <auto f>
void realUnary(ReferenceContext& context) {
  auto values = load<double>(context.inputs[0]);
  mapElements(values, f);
  store(std::span<const double>(values), context.outputs[0]);
}

/// Output 0 = f(input 0), computed in the type's own wide type.
template <auto f>
void anyUnary(ReferenceContext& context) {
  withWide(context.inputs[0].dtype(), [&](auto zero) {
    auto values = load<decltype(zero)>(context.inputs[0]);
    mapElements(values, f);
    store(std::span<const decltype(zero)>(values), context.outputs[0]);
  });
}

/// Strides that read a tensor of `shape` as if it were broadcast to `to`.
std::vector<int64_t> broadcastStrides(const Shape& shape, const Shape& to);

/// out[i] = f(a[i], b[i]) with a and b broadcast to `shape`.
template <typename Out, typename A, typename B, typename F>
std::vector<Out> broadcastMap(const std::vector<A>& a, const Shape& aShape, const std::vector<B>& b,
                              const Shape& bShape, const Shape& shape, const F& f) {
  std::vector<Out> out(static_cast<size_t>(shape.elementCount()));
  const auto aStrides = broadcastStrides(aShape, shape), bStrides = broadcastStrides(bShape, shape);
  std::vector<int64_t> aStarts;
  forEachRow(shape, aStrides, [&](int64_t start, int64_t, int64_t) { aStarts.push_back(start); });
  size_t row = 0;
  const int64_t aStep = aStrides.empty() ? 0 : aStrides.back();
  Out* to = out.data();
  forEachRow(shape, bStrides, [&](int64_t start, int64_t count, int64_t bStep) {
    const A* left = a.data() + aStarts[row++];
    const B* right = b.data() + start;
    for (int64_t i = 0; i < count; ++i) *to++ = static_cast<Out>(f(left[i * aStep], right[i * bStep]));
  });
  return out;
}

/// Output 0 has the first input's element type and the inputs' broadcast shape.
void inferBroadcast(InferContext& context);
/// The same for ops of exactly two inputs.
void inferBroadcastPair(InferContext& context);
/// The same with element type bool.
void inferBroadcastBool(InferContext& context);

}  // namespace compress
