#include "lib/ops/rules.h"

#include <algorithm>

namespace compress {
namespace {

constexpr int64_t kMostPartialElements = 4096;  ///< longer lists are data, not shapes

}  // namespace

std::string describe(const Node& node) {
  const std::string op = node.domain.empty() ? node.op : text(node.domain, ".", node.op);
  return text("node '", displayName(node.name), "' (", displayName(op), ")");
}

Dim productOf(std::span<const Dim> dims) {
  int64_t number = 1;
  Dim symbol;
  bool isUnknown = false;
  for (const Dim& dim : dims) {
    if (dim.isKnown()) {
      if (__builtin_mul_overflow(number, dim.value, &number)) reject("the product of dimensions is too large");
    } else {
      isUnknown = isUnknown || dim.symbol.empty() || !symbol.symbol.empty();
      symbol = dim;
    }
  }
  if (number == 0) return Dim::of(0);
  if (isUnknown) return {};
  if (symbol.symbol.empty()) return Dim::of(number);
  return number == 1 ? symbol : Dim{};
}

Dim sumOf(std::span<const Dim> dims) {
  int64_t number = 0;
  Dim symbol;
  bool isUnknown = false;
  for (const Dim& dim : dims) {
    if (dim.isKnown()) {
      if (__builtin_add_overflow(number, dim.value, &number)) reject("the sum of dimensions is too large");
    } else {
      isUnknown = isUnknown || dim.symbol.empty() || !symbol.symbol.empty();
      symbol = dim;
    }
  }
  if (isUnknown) return {};
  if (symbol.symbol.empty()) return Dim::of(number);
  return number == 0 ? symbol : Dim{};
}

Dim times(const Dim& dim, int64_t factor) {
  const Dim factors[] = {dim, Dim::of(factor)};
  return productOf(factors);
}

Dim divided(const Dim& dim, int64_t divisor) {
  if (divisor == 1) return dim;
  if (divisor < 1) reject("a division by ", divisor, ", expected at least 1");
  if (!dim.isKnown()) return {};
  if (dim.value % divisor != 0) reject("a dimension of ", dim.value, " does not divide by ", divisor);
  return Dim::of(dim.value / divisor);
}

Dim broadcastDim(const Dim& a, const Dim& b) {
  if (a.isKnown() && a.value == 1) return b;
  if (b.isKnown() && b.value == 1) return a;
  if (a.isKnown() && b.isKnown()) {
    if (a.value != b.value) reject("dimensions ", a.value, " and ", b.value, " do not broadcast");
    return a;
  }
  if (a.isKnown()) return a;
  if (b.isKnown()) return b;
  return a == b ? a : Dim{};
}

std::optional<std::vector<Dim>> broadcastDims(std::span<const Type> types) {
  std::vector<Dim> out;
  for (const Type& type : types) {
    if (!type.hasRank()) return std::nullopt;
    const auto& dims = *type.dims;
    if (dims.size() > out.size()) out.insert(out.begin(), dims.size() - out.size(), Dim::of(1));
    const size_t shift = out.size() - dims.size();
    for (size_t i = 0; i < dims.size(); ++i) out[shift + i] = broadcastDim(out[shift + i], dims[i]);
  }
  return out;
}

Dim merged(const Dim& a, const Dim& b) {
  if (a.isKnown() && b.isKnown() && a.value != b.value) reject("dimension ", a.value, ", expected ", b.value);
  if (a.isKnown()) return a;
  if (b.isKnown()) return b;
  return a.symbol.empty() ? b : a;
}

Type commonType(const Type& a, const Type& b) {
  if (a.kind != b.kind || a.dtype != b.dtype) return {};
  Type type = a;
  if (a.element && b.element) type.element = std::make_shared<const Type>(commonType(*a.element, *b.element));
  if (!a.hasRank() || !b.hasRank() || a.rank() != b.rank()) {
    type.dims.reset();
    return type;
  }
  for (size_t i = 0; i < a.rank(); ++i)
    if (!((*a.dims)[i] == (*b.dims)[i])) (*type.dims)[i] = {};
  return type;
}

std::optional<PartialInts> partialInts(const InferContext& context, size_t i) {
  if (const Tensor* constant = context.constant(i)) {
    const bool isSmall = constant->elementCount() <= kMostPartialElements;
    if (!isSmall || (constant->dtype() != DType::i64 && constant->dtype() != DType::i32)) return std::nullopt;
    PartialInts elements;
    for (const int64_t value : toInts(*constant)) elements.push_back({value, {}});
    return elements;
  }
  if (i < context.partials.size() && context.partials[i] != nullptr) return *context.partials[i];
  return std::nullopt;
}

std::optional<std::vector<int64_t>> knownInts(const InferContext& context, size_t i) {
  if (const Tensor* constant = context.constant(i)) return toInts(*constant);
  return std::nullopt;
}

Dim dimOf(const PartialInt& element) {
  if (!element.value) return {-1, element.symbol};
  return *element.value < 0 ? Dim{} : Dim::of(*element.value);
}

void requireRank(const InferContext& context, size_t i, size_t rank) {
  if (context.has(i) && context.input(i).hasRank() && context.input(i).rank() != rank)
    reject("input ", i, " '", displayName(context.graph.value(context.node.inputs[i]).name), "' has rank ",
           context.input(i).rank(), ", expected ", rank);
}

void requireInputs(const InferContext& context, size_t count) {
  for (size_t i = 0; i < count; ++i)
    if (!context.has(i))
      reject("input ", i, " is missing: ", context.node.inputs.size(), " inputs, expected at least ", count);
}

DType dtypeOfInput(const InferContext& context, size_t i) {
  return context.has(i) ? context.input(i).dtype : DType::undefined;
}

Dim dimOfInput(const InferContext& context, size_t i, int64_t axis) {
  if (!context.has(i) || !context.input(i).hasRank()) return {};
  return (*context.input(i).dims)[normalizedAxis(axis, context.input(i).rank())];
}

DType dtypeAttribute(const Node& node, std::string_view name, DType absent) {
  return static_cast<DType>(node.attributes.integer(name, static_cast<int64_t>(absent)));
}

Type tensorType(DType dtype, std::optional<std::vector<Dim>> dims) {
  Type type = Type::tensor(dtype);
  type.dims = std::move(dims);
  return type;
}

bool sameRankAsFirst(InferContext& context) {
  requireInputs(context, 1);
  const Type& x = context.input(0);
  context.outputs.at(0) = Type::tensor(x.dtype);
  if (x.hasRank()) context.outputs[0].dims.emplace(x.rank());
  return x.hasRank();
}

void sameAsFirst(InferContext& context) {
  requireInputs(context, 1);
  context.outputs.at(0) = context.input(0);
}

void someOfFirst(InferContext& context) {
  const Type& x = context.input(0);
  context.outputs.at(0) = Type::tensor(x.dtype);
  if (!context.node.attributes.has("axis")) {
    context.outputs[0].dims = std::vector<Dim>{Dim{}};
  } else if (x.hasRank()) {
    context.outputs[0].dims = x.dims;
    (*context.outputs[0].dims)[normalizedAxis(context.node.attributes.integer("axis", 0), x.rank())] = {};
  }
}

std::vector<size_t> normalizedAxes(const std::vector<int64_t>& axes, size_t rank) {
  std::vector<size_t> out;
  for (const int64_t axis : axes) {
    const size_t index = normalizedAxis(axis, rank);
    if (std::ranges::find(out, index) != out.end()) reject("axis ", axis, " is named twice");
    out.push_back(index);
  }
  return out;
}

std::vector<int64_t> axesInput(const ReferenceContext& context, size_t i) {
  return context.has(i) ? toInts(context.inputs[i]) : std::vector<int64_t>{};
}

}  // namespace compress
