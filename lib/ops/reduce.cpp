// Reductions along axes (input 1, all axes where it is absent), and the positions of extremes.
#include <algorithm>
#include <cmath>
#include <limits>

#include "lib/ops/access.h"
#include "lib/ops/arithmetic.h"
#include "lib/ops/families.h"
#include "lib/ops/rules.h"
#include "lib/ops/upgrade_tools.h"

namespace compress {
namespace {

/// Which axes go: all of them where none is named, unless noop_with_empty_axes.
std::vector<bool> reducedAxes(const Node& node, const std::vector<int64_t>& axes, size_t rank) {
  const bool isNoop = node.attributes.integer("noop_with_empty_axes", 0) != 0;
  std::vector<bool> reduced(rank, axes.empty() && !isNoop);
  for (const size_t axis : normalizedAxes(axes, rank)) reduced[axis] = true;
  return reduced;
}

std::vector<Dim> keptDims(const std::vector<Dim>& dims, const std::vector<bool>& reduced, bool keepDims) {
  std::vector<Dim> kept;
  for (size_t i = 0; i < dims.size(); ++i)
    if (!reduced[i])
      kept.push_back(dims[i]);
    else if (keepDims)
      kept.push_back(Dim::of(1));
  return kept;
}

void inferReduce(InferContext& context) {
  requireInputs(context, 1);
  const Type& x = context.input(0);
  const bool keepDims = context.node.attributes.integer("keepdims", 1) != 0;
  context.outputs.at(0) = Type::tensor(x.dtype);
  if (!x.hasRank()) return;
  const auto axes = context.has(1) ? knownInts(context, 1) : std::vector<int64_t>{};
  if (axes)
    context.outputs[0].dims = keptDims(*x.dims, reducedAxes(context.node, *axes, x.rank()), keepDims);
  else if (keepDims)
    context.outputs[0].dims.emplace(x.rank());
}

/// Distance in the output of neighbours in the input; 0 along axes that go. The number of outputs in `count`.
std::vector<int64_t> outputStrides(const Shape& shape, const std::vector<bool>& reduced, size_t& count) {
  std::vector<int64_t> strides(shape.rank(), 0);
  int64_t next = 1;
  for (size_t i = shape.rank(); i-- > 0;)
    if (!reduced[i]) {
      strides[i] = next;
      next *= shape[i];
    }
  count = static_cast<size_t>(next);
  return strides;
}

/// One output element for each group of input elements: start, then step(sum, x) for each x in order.
template <typename Wide, typename Step>
std::vector<Wide> accumulate(const std::vector<Wide>& x, const Shape& shape, const std::vector<bool>& reduced,
                             Wide start, const Step& step) {
  size_t count = 0;
  const auto strides = outputStrides(shape, reduced, count);
  std::vector<Wide> out(count, start);
  size_t next = 0;
  forEachRow(shape, strides, [&](int64_t first, int64_t length, int64_t stride) {
    for (int64_t i = 0; i < length; ++i) {
      Wide& sum = out[static_cast<size_t>(first + i * stride)];
      sum = step(sum, x[next++]);
    }
  });
  return out;
}

std::vector<bool> reducedAxes(const ReferenceContext& context) {
  return reducedAxes(context.node, axesInput(context, 1), context.inputs[0].shape().rank());
}

/// Elements that go into one output element.
double groupSize(const Shape& shape, const std::vector<bool>& reduced) {
  double size = 1;
  for (size_t i = 0; i < shape.rank(); ++i) size *= reduced[i] ? static_cast<double>(shape[i]) : 1;
  return size;
}

struct AddSquareTo {
  template <typename Wide>
  Wide operator()(Wide sum, Wide x) const {
    return Plus{}(sum, Times{}(x, x));
  }
};

struct AddMagnitudeTo {
  template <typename Wide>
  Wide operator()(Wide sum, Wide x) const {
    return x < Wide{0} ? Minus{}(sum, x) : Plus{}(sum, x);
  }
};

constexpr auto kKeepLarger = [](auto most, auto x) { return x > most || x != x ? x : most; };
constexpr auto kKeepSmaller = [](auto least, auto x) { return x < least || x != x ? x : least; };

/// In the type's own wide type, from `start`.
template <typename Step>
void reduceExactly(ReferenceContext& context, int start, const Step& step) {
  withWide(context.inputs[0].dtype(), [&](auto zero) {
    using Wide = decltype(zero);
    const auto out = accumulate<Wide>(load<Wide>(context.inputs[0]), context.inputs[0].shape(), reducedAxes(context),
                                      static_cast<Wide>(start), step);
    store(std::span<const Wide>(out), context.outputs[0]);
  });
}

void reduceSum(ReferenceContext& context) {
  reduceExactly(context, 0, Plus{});
}
void reduceSumSquare(ReferenceContext& context) {
  reduceExactly(context, 0, AddSquareTo{});
}
void reduceL1(ReferenceContext& context) {
  reduceExactly(context, 0, AddMagnitudeTo{});
}
void reduceProd(ReferenceContext& context) {
  reduceExactly(context, 1, Times{});
}

/// The extreme that `step` keeps, from the least extreme value of the wide type on.
template <typename Step>
void reduceExtreme(ReferenceContext& context, int sign, const Step& step) {
  withWide(context.inputs[0].dtype(), [&](auto zero) {
    using Wide = decltype(zero);
    using Limits = std::numeric_limits<Wide>;
    const Wide most = Limits::has_infinity ? Limits::infinity() : Limits::max();
    const Wide least = Limits::has_infinity ? -Limits::infinity() : Limits::lowest();
    const auto out = accumulate<Wide>(load<Wide>(context.inputs[0]), context.inputs[0].shape(), reducedAxes(context),
                                      sign > 0 ? most : least, step);
    store(std::span<const Wide>(out), context.outputs[0]);
  });
}

void reduceMax(ReferenceContext& context) {
  reduceExtreme(context, -1, kKeepLarger);
}
void reduceMin(ReferenceContext& context) {
  reduceExtreme(context, 1, kKeepSmaller);
}

/// The sum of step(x) in double, then finish(sum).
template <typename Step, typename Finish>
void reduceReal(ReferenceContext& context, const Step& step, const Finish& finish) {
  auto out =
      accumulate<double>(load<double>(context.inputs[0]), context.inputs[0].shape(), reducedAxes(context), 0.0, step);
  for (double& sum : out) sum = finish(sum);
  store(std::span<const double>(out), context.outputs[0]);
}

void reduceMean(ReferenceContext& context) {
  const double count = groupSize(context.inputs[0].shape(), reducedAxes(context));
  reduceReal(context, Plus{}, [count](double sum) { return sum / count; });
}

void reduceL2(ReferenceContext& context) {
  reduceReal(context, AddSquareTo{}, [](double sum) { return std::sqrt(sum); });
}

void reduceLogSum(ReferenceContext& context) {
  reduceReal(context, Plus{}, [](double sum) { return std::log(sum); });
}

/// max + ln(sum of e^(x - max)), so that nothing overflows.
void reduceLogSumExp(ReferenceContext& context) {
  const Shape& shape = context.inputs[0].shape();
  const auto reduced = reducedAxes(context);
  const auto x = load<double>(context.inputs[0]);
  const auto most = accumulate<double>(x, shape, reduced, -std::numeric_limits<double>::infinity(), kKeepLarger);
  size_t count = 0;
  const auto strides = outputStrides(shape, reduced, count);
  std::vector<double> sums(count, 0.0);
  size_t next = 0;
  forEachRow(shape, strides, [&](int64_t first, int64_t length, int64_t stride) {
    for (int64_t i = 0; i < length; ++i) {
      const auto at = static_cast<size_t>(first + i * stride);
      sums[at] += std::exp(x[next++] - (std::isinf(most[at]) ? 0 : most[at]));
    }
  });
  for (size_t i = 0; i < sums.size(); ++i) sums[i] = std::log(sums[i]) + (std::isinf(most[i]) ? 0 : most[i]);
  store(std::span<const double>(sums), context.outputs[0]);
}

void inferArg(InferContext& context) {
  requireInputs(context, 1);
  const Type& x = context.input(0);
  context.outputs.at(0) = Type::tensor(DType::i64);
  if (!x.hasRank()) return;
  std::vector<bool> reduced(x.rank(), false);
  reduced[normalizedAxis(context.node.attributes.integer("axis", 0), x.rank())] = true;
  context.outputs[0].dims = keptDims(*x.dims, reduced, context.node.attributes.integer("keepdims", 1) != 0);
}

/// Position along `axis` of the element that `isBetter` than all before it; among equals the first, or the last where
/// asked.
template <auto isBetter>
void argument(ReferenceContext& context) {
  const Shape& shape = context.inputs[0].shape();
  const size_t axis = normalizedAxis(context.node.attributes.integer("axis", 0), shape.rank());
  const bool isLast = context.node.attributes.integer("select_last_index", 0) != 0;
  const int64_t outer = shape.count(0, axis), size = shape[axis], inner = shape.count(axis + 1, shape.rank());
  if (size == 0) reject("axis ", axis, " has no elements");
  withWide(context.inputs[0].dtype(), [&](auto zero) {
    const auto x = load<decltype(zero)>(context.inputs[0]);
    std::vector<int64_t> out;
    for (int64_t o = 0; o < outer; ++o)
      for (int64_t i = 0; i < inner; ++i) {
        const auto at = [&](int64_t k) { return x[static_cast<size_t>((o * size + k) * inner + i)]; };
        int64_t best = 0;
        for (int64_t k = 1; k < size; ++k)
          if (isBetter(at(k), at(best)) || (isLast && at(k) == at(best))) best = k;
        out.push_back(best);
      }
    store(std::span<const int64_t>(out), context.outputs[0]);
  });
}

constexpr auto kIsLarger = [](auto a, auto b) { return a > b; };
constexpr auto kIsSmaller = [](auto a, auto b) { return a < b; };

void axesToInput(Graph& graph, NodeId id) {
  integersToInput(graph, id, "axes", 1);
}

}  // namespace

std::vector<OpSpec> reduceOps() {
  const std::vector<Upgrade> at13 = {{13, axesToInput}}, at18 = {{18, axesToInput}};
  return {
      {"ReduceSum", "", inferReduce, reduceSum, at13, "sum along axes"},
      {"ReduceMean", "", inferReduce, reduceMean, at18, "mean along axes"},
      {"ReduceMax", "", inferReduce, reduceMax, at18, "largest element along axes"},
      {"ReduceMin", "", inferReduce, reduceMin, at18, "smallest element along axes"},
      {"ReduceProd", "", inferReduce, reduceProd, at18, "product along axes"},
      {"ReduceL1", "", inferReduce, reduceL1, at18, "sum of |x| along axes"},
      {"ReduceL2", "", inferReduce, reduceL2, at18, "(sum of x^2)^(1/2) along axes"},
      {"ReduceSumSquare", "", inferReduce, reduceSumSquare, at18, "sum of x^2 along axes"},
      {"ReduceLogSum", "", inferReduce, reduceLogSum, at18, "ln of the sum along axes"},
      {"ReduceLogSumExp", "", inferReduce, reduceLogSumExp, at18, "ln of the sum of e^x along axes"},
      {"ArgMax", "", inferArg, argument<kIsLarger>, {}, "index of the largest element along `axis`"},
      {"ArgMin", "", inferArg, argument<kIsSmaller>, {}, "index of the smallest element along `axis`"},
  };
}

}  // namespace compress
