// Elementwise functions of one input without parameters.
#include <cmath>

#include "lib/ops/elementwise.h"
#include "lib/ops/families.h"

namespace compress {
namespace {

template <typename Wide>
Wide negated(Wide x) {
  if constexpr (std::is_same_v<Wide, double>)
    return -x;
  else
    return static_cast<Wide>(uint64_t{0} - static_cast<uint64_t>(x));
}

template <typename Wide>
Wide signOf(Wide x) {
  if constexpr (std::is_same_v<Wide, double>)
    if (std::isnan(x)) return x;
  return static_cast<Wide>(x > Wide{0} ? 1 : (x < Wide{0} ? -1 : 0));
}

constexpr auto kAbs = []<typename Wide>(Wide x) { return x < Wide{0} ? negated(x) : (x == Wide{0} ? Wide{0} : x); };
constexpr auto kNeg = []<typename Wide>(Wide x) { return negated(x); };
constexpr auto kSign = []<typename Wide>(Wide x) { return signOf(x); };
/// ln(1 + e^x) without overflow.
double softplus(double x) {
  return std::max(x, 0.0) + std::log1p(std::exp(-std::abs(x)));
}

constexpr auto kNot = [](auto x) { return static_cast<decltype(x)>(x == 0 ? 1 : 0); };
constexpr auto kInvert = []<typename Wide>(Wide x) {
  if constexpr (std::is_same_v<Wide, double>)
    return x;
  else
    return static_cast<Wide>(~x);
};

void inferBool(InferContext& context) {
  sameAsFirst(context);
  context.outputs[0].dtype = DType::boolean;
}

void isInf(ReferenceContext& context) {
  const bool positive = context.node.attributes.integer("detect_positive", 1) != 0;
  const bool negative = context.node.attributes.integer("detect_negative", 1) != 0;
  auto values = load<double>(context.inputs[0]);
  mapElements(values, [&](double x) { return std::isinf(x) && (x > 0 ? positive : negative) ? 1.0 : 0.0; });
  store(std::span<const double>(values), context.outputs[0]);
}

/// An op that keeps the type and computes in double.
template <auto f>
OpSpec real(std::string_view op, std::string_view doc) {
  return {op, "", sameAsFirst, realUnary<f>, {}, doc};
}

}  // namespace

std::vector<OpSpec> unaryOps() {
  return {
      {"Abs", "", sameAsFirst, anyUnary<kAbs>, {}, "y = |x|"},
      {"Neg", "", sameAsFirst, anyUnary<kNeg>, {}, "y = -x"},
      {"Sign", "", sameAsFirst, anyUnary<kSign>, {}, "y = -1, 0 or 1"},
      {"Not", "", sameAsFirst, anyUnary<kNot>, {}, "y = not x"},
      {"BitwiseNot", "", sameAsFirst, anyUnary<kInvert>, {}, "y = ~x"},
      {"IsNaN", "", inferBool, realUnary<[](double x) { return std::isnan(x) ? 1.0 : 0.0; }>, {}, "y = x is NaN"},
      {"IsInf", "", inferBool, isInf, {}, "y = x is infinite, of either or one sign"},
      real<[](double x) { return std::ceil(x); }>("Ceil", "y = least integer >= x"),
      real<[](double x) { return std::floor(x); }>("Floor", "y = greatest integer <= x"),
      real<[](double x) { return std::nearbyint(x); }>("Round", "y = nearest integer, ties to even"),
      real<[](double x) { return std::exp(x); }>("Exp", "y = e^x"),
      real<[](double x) { return std::log(x); }>("Log", "y = ln x"),
      real<[](double x) { return std::sqrt(x); }>("Sqrt", "y = x^(1/2)"),
      real<[](double x) { return 1 / x; }>("Reciprocal", "y = 1 / x"),
      real<[](double x) { return std::sin(x); }>("Sin", "y = sin x"),
      real<[](double x) { return std::cos(x); }>("Cos", "y = cos x"),
      real<[](double x) { return std::tan(x); }>("Tan", "y = tan x"),
      real<[](double x) { return std::asin(x); }>("Asin", "y = arcsin x"),
      real<[](double x) { return std::acos(x); }>("Acos", "y = arccos x"),
      real<[](double x) { return std::atan(x); }>("Atan", "y = arctan x"),
      real<[](double x) { return std::sinh(x); }>("Sinh", "y = sinh x"),
      real<[](double x) { return std::cosh(x); }>("Cosh", "y = cosh x"),
      real<[](double x) { return std::tanh(x); }>("Tanh", "y = tanh x"),
      real<[](double x) { return std::asinh(x); }>("Asinh", "y = arsinh x"),
      real<[](double x) { return std::acosh(x); }>("Acosh", "y = arcosh x"),
      real<[](double x) { return std::atanh(x); }>("Atanh", "y = artanh x"),
      real<[](double x) { return std::erf(x); }>("Erf", "y = erf x"),
      real<[](double x) { return 1 / (1 + std::exp(-x)); }>("Sigmoid", "y = 1 / (1 + e^-x)"),
      real<softplus>("Softplus", "y = ln(1 + e^x)"),
      real<[](double x) { return x / (1 + std::abs(x)); }>("Softsign", "y = x / (1 + |x|)"),
      real<[](double x) { return x * std::min(1.0, std::max(0.0, x / 6 + 0.5)); }>("HardSwish",
                                                                                   "y = x max(0, min(1, x/6 + 1/2))"),
      real<[](double x) { return x * std::tanh(softplus(x)); }>("Mish", "y = x tanh(ln(1 + e^x))"),
  };
}

}  // namespace compress
