// Cast, CastLike and BitCast: every numeric type, bool and strings. Floats become integers by truncation; integers that
// do not fit wrap.
#include <algorithm>
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

/// Cast at opset 6: `to` is a number; before, it was a name.
void typeToNumber(Graph& graph, NodeId id) {
  const Attribute* to = graph.node(id).attributes.find("to");
  if (to == nullptr || !std::holds_alternative<std::string>(to->data)) return;
  constexpr std::string_view kNames[] = {"UNDEFINED", "FLOAT",  "UINT8", "INT8",    "UINT16", "INT16",  "INT32",
                                         "INT64",     "STRING", "BOOL",  "FLOAT16", "DOUBLE", "UINT32", "UINT64"};
  const auto found = std::ranges::find(kNames, std::get<std::string>(to->data));
  if (found == std::end(kNames)) reject("to is '", displayName(std::get<std::string>(to->data)), "', expected a type");
  graph.setAttribute(id, "to", static_cast<int64_t>(found - std::begin(kNames)));
}

void inferBitCast(InferContext& context) {
  sameAsFirst(context);
  const DType from = context.outputs[0].dtype, to = dtypeAttribute(context.node, "to", DType::undefined);
  if (bitsOf(to) == 0 || (from != DType::undefined && bitsOf(from) != bitsOf(to)))
    reject("the bits of ", nameOf(from), " are no ", nameOf(to), ": expected types of one size");
  context.outputs[0].dtype = to;
}

void bitCast(ReferenceContext& context) {
  std::ranges::copy(context.inputs[0].raw(), context.outputs[0].raw().begin());
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

/// The power of two that round_mode names: above (the default), below, or the nearest, ties upwards.
float toPowerOfTwo(float x, const std::string& mode) {
  if (mode != "up" && mode != "down" && mode != "nearest")
    reject("round_mode is '", displayName(mode), "', expected up, down or nearest");
  if (!(x > 0) || std::isinf(x)) return x;
  int exponent = 0;
  const float fraction = std::frexp(x, &exponent);
  const bool isUp = fraction > 0.5F && (mode == "up" || (mode == "nearest" && fraction >= 0.75F));
  return std::ldexp(1.0F, isUp ? exponent : exponent - 1);
}

void castToSmallFloats(const Node& node, const Tensor& x, Buffer& y) {
  const bool saturate = node.attributes.integer("saturate", 1) != 0;
  auto values = load<double>(x);
  if (y.dtype() == DType::f8e8m0)
    for (double& value : values)
      value = static_cast<double>(toPowerOfTwo(static_cast<float>(value), node.attributes.string("round_mode", "up")));
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
  if (isFloating(y.dtype()) && bitsOf(y.dtype()) == 8) return castToSmallFloats(context.node, x, y);
  if (isFloating(x.dtype()) && !isFloating(y.dtype())) return castToIntegers(x, y);
  withWide(x.dtype(), [&](auto zero) { store(std::span<const decltype(zero)>(load<decltype(zero)>(x)), y); });
}

}  // namespace

std::vector<OpSpec> castOps() {
  return {
      {"Cast", "", inferCast, cast, {{6, typeToNumber}}, "x in another element type"},
      {"BitCast", "", inferBitCast, bitCast, {}, "the bits of x as another element type"},
      {"CastLike", "", inferCastLike, cast, {}, "x in the element type of another tensor"},
  };
}

}  // namespace compress
