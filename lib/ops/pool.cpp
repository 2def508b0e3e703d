// Pools: MaxPool, AveragePool, LpPool over sliding windows of [N, C, spatial...], and their global forms.
#include <cmath>
#include <limits>

#include "lib/base/parallel.h"
#include "lib/ops/access.h"
#include "lib/ops/families.h"
#include "lib/ops/pool_windows.h"

namespace compress {
namespace {

void inferPool(InferContext& context) {
  requireInputs(context, 1);
  const Type& x = context.input(0);
  Type y = Type::tensor(x.dtype);
  const auto kernel = context.node.attributes.integers("kernel_shape");
  const Window window = windowOf(context.node, kernel);
  if (kernel.empty()) reject("kernel_shape is missing");
  if (x.hasRank()) {
    if (x.rank() != kernel.size() + 2) reject("x has rank ", x.rank(), ", the kernel has ", kernel.size(), " axes");
    y.dims = *x.dims;
    for (size_t axis = 0; axis < kernel.size(); ++axis)
      (*y.dims)[axis + 2] = windowOutput(window, axis, (*x.dims)[axis + 2]);
  }
  context.outputs.at(0) = y;
  if (context.outputs.size() > 1) context.outputs[1] = tensorType(DType::i64, y.dims);
}

/// y[plane, o] = reduce(windows, the plane's elements, o)
template <typename Reduce>
void pool(ReferenceContext& context, const Reduce& reduce) {
  const Tensor& x = context.inputs[0];
  const Windows windows(context.node, x.shape(), context.outputs[0].shape());
  const auto values = load<double>(x);
  const int64_t inputPlane = windows.inputPlane(), outputPlane = windows.outputPlane();
  std::vector<double> out(static_cast<size_t>(context.outputs[0].elementCount()));
  parallelFor(x.shape()[0] * x.shape()[1], [&](int64_t plane) {
    const double* from = values.data() + plane * inputPlane;
    for (int64_t o = 0; o < outputPlane; ++o)
      out[static_cast<size_t>(plane * outputPlane + o)] = reduce(windows, from, o);
  });
  store(std::span<const double>(out), context.outputs[0]);
}

/// Flat index with the last two spatial axes swapped: storage_order 1 counts columns first.
int64_t columnMajor(int64_t index, const Shape& x) {
  std::vector<int64_t> position(x.rank());
  for (size_t axis = x.rank(); axis-- > 2; index /= x[axis]) position[axis] = index % x[axis];
  int64_t flat = 0;
  for (size_t axis = x.rank(); axis-- > 2;) flat = flat * x[axis] + position[axis];
  return flat;
}

/// The largest element and, where wanted, its flat index in the whole input; the first one of equals.
void maxPool(ReferenceContext& context) {
  const Tensor& x = context.inputs[0];
  const Windows windows(context.node, x.shape(), context.outputs[0].shape());
  const bool columnsFirst = context.node.attributes.integer("storage_order", 0) != 0;
  const int64_t inputPlane = windows.inputPlane(), outputPlane = windows.outputPlane();
  const Mover mover(x, context.outputs[0]);
  const auto values = load<double>(x);
  std::vector<int64_t> indices(static_cast<size_t>(context.outputs[0].elementCount()));
  parallelFor(x.shape()[0] * x.shape()[1], [&](int64_t plane) {
    const double* from = values.data() + plane * inputPlane;
    for (int64_t o = 0; o < outputPlane; ++o) {
      int64_t best = -1;
      windows.visit(o, [&](int64_t i) {
        if (best < 0 || from[i] > from[best] || (std::isnan(from[i]) && !std::isnan(from[best]))) best = i;
      });
      if (best < 0) reject("a window lies in the padding alone");
      const int64_t target = plane * outputPlane + o;
      mover.copy(plane * inputPlane + best, target);
      indices[static_cast<size_t>(target)] = plane * inputPlane + (columnsFirst ? columnMajor(best, x.shape()) : best);
    }
  });
  if (context.wants(1)) store(std::span<const int64_t>(indices), context.outputs[1]);
}

void averagePool(ReferenceContext& context) {
  const bool countPads = context.node.attributes.integer("count_include_pad", 0) != 0;
  pool(context, [&](const Windows& windows, const double* from, int64_t o) {
    double sum = 0;
    int64_t count = 0;
    windows.visit(o, [&](int64_t i) {
      sum += from[i];
      ++count;
    });
    return sum / static_cast<double>(countPads ? windows.paddedCount(o) : count);
  });
}

void lpPool(ReferenceContext& context) {
  const auto p = static_cast<double>(context.node.attributes.integer("p", 2));
  pool(context, [&](const Windows& windows, const double* from, int64_t o) {
    double sum = 0;
    windows.visit(o, [&](int64_t i) { sum += std::pow(std::abs(from[i]), p); });
    return std::pow(sum, 1 / p);
  });
}

void inferGlobal(InferContext& context) {
  requireInputs(context, 1);
  Type y = context.input(0);
  if (y.hasRank()) {
    if (y.rank() < 2) reject("x has rank ", y.rank(), ", expected at least 2");
    for (size_t axis = 2; axis < y.rank(); ++axis) (*y.dims)[axis] = Dim::of(1);
  }
  context.outputs.at(0) = y;
}

/// y[n, c] = reduce(the plane x[n, c])
template <typename Reduce>
void reducePlanes(ReferenceContext& context, const Reduce& reduce) {
  const Shape& shape = context.inputs[0].shape();
  const auto values = load<double>(context.inputs[0]);
  const auto plane = static_cast<size_t>(shape.count(2, shape.rank()));
  std::vector<double> out(static_cast<size_t>(shape[0] * shape[1]));
  parallelFor(static_cast<int64_t>(out.size()), [&](int64_t i) {
    out[static_cast<size_t>(i)] =
        reduce(std::span<const double>(values.data() + static_cast<size_t>(i) * plane, plane));
  });
  store(std::span<const double>(out), context.outputs[0]);
}

void globalAveragePool(ReferenceContext& context) {
  reducePlanes(context, [](std::span<const double> plane) {
    double sum = 0;
    for (const double x : plane) sum += x;
    return sum / static_cast<double>(plane.size());
  });
}

void globalMaxPool(ReferenceContext& context) {
  reducePlanes(context, [](std::span<const double> plane) {
    double most = -std::numeric_limits<double>::infinity();
    for (const double x : plane) most = x > most || std::isnan(x) ? x : most;
    return most;
  });
}

void globalLpPool(ReferenceContext& context) {
  const auto p = static_cast<double>(context.node.attributes.integer("p", 2));
  reducePlanes(context, [p](std::span<const double> plane) {
    double sum = 0;
    for (const double x : plane) sum += std::pow(std::abs(x), p);
    return std::pow(sum, 1 / p);
  });
}

/// LpPool at opset 2: p is an integer.
void integerNorm(Graph& graph, NodeId id) {
  const Attribute* p = graph.node(id).attributes.find("p");
  if (p != nullptr && std::holds_alternative<float>(p->data))
    graph.setAttribute(id, "p", static_cast<int64_t>(std::get<float>(p->data)));
}

}  // namespace

std::vector<OpSpec> poolOps() {
  return {
      {"MaxPool", "", inferPool, maxPool, {}, "largest element under a sliding window, and its index"},
      {"AveragePool", "", inferPool, averagePool, {}, "mean under a sliding window"},
      {"LpPool", "", inferPool, lpPool, {{2, integerNorm}}, "p-norm under a sliding window"},
      {"GlobalMaxPool", "", inferGlobal, globalMaxPool, {}, "largest element of each plane"},
      {"GlobalAveragePool", "", inferGlobal, globalAveragePool, {}, "mean of each plane"},
      {"GlobalLpPool", "", inferGlobal, globalLpPool, {{2, integerNorm}}, "p-norm of each plane"},
  };
}

}  // namespace compress
