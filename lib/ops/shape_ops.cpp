// Ops that keep all elements in order and change the shape alone, and those that ask for the shape.
#include <algorithm>

#include "lib/ops/access.h"
#include "lib/ops/families.h"
#include "lib/ops/rules.h"
#include "lib/ops/upgrade_tools.h"

namespace compress {
namespace {

void copyFirst(ReferenceContext& context) {
  copyAll(context.inputs[0], context.outputs[0]);
}

void identity(ReferenceContext& context) {
  assign(context.inputs[0], context.outputs[0]);
}

/// A tensor of rank 0 or 1 keeps the elements that are known in part.
void passPartials(InferContext& context) {
  const Type& y = context.outputs.at(0);
  if (y.hasRank() && y.rank() <= 1 && !context.constant(0) && context.has(0))
    context.outputPartials.at(0) = partialInts(context, 0);
}

void inferIdentity(InferContext& context) {
  sameAsFirst(context);
  passPartials(context);
}

/// Removes from both lists what they have in common, symbols and equal numbers but 0 alike.
void cancel(std::vector<Dim>& a, std::vector<Dim>& b) {
  for (auto it = a.begin(); it != a.end();) {
    const auto twin =
        std::ranges::find_if(b, [&](const Dim& dim) { return dim == *it && (dim.value > 0 || !dim.symbol.empty()); });
    if (twin == b.end()) {
      ++it;
      continue;
    }
    b.erase(twin);
    it = a.erase(it);
  }
}

/// What -1 stands for: the product of `from` over the product of `to`.
Dim quotient(std::vector<Dim> from, std::vector<Dim> to) {
  cancel(from, to);
  const Dim all = productOf(from), rest = productOf(to);
  if (rest.isKnown() && rest.value == 1) return all;
  if (!all.isKnown() || !rest.isKnown()) return {};
  if (rest.value == 0) reject("-1 beside a dimension of 0 has no meaning");
  if (all.value % rest.value != 0) reject(all.value, " elements do not divide by ", rest.value);
  return Dim::of(all.value / rest.value);
}

std::vector<Dim> reshapedDims(const Type& x, const PartialInts& target, bool allowZero) {
  std::vector<Dim> dims(target.size());
  std::optional<size_t> open;
  for (size_t i = 0; i < target.size(); ++i) {
    if (target[i].value == 0 && !allowZero) {
      if (x.hasRank() && i >= x.rank())
        reject("0 at position ", i, " copies a dimension that the input of rank ", x.rank(), " does not have");
      dims[i] = x.hasRank() ? (*x.dims)[i] : Dim{};
    } else if (target[i].value == -1) {
      if (open) reject("-1 is used twice");
      open = i;
    } else if (target[i].value && *target[i].value < -1) {
      reject("dimension ", *target[i].value, " is negative");
    } else {
      dims[i] = dimOf(target[i]);
    }
  }
  if (open && x.hasRank()) {
    std::vector<Dim> others = dims;
    others.erase(others.begin() + static_cast<std::ptrdiff_t>(*open));
    dims[*open] = quotient(*x.dims, others);
  } else if (x.hasRank()) {
    std::vector<Dim> from = *x.dims, to = dims;
    cancel(from, to);
    const Dim before = productOf(from), after = productOf(to);
    if (before.isKnown() && after.isKnown() && before.value != after.value)
      reject("cannot reshape ", print(x), " to ", print(Type::tensor(x.dtype, dims)));
  }
  return dims;
}

void inferReshape(InferContext& context) {
  requireInputs(context, 2);
  const Type& x = context.input(0);
  Type& y = context.outputs.at(0);
  y = Type::tensor(x.dtype);
  if (const auto target = partialInts(context, 1)) {
    y.dims = reshapedDims(x, *target, context.node.attributes.integer("allowzero", 0) != 0);
  } else if (const auto shape = context.input(1).shape(); shape && shape->rank() == 1) {
    y.dims.emplace(static_cast<size_t>((*shape)[0]));
  }
  passPartials(context);
}

void inferFlatten(InferContext& context) {
  requireInputs(context, 1);
  const Type& x = context.input(0);
  std::vector<Dim> dims(2);
  if (x.hasRank()) {
    const auto rank = static_cast<int64_t>(x.rank());
    int64_t axis = context.node.attributes.integer("axis", 1);
    if (axis < -rank || axis > rank) reject("axis ", axis, " is outside [", -rank, ", ", rank, "]");
    if (axis < 0) axis += rank;
    const std::span<const Dim> all(*x.dims);
    dims = {productOf(all.first(static_cast<size_t>(axis))), productOf(all.subspan(static_cast<size_t>(axis)))};
  }
  context.outputs.at(0) = Type::tensor(x.dtype, dims);
}

void inferSqueeze(InferContext& context) {
  requireInputs(context, 1);
  const Type& x = context.input(0);
  Type& y = context.outputs.at(0);
  y = Type::tensor(x.dtype);
  if (!x.hasRank() || (context.has(1) && !knownInts(context, 1))) return;
  std::vector<bool> dropped(x.rank(), false);
  if (const auto axes = knownInts(context, 1)) {
    for (const size_t axis : normalizedAxes(*axes, x.rank())) {
      const Dim& dim = (*x.dims)[axis];
      if (dim.isKnown() && dim.value != 1) reject("axis ", axis, " to squeeze has size ", dim.value, ", expected 1");
      dropped[axis] = true;
    }
  } else {
    for (size_t i = 0; i < x.rank(); ++i) {
      if (!(*x.dims)[i].isKnown()) return;
      dropped[i] = (*x.dims)[i].value == 1;
    }
  }
  y.dims.emplace();
  for (size_t i = 0; i < x.rank(); ++i)
    if (!dropped[i]) y.dims->push_back((*x.dims)[i]);
  passPartials(context);
}

void inferUnsqueeze(InferContext& context) {
  requireInputs(context, 2);
  const Type& x = context.input(0);
  Type& y = context.outputs.at(0);
  y = Type::tensor(x.dtype);
  const auto axes = knownInts(context, 1);
  if (!x.hasRank() || !axes) return;
  const size_t rank = x.rank() + axes->size();
  std::vector<bool> added(rank, false);
  for (const size_t axis : normalizedAxes(*axes, rank)) added[axis] = true;
  y.dims.emplace();
  size_t next = 0;
  for (size_t i = 0; i < rank; ++i) y.dims->push_back(added[i] ? Dim::of(1) : (*x.dims)[next++]);
  passPartials(context);
}

int64_t boundedAxis(int64_t axis, int64_t rank) {
  return std::clamp<int64_t>(axis < 0 ? axis + rank : axis, 0, rank);
}

void inferShape(InferContext& context) {
  requireInputs(context, 1);
  const Type& x = context.input(0);
  context.outputs.at(0) = Type::tensor(DType::i64, std::vector<Dim>{Dim{}});
  if (!x.hasRank()) return;
  const auto rank = static_cast<int64_t>(x.rank());
  const int64_t first = boundedAxis(context.node.attributes.integer("start", 0), rank),
                end = boundedAxis(context.node.attributes.integer("end", rank), rank);
  PartialInts elements;
  for (int64_t i = first; i < end; ++i) {
    const Dim& dim = (*x.dims)[static_cast<size_t>(i)];
    elements.push_back({dim.isKnown() ? std::optional(dim.value) : std::nullopt, dim.symbol});
  }
  (*context.outputs[0].dims)[0] = Dim::of(static_cast<int64_t>(elements.size()));
  context.outputPartials.at(0) = std::move(elements);
}

void shape(ReferenceContext& context) {
  const Shape& x = context.inputs[0].shape();
  const auto rank = static_cast<int64_t>(x.rank());
  const int64_t first = boundedAxis(context.node.attributes.integer("start", 0), rank),
                end = boundedAxis(context.node.attributes.integer("end", rank), rank);
  const std::vector<int64_t> dims(x.dims().begin() + first, x.dims().begin() + std::max(first, end));
  store(std::span<const int64_t>(dims), context.outputs[0]);
}

void inferSize(InferContext& context) {
  requireInputs(context, 1);
  context.outputs.at(0) = Type::tensor(DType::i64, Shape{});
  if (!context.input(0).hasRank()) return;
  const Dim count = productOf(*context.input(0).dims);
  if (count.isKnown()) context.outputPartials.at(0) = PartialInts{{count.value, {}}};
}

void size(ReferenceContext& context) {
  const int64_t count = context.inputs[0].elementCount();
  store(std::span<const int64_t>(&count, 1), context.outputs[0]);
}

/// Dropout and its mask; in training mode, with a ratio above 0, the op is random and is refused.
void inferDropout(InferContext& context) {
  inferIdentity(context);
  if (context.outputs.size() > 1) {
    context.outputs[1] = context.input(0);
    context.outputs[1].dtype = DType::boolean;
  }
}

void dropout(ReferenceContext& context) {
  const double ratio = context.has(1) ? toDoubles(context.inputs[1]).at(0) : 0.5;
  if (context.has(2) && toInts(context.inputs[2]).at(0) != 0 && ratio != 0)
    throw Error(ErrorKind::unsupported, "random dropout in training mode is not supported");
  copyFirst(context);
  if (context.wants(1)) {
    const std::vector<uint64_t> kept(static_cast<size_t>(context.inputs[0].elementCount()), 1);
    store(std::span<const uint64_t>(kept), context.outputs[1]);
  }
}

/// Dropout at opset 7: it is the identity in all models for inference.
void dropTestMode(Graph& graph, NodeId id) {
  if (graph.node(id).attributes.integer("is_test", 0) == 0)
    throw Error(ErrorKind::unsupported, "training mode has no newer form");
  graph.eraseAttribute(id, "is_test");
}

/// Dropout at opset 10: the mask is bool. One of another type is refused where anything reads it.
void boolMask(Graph& graph, NodeId id) {
  std::vector<ValueId> outputs = graph.node(id).outputs;
  if (outputs.size() < 2) return;
  if (outputs[1] && (!graph.uses(outputs[1]).empty() || graph.isOutput(outputs[1])))
    throw Error(ErrorKind::unsupported, "a mask that is not bool has no newer form");
  outputs.resize(1);
  graph.setOutputs(id, std::move(outputs));
}

/// Opset 12: `ratio` became an input, and training a mode that is off by default.
void dropoutRatioToInput(Graph& graph, NodeId id) {
  if (!graph.node(id).attributes.has("ratio")) return;
  const float ratio = graph.node(id).attributes.real("ratio", 0.5F);
  graph.eraseAttribute(id, "ratio");
  placeInput(graph, id, 1, addConstantFor(graph, id, "ratio", Tensor::scalar(ratio)));
}

/// Reshape at opset 5: `shape` became an input.
void shapeToInput(Graph& graph, NodeId id) {
  integersToInput(graph, id, "shape", 1);
}

/// Opset 13: `axes` became an input.
void axesToInput(Graph& graph, NodeId id) {
  integersToInput(graph, id, "axes", 1);
}

}  // namespace

std::vector<OpSpec> shapeOps() {
  return {
      {"Identity", "", inferIdentity, identity, {}, "y = x"},
      {"Reshape", "", inferReshape, copyFirst, {{5, shapeToInput}}, "the same elements in another shape"},
      {"Flatten", "", inferFlatten, copyFirst, {}, "the same elements as a matrix, split at `axis`"},
      {"Squeeze", "", inferSqueeze, copyFirst, {{13, axesToInput}}, "x without axes of size 1"},
      {"Unsqueeze", "", inferUnsqueeze, copyFirst, {{13, axesToInput}}, "x with more axes of size 1"},
      {"Shape", "", inferShape, shape, {}, "the dimensions of x"},
      {"Size", "", inferSize, size, {}, "the number of elements of x"},
      {"Dropout",
       "",
       inferDropout,
       dropout,
       {{7, dropTestMode}, {10, boolMask}, {12, dropoutRatioToInput}},
       "y = x outside training"},
  };
}

}  // namespace compress
