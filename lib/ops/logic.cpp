// Comparisons, logic, and the choice that hangs on it.
#include "lib/ops/elementwise.h"
#include "lib/ops/families.h"
#include "lib/ops/upgrade_tools.h"

namespace compress {
namespace {

template <auto f>
void compare(ReferenceContext& context) {
  const Tensor &a = context.inputs[0], &b = context.inputs[1];
  withWide(a.dtype(), [&](auto zero) {
    using Wide = decltype(zero);
    const auto values =
        broadcastMap<uint64_t>(load<Wide>(a), a.shape(), load<Wide>(b), b.shape(), context.outputs[0].shape(), f);
    store(std::span<const uint64_t>(values), context.outputs[0]);
  });
}

constexpr auto kEqual = [](const auto& a, const auto& b) { return a == b; };
constexpr auto kGreater = [](auto a, auto b) { return a > b; };
constexpr auto kGreaterOrEqual = [](auto a, auto b) { return a >= b; };
constexpr auto kLess = [](auto a, auto b) { return a < b; };
constexpr auto kLessOrEqual = [](auto a, auto b) { return a <= b; };
constexpr auto kAnd = [](auto a, auto b) { return a != 0 && b != 0; };
constexpr auto kOr = [](auto a, auto b) { return a != 0 || b != 0; };
constexpr auto kXor = [](auto a, auto b) { return (a != 0) != (b != 0); };

void equalTo(ReferenceContext& context) {
  const Tensor &a = context.inputs[0], &b = context.inputs[1];
  if (a.dtype() != DType::string) return compare<kEqual>(context);
  const auto values =
      broadcastMap<uint64_t>(a.strings(), a.shape(), b.strings(), b.shape(), context.outputs[0].shape(), kEqual);
  store(std::span<const uint64_t>(values), context.outputs[0]);
}

void inferWhere(InferContext& context) {
  requireInputs(context, 3);
  context.outputs.at(0) = tensorType(dtypeOfInput(context, 1), broadcastDims(context.inputs));
}

void where(ReferenceContext& context) {
  const Shape& shape = context.outputs[0].shape();
  const Tensor &condition = context.inputs[0], &a = context.inputs[1], &b = context.inputs[2];
  const auto chosen =
      broadcastMap<uint8_t>(load<uint64_t>(condition), condition.shape(), std::vector<uint8_t>{0}, Shape{}, shape,
                            [](uint64_t x, uint8_t) { return static_cast<uint8_t>(x != 0); });
  const Mover fromA(a, context.outputs[0]), fromB(b, context.outputs[0]);
  const auto place = [&](const Tensor& tensor, const Mover& mover, bool wanted) {
    int64_t target = 0;
    forEachRow(shape, broadcastStrides(tensor.shape(), shape), [&](int64_t start, int64_t count, int64_t step) {
      for (int64_t i = 0; i < count; ++i, ++target)
        if ((chosen[static_cast<size_t>(target)] != 0) == wanted) mover.copy(start + i * step, target);
    });
  };
  place(a, fromA, true);
  place(b, fromB, false);
}

}  // namespace

std::vector<OpSpec> logicOps() {
  const std::vector<Upgrade> alignAxes = {{7, broadcastAsNumpy}};
  return {
      {"Equal", "", inferBroadcastBool, equalTo, alignAxes, "y = a == b"},
      {"Greater", "", inferBroadcastBool, compare<kGreater>, alignAxes, "y = a > b"},
      {"GreaterOrEqual", "", inferBroadcastBool, compare<kGreaterOrEqual>, {}, "y = a >= b"},
      {"Less", "", inferBroadcastBool, compare<kLess>, alignAxes, "y = a < b"},
      {"LessOrEqual", "", inferBroadcastBool, compare<kLessOrEqual>, {}, "y = a <= b"},
      {"And", "", inferBroadcastBool, compare<kAnd>, alignAxes, "y = a and b"},
      {"Or", "", inferBroadcastBool, compare<kOr>, alignAxes, "y = a or b"},
      {"Xor", "", inferBroadcastBool, compare<kXor>, alignAxes, "y = a xor b"},
      {"Where", "", inferWhere, where, {}, "y = condition ? a : b"},
  };
}

}  // namespace compress
