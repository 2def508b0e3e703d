// Elementwise arithmetic of two or more inputs with broadcasting.
#include <cmath>

#include "lib/ops/arithmetic.h"
#include "lib/ops/elementwise.h"
#include "lib/ops/families.h"
#include "lib/ops/upgrade_tools.h"

namespace compress {
namespace {

/// Integers round towards zero; division by zero gives zero.
struct Quotient {
  template <typename Wide>
  Wide operator()(Wide a, Wide b) const {
    if constexpr (std::is_same_v<Wide, double>)
      return a / b;
    else if (b == Wide{0})
      return Wide{0};
    else if (std::is_signed_v<Wide> && b == static_cast<Wide>(-1))
      return Minus{}(Wide{0}, a);
    else
      return a / b;
  }
};

struct Smaller {
  template <typename Wide>
  Wide operator()(Wide a, Wide b) const {
    if constexpr (std::is_same_v<Wide, double>)
      if (std::isnan(a)) return a;
    return b < a || b != b ? b : a;
  }
};

struct Larger {
  template <typename Wide>
  Wide operator()(Wide a, Wide b) const {
    if constexpr (std::is_same_v<Wide, double>)
      if (std::isnan(a)) return a;
    return b > a || b != b ? b : a;
  }
};

/// The remainder with the sign of the divisor.
struct FlooredRemainder {
  template <typename Wide>
  Wide operator()(Wide a, Wide b) const {
    if constexpr (std::is_same_v<Wide, double>) {
      const double rest = std::fmod(a, b);
      return rest != 0 && (rest < 0) != (b < 0) ? rest + b : rest;
    } else {
      if (b == Wide{0} || b == static_cast<Wide>(-1)) return std::is_signed_v<Wide> || b == Wide{0} ? Wide{0} : a % b;
      const Wide rest = a % b;
      return std::is_signed_v<Wide> && rest != 0 && (rest < 0) != (b < 0) ? rest + b : rest;
    }
  }
};

/// The remainder with the sign of the dividend.
struct TruncatedRemainder {
  template <typename Wide>
  Wide operator()(Wide a, Wide b) const {
    if constexpr (std::is_same_v<Wide, double>)
      return std::fmod(a, b);
    else if (b == Wide{0} || (std::is_signed_v<Wide> && b == static_cast<Wide>(-1)))
      return Wide{0};
    else
      return a % b;
  }
};

/// Output 0 = ((input 0 op input 1) op input 2) ..., each step broadcast.
template <typename Op>
void fold(ReferenceContext& context, const Op& op, double divisor = 1) {
  withWide(context.inputs[0].dtype(), [&](auto zero) {
    using Wide = decltype(zero);
    auto values = load<Wide>(context.inputs[0]);
    Shape shape = context.inputs[0].shape();
    for (size_t i = 1; i < context.inputs.size(); ++i) {
      const Tensor& other = context.inputs[i];
      const auto wide = broadcast(shape, other.shape());
      if (!wide) reject("shapes ", print(shape), " and ", print(other.shape()), " do not broadcast");
      values = broadcastMap<Wide>(values, shape, load<Wide>(other), other.shape(), *wide, op);
      shape = *wide;
    }
    if (divisor != 1)
      for (Wide& value : values) value = static_cast<Wide>(static_cast<double>(value) / divisor);
    store(std::span<const Wide>(values), context.outputs[0]);
  });
}

template <typename Op>
void arithmetic(ReferenceContext& context) {
  fold(context, Op{});
}

void mean(ReferenceContext& context) {
  fold(context, Plus{}, static_cast<double>(context.inputs.size()));
}

void mod(ReferenceContext& context) {
  if (context.node.attributes.integer("fmod", 0) != 0)
    fold(context, TruncatedRemainder{});
  else
    fold(context, FlooredRemainder{});
}

void inferPow(InferContext& context) {
  requireInputs(context, 2);
  context.outputs.at(0) = tensorType(dtypeOfInput(context, 0), broadcastDims(context.inputs));
}

uint64_t integerPower(uint64_t base, uint64_t exponent) {
  uint64_t result = 1;
  for (; exponent != 0; exponent >>= 1U, base *= base)
    if ((exponent & 1U) != 0) result *= base;
  return result;
}

/// Integers to integer powers exactly, all else in double; the result has the base's type.
void power(ReferenceContext& context) {
  const Tensor &base = context.inputs[0], &exponent = context.inputs[1];
  const Shape& shape = context.outputs[0].shape();
  if (isInteger(base.dtype()) && isInteger(exponent.dtype())) {
    const auto values = broadcastMap<int64_t>(
        load<int64_t>(base), base.shape(), load<int64_t>(exponent), exponent.shape(), shape, [](int64_t x, int64_t n) {
          if (n >= 0) return static_cast<int64_t>(integerPower(static_cast<uint64_t>(x), static_cast<uint64_t>(n)));
          return x == 1 ? 1 : (x == -1 ? (n % 2 == 0 ? 1 : -1) : int64_t{0});
        });
    store(std::span<const int64_t>(values), context.outputs[0]);
    return;
  }
  const auto values = broadcastMap<double>(load<double>(base), base.shape(), load<double>(exponent), exponent.shape(),
                                           shape, [](double x, double y) { return std::pow(x, y); });
  store(std::span<const double>(values), context.outputs[0]);
}

template <typename F>
void mapIntegers(ReferenceContext& context, const F& f) {
  const Tensor &a = context.inputs[0], &b = context.inputs[1];
  const auto values =
      broadcastMap<uint64_t>(load<uint64_t>(a), a.shape(), load<uint64_t>(b), b.shape(), context.outputs[0].shape(), f);
  store(std::span<const uint64_t>(values), context.outputs[0]);
}

/// x shifted by n bits, in the wide type of elements of `bits` bits: a shift by n < 0 or n >= bits leaves the sign
/// alone.
template <bool isLeft, typename Wide>
Wide shifted(Wide x, Wide n, int bits) {
  const Wide sign = x < Wide{0} ? static_cast<Wide>(-1) : Wide{0};
  if (n < Wide{0} || n >= static_cast<Wide>(bits)) return isLeft ? Wide{0} : sign;
  return isLeft ? static_cast<Wide>(static_cast<uint64_t>(x) << n) : static_cast<Wide>(x >> n);
}

template <bool isLeft>
void shift(ReferenceContext& context) {
  const Tensor &x = context.inputs[0], &n = context.inputs[1];
  if (!isInteger(x.dtype())) reject("inputs of ", nameOf(x.dtype()), ", expected integers");
  const auto inWide = [&]<typename Wide>(Wide) {
    const auto values =
        broadcastMap<Wide>(load<Wide>(x), x.shape(), load<Wide>(n), n.shape(), context.outputs[0].shape(),
                           [bits = bitsOf(x.dtype())](Wide a, Wide b) { return shifted<isLeft>(a, b, bits); });
    store(std::span<const Wide>(values), context.outputs[0]);
  };
  if (isSigned(x.dtype()))
    inWide(int64_t{});
  else
    inWide(uint64_t{});
}

void bitShift(ReferenceContext& context) {
  const std::string direction = context.node.attributes.string("direction", "");
  if (direction == "LEFT")
    shift<true>(context);
  else if (direction == "RIGHT")
    shift<false>(context);
  else
    reject("direction is '", displayName(direction), "', expected 'LEFT' or 'RIGHT'");
}

void bitwiseAnd(ReferenceContext& context) {
  mapIntegers(context, [](uint64_t a, uint64_t b) { return a & b; });
}
void bitwiseOr(ReferenceContext& context) {
  mapIntegers(context, [](uint64_t a, uint64_t b) { return a | b; });
}
void bitwiseXor(ReferenceContext& context) {
  mapIntegers(context, [](uint64_t a, uint64_t b) { return a ^ b; });
}

}  // namespace

std::vector<OpSpec> binaryOps() {
  const std::vector<Upgrade> alignAxes = {{7, broadcastAsNumpy}};
  return {
      {"Add", "", inferBroadcastPair, arithmetic<Plus>, alignAxes, "y = a + b"},
      {"Sub", "", inferBroadcastPair, arithmetic<Minus>, alignAxes, "y = a - b"},
      {"Mul", "", inferBroadcastPair, arithmetic<Times>, alignAxes, "y = a b"},
      {"Div", "", inferBroadcastPair, arithmetic<Quotient>, alignAxes, "y = a / b; integers round towards zero"},
      {"Min", "", inferBroadcast, arithmetic<Smaller>, {}, "y = least of the inputs"},
      {"Max", "", inferBroadcast, arithmetic<Larger>, {}, "y = greatest of the inputs"},
      {"Sum", "", inferBroadcast, arithmetic<Plus>, {}, "y = sum of the inputs"},
      {"Mean", "", inferBroadcast, mean, {}, "y = mean of the inputs"},
      {"Mod", "", inferBroadcastPair, mod, {}, "y = a mod b"},
      {"Pow", "", inferPow, power, alignAxes, "y = a^b, of a's type"},
      {"BitShift", "", inferBroadcastPair, bitShift, {}, "y = a << b or a >> b"},
      {"BitwiseAnd", "", inferBroadcastPair, bitwiseAnd, {}, "y = a & b"},
      {"BitwiseOr", "", inferBroadcastPair, bitwiseOr, {}, "y = a | b"},
      {"BitwiseXor", "", inferBroadcastPair, bitwiseXor, {}, "y = a ^ b"},
  };
}

}  // namespace compress
