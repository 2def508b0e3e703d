// Cast and CastLike: every numeric type, bool and strings. Floats become integers by truncation; integers that do not
// fit wrap.
#include <charconv>
#include <cmath>
#include <limits>

#include "lib/ops/access.h"
#include "lib/ops/families.h"
#include "lib/ops/float8.h"
#include "lib/ops/rules.h"

namespace compress {
namespace {

void inferCast(InferContext& context) {
  sameAsFirst(context);
  context.outputs[0].dtype = static_cast<DType>(context.node.attributes.integer("to", 0));
  if (context.outputs[0].dtype == DType::undefined) reject("attribute 'to' is missing");
  const Type& y = context.outputs[0];
  if (isInteger(y.dtype) && isInteger(context.input(0).dtype) && y.hasRank() && y.rank() <= 1 &&
      context.constant(0) == nullptr)
    context.outputPartials.at(0) = partialInts(context, 0);
}

void inferCastLike(InferContext& context) {
  requireInputs(context, 2);
  sameAsFirst(context);
  context.outputs[0].dtype = dtypeOfInput(context, 1);
}

/// Towards zero; beyond int64 the nearest limit, NaN is 0.
int64_t truncated(double x) {
  if (std::isnan(x)) return 0;
  if (x >= 0x1p63) return std::numeric_limits<int64_t>::max();
  if (x <= -0x1p63) return std::numeric_limits<int64_t>::min();
  return static_cast<int64_t>(x);
}

void castToIntegers(const Tensor& x, Buffer& y) {
  const auto reals = load<double>(x);
  std::vector<int64_t> integers(reals.size());
  for (size_t i = 0; i < reals.size(); ++i) {
    if (y.dtype() == DType::boolean)
      integers[i] = reals[i] != 0 ? 1 : 0;
    else if (y.dtype() == DType::u64 && reals[i] >= 0x1p63 && reals[i] < 0x1p64)
      integers[i] = static_cast<int64_t>(static_cast<uint64_t>(reals[i]));
    else
      integers[i] = truncated(reals[i]);
  }
  store(std::span<const int64_t>(integers), y);
}

std::string spelled(double x, DType dtype) {
  if (std::isnan(x)) return "NaN";
  if (std::isinf(x)) return x > 0 ? "INF" : "-INF";
  return dtype == DType::f64 ? text(x) : text(static_cast<float>(x));
}

void castToStrings(const Tensor& x, Buffer& y) {
  auto& strings = y.strings();
  withWide(x.dtype(), [&](auto zero) {
    const auto values = load<decltype(zero)>(x);
    for (size_t i = 0; i < values.size(); ++i) {
      if constexpr (std::is_same_v<decltype(zero), double>)
        strings[i] = spelled(values[i], x.dtype());
      else
        strings[i] = text(values[i]);
    }
  });
}

void castFromStrings(const Tensor& x, Buffer& y) {
  std::vector<double> values;
  for (const std::string& spelling : x.strings()) {
    std::string_view digits = spelling;
    if (digits.starts_with('+')) digits.remove_prefix(1);
    double value = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
    if (error != std::errc{} || end != digits.data() + digits.size())
      reject("'", displayName(spelling), "' is no number");
    values.push_back(value);
  }
  if (isFloating(y.dtype())) return store(std::span<const double>(values), y);
  std::vector<int64_t> integers;
  for (const double value : values) integers.push_back(truncated(value));
  store(std::span<const int64_t>(integers), y);
}

void castToSmallFloats(const Tensor& x, Buffer& y, bool saturate) {
  const auto values = load<double>(x);
  const auto raw = y.raw();
  for (size_t i = 0; i < values.size(); ++i)
    raw[i] = static_cast<std::byte>(encodeSmallFloat(static_cast<float>(values[i]), y.dtype(), saturate));
}

void cast(ReferenceContext& context) {
  const Tensor& x = context.inputs[0];
  Buffer& y = context.outputs[0];
  if (x.dtype() == y.dtype()) return copyAll(x, y);
  if (x.dtype() == DType::string) return castFromStrings(x, y);
  if (y.dtype() == DType::string) return castToStrings(x, y);
  if (isFloating(y.dtype()) && bitsOf(y.dtype()) == 8)
    return castToSmallFloats(x, y, context.node.attributes.integer("saturate", 1) != 0);
  if (isFloating(x.dtype()) && !isFloating(y.dtype())) return castToIntegers(x, y);
  withWide(x.dtype(), [&](auto zero) { store(std::span<const decltype(zero)>(load<decltype(zero)>(x)), y); });
}

}  // namespace

std::vector<OpSpec> castOps() {
  return {
      {"Cast", "", inferCast, cast, {}, "x in another element type"},
      {"CastLike", "", inferCastLike, cast, {}, "x in the element type of another tensor"},
  };
}

}  // namespace compress
