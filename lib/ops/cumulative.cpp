// Running sums and products along an axis.
#include "lib/ops/access.h"
#include "lib/ops/families.h"
#include "lib/ops/indices.h"
#include "lib/ops/rules.h"

namespace compress {
namespace {

void inferCumulative(InferContext& context) {
  requireInputs(context, 2);
  sameAsFirst(context);
}

/// Each element becomes step(step(start, first), ...) over those before it and, unless exclusive, itself.
template <typename Step>
void accumulate(ReferenceContext& context, int start, const Step& step) {
  const Shape& shape = context.inputs[0].shape();
  const Lines lines(shape, normalizedAxis(toInts(context.inputs[1]).at(0), shape.rank()));
  const bool isExclusive = context.node.attributes.integer("exclusive", 0) != 0,
             isReverse = context.node.attributes.integer("reverse", 0) != 0;
  withWide(context.inputs[0].dtype(), [&](auto zero) {
    using Total = std::conditional_t<std::is_same_v<decltype(zero), double>, double, uint64_t>;
    auto values = load<Total>(context.inputs[0]);
    for (int64_t line = 0; line < lines.outer * lines.inner; ++line) {
      auto total = static_cast<Total>(start);
      for (int64_t i = 0; i < lines.size; ++i) {
        const int64_t position = isReverse ? lines.size - 1 - i : i;
        Total& value = values[static_cast<size_t>((line / lines.inner * lines.size + position) * lines.inner +
                                                  line % lines.inner)];
        const Total before = total;
        total = step(total, value);
        value = isExclusive ? before : total;
      }
    }
    store(std::span<const Total>(values), context.outputs[0]);
  });
}

void cumSum(ReferenceContext& context) {
  accumulate(context, 0, [](auto total, auto x) { return total + x; });
}

void cumProd(ReferenceContext& context) {
  accumulate(context, 1, [](auto total, auto x) { return total * x; });
}

}  // namespace

std::vector<OpSpec> cumulativeOps() {
  return {
      {"CumSum", "", inferCumulative, cumSum, {}, "sums of all elements up to each one along an axis"},
      {"CumProd", "", inferCumulative, cumProd, {}, "products of all elements up to each one along an axis"},
  };
}

}  // namespace compress
