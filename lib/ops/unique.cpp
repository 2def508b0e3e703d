// Unique: the different elements of a tensor, or its different slices along an axis.
#include <algorithm>
#include <numeric>

#include "lib/ops/access.h"
#include "lib/ops/families.h"
#include "lib/ops/indices.h"
#include "lib/ops/rules.h"

namespace compress {
namespace {

void inferUnique(InferContext& context) {
  requireInputs(context, 1);
  someOfFirst(context);
  for (size_t i = 1; i < context.outputs.size(); ++i)
    context.outputs[i] = Type::tensor(DType::i64, std::vector<Dim>{Dim{}});
}

/// Positions of slices in ascending order, and which of them begin a run of equal ones.
struct Runs {
  std::vector<int64_t> order;
  std::vector<bool> isFirst;
};

/// `compare(a, b)` is negative, 0 or positive for slices a and b.
template <typename Compare>
Runs runsOf(int64_t count, const Compare& compare) {
  Runs runs;
  runs.order.resize(static_cast<size_t>(count));
  std::iota(runs.order.begin(), runs.order.end(), 0);
  std::ranges::stable_sort(runs.order, [&](int64_t a, int64_t b) { return compare(a, b) < 0; });
  for (size_t i = 0; i < runs.order.size(); ++i)
    runs.isFirst.push_back(i == 0 || compare(runs.order[i - 1], runs.order[i]) != 0);
  return runs;
}

/// The different slices: where each occurs first, how often, and which one each slice of x is.
struct Found {
  std::vector<int64_t> first, counts, inverse;
};

Found foundIn(const Runs& runs, bool isSorted) {
  Found found;
  found.inverse.resize(runs.order.size());
  for (size_t i = 0; i < runs.order.size(); ++i) {
    if (runs.isFirst[i]) {
      found.first.push_back(runs.order[i]);
      found.counts.push_back(0);
    }
    ++found.counts.back();
    found.inverse[static_cast<size_t>(runs.order[i])] = static_cast<int64_t>(found.first.size()) - 1;
  }
  if (isSorted) return found;
  std::vector<size_t> order(found.first.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::ranges::sort(order, {}, [&](size_t i) { return found.first[i]; });
  Found result{{}, {}, found.inverse};
  std::vector<int64_t> places(order.size());
  for (const size_t i : order) {
    places[i] = static_cast<int64_t>(result.first.size());
    result.first.push_back(found.first[i]);
    result.counts.push_back(found.counts[i]);
  }
  for (int64_t& index : result.inverse) index = places[static_cast<size_t>(index)];
  return result;
}

/// Compares slices element by element; NaN is larger than any number and equal to itself.
template <typename Element>
Runs runsOfSlices(const std::vector<Element>& values, const Lines& lines) {
  return runsOf(lines.size, [&](int64_t a, int64_t b) {
    for (int64_t o = 0; o < lines.outer; ++o)
      for (int64_t i = 0; i < lines.inner; ++i) {
        const Element& u = values[static_cast<size_t>((o * lines.size + a) * lines.inner + i)];
        const Element& v = values[static_cast<size_t>((o * lines.size + b) * lines.inner + i)];
        if (u < v || (u == u && v != v)) return -1;
        if (v < u || (v == v && u != u)) return 1;
      }
    return 0;
  });
}

void put(ReferenceContext& context, size_t output, const std::vector<int64_t>& values) {
  if (!context.wants(output)) return;
  context.outputs[output] = Buffer(DType::i64, Shape{static_cast<int64_t>(values.size())});
  store(std::span<const int64_t>(values), context.outputs[output]);
}

void unique(ReferenceContext& context) {
  const bool isFlat = !context.node.attributes.has("axis");
  const Tensor x = isFlat ? context.inputs[0].reshaped(Shape{context.inputs[0].elementCount()}) : context.inputs[0];
  const size_t axis = isFlat ? 0 : normalizedAxis(context.node.attributes.integer("axis", 0), x.shape().rank());
  const Lines lines(x.shape(), axis);
  Runs runs;
  if (x.dtype() == DType::string)
    runs = runsOfSlices(x.strings(), lines);
  else
    withWide(x.dtype(), [&](auto zero) { runs = runsOfSlices(load<decltype(zero)>(x), lines); });
  const Found found = foundIn(runs, context.node.attributes.integer("sorted", 1) != 0);
  std::vector<int64_t> dims = x.shape().dims();
  dims[axis] = static_cast<int64_t>(found.first.size());
  context.outputs[0] = Buffer(x.dtype(), Shape(dims));
  const Mover mover(x, context.outputs[0]);
  int64_t target = 0;
  for (int64_t o = 0; o < lines.outer; ++o)
    for (const int64_t i : found.first) {
      mover.copy((o * lines.size + i) * lines.inner, target, lines.inner);
      target += lines.inner;
    }
  put(context, 1, found.first);
  put(context, 2, found.inverse);
  put(context, 3, found.counts);
}

}  // namespace

std::vector<OpSpec> uniqueOps() {
  return {{"Unique", "", inferUnique, unique, {}, "the different elements or slices, their places and counts"}};
}

}  // namespace compress
