// Sequences and optionals: lists of tensors (or of lists), and what may be there or not.
#include <algorithm>

#include "lib/ops/access.h"
#include "lib/ops/families.h"
#include "lib/ops/indices.h"
#include "lib/ops/rules.h"

namespace compress {
namespace {

Type listType(Type::Kind kind, Type element) {
  return {kind, DType::undefined, std::nullopt, std::make_shared<const Type>(std::move(element))};
}

/// The type of the elements of list `i`; unknown where it is.
Type elementType(const InferContext& context, size_t i) {
  return context.has(i) && context.input(i).element ? *context.input(i).element : Type{};
}

const std::vector<Tensor>& listAt(const ReferenceContext& context, size_t i) {
  if (!context.inputs[i].isList())
    reject("input ", i, " is ", nameOf(context.inputs[i].dtype()), print(context.inputs[i].shape()),
           ", expected a sequence");
  return context.inputs[i].elements();
}

void give(ReferenceContext& context, size_t output, std::vector<Tensor> elements, DType kind = DType::sequence) {
  if (context.wants(output)) assign(Tensor::listOf(kind, std::move(elements)), context.outputs[output]);
}

/// Position `i` in [-count, count], from the back where negative.
size_t insertionPoint(int64_t i, size_t count) {
  const auto end = static_cast<int64_t>(count);
  if (i < -end || i > end) reject("position ", i, " is outside [", -end, ", ", end, "]");
  return static_cast<size_t>(i < 0 ? i + end : i);
}

int64_t positionInput(const ReferenceContext& context, size_t i) {
  const auto values = toInts(context.inputs[i]);
  if (values.size() != 1) reject("the position has ", values.size(), " elements, expected 1");
  return values[0];
}

// Sequences -----------------------------------------------------------------------------------------------------------

void inferConstruct(InferContext& context) {
  requireInputs(context, 1);
  Type element = context.input(0);
  for (size_t i = 1; i < context.inputs.size(); ++i) element = commonType(element, context.input(i));
  context.outputs.at(0) = listType(Type::Kind::sequence, element);
}

void construct(ReferenceContext& context) {
  give(context, 0, {context.inputs.begin(), context.inputs.end()});
}

void inferEmpty(InferContext& context) {
  context.outputs.at(0) =
      listType(Type::Kind::sequence, Type::tensor(dtypeAttribute(context.node, "dtype", DType::f32)));
}

void emptySequence(ReferenceContext& context) {
  give(context, 0, {});
}

void inferAt(InferContext& context) {
  requireInputs(context, 2);
  context.outputs.at(0) = elementType(context, 0);
}

void elementAt(ReferenceContext& context) {
  const auto& list = listAt(context, 0);
  const int64_t at = checkedIndex(positionInput(context, 1), static_cast<int64_t>(list.size()));
  assign(list[static_cast<size_t>(at)], context.outputs[0]);
}

/// Dimensions of elements may differ from one to the next.
void inferInsert(InferContext& context) {
  requireInputs(context, 2);
  const Type held = elementType(context, 0);
  context.outputs.at(0) = listType(Type::Kind::sequence, commonType(held, context.input(1)));
}

void insert(ReferenceContext& context) {
  auto list = listAt(context, 0);
  const size_t at = context.has(2) ? insertionPoint(positionInput(context, 2), list.size()) : list.size();
  list.insert(list.begin() + static_cast<std::ptrdiff_t>(at), context.inputs[1]);
  give(context, 0, std::move(list));
}

void inferErase(InferContext& context) {
  requireInputs(context, 1);
  context.outputs.at(0) = context.input(0);
}

void erase(ReferenceContext& context) {
  auto list = listAt(context, 0);
  const int64_t at = checkedIndex(context.has(1) ? positionInput(context, 1) : -1, static_cast<int64_t>(list.size()));
  list.erase(list.begin() + at);
  give(context, 0, std::move(list));
}

void inferLength(InferContext& context) {
  requireInputs(context, 1);
  context.outputs.at(0) = Type::tensor(DType::i64, Shape{});
}

void length(ReferenceContext& context) {
  context.outputs[0].as<int64_t>()[0] = static_cast<int64_t>(listAt(context, 0).size());
}

/// Elements one after the other along `axis`, or along a new one.
void inferConcat(InferContext& context) {
  requireInputs(context, 1);
  const Type element = elementType(context, 0);
  context.outputs.at(0) = Type::tensor(element.dtype);
  if (!element.hasRank()) return;
  const bool isNew = context.node.attributes.integer("new_axis", 0) != 0;
  const size_t axis = normalizedAxis(context.node.attributes.integer("axis", 0), element.rank() + (isNew ? 1 : 0));
  auto dims = *element.dims;
  if (isNew)
    dims.insert(dims.begin() + static_cast<std::ptrdiff_t>(axis), Dim{});
  else
    dims[axis] = {};
  context.outputs[0].dims = dims;
}

void concat(ReferenceContext& context) {
  const auto& list = listAt(context, 0);
  if (list.empty()) reject("the sequence is empty");
  const bool isNew = context.node.attributes.integer("new_axis", 0) != 0;
  const size_t axis =
      normalizedAxis(context.node.attributes.integer("axis", 0), list[0].shape().rank() + (isNew ? 1 : 0));
  std::vector<Tensor> parts;
  int64_t total = 0;
  for (const Tensor& element : list) {
    std::vector<int64_t> dims = element.shape().dims();
    if (isNew) dims.insert(dims.begin() + static_cast<std::ptrdiff_t>(axis), 1);
    parts.push_back(element.reshaped(Shape(dims)));
    total += dims.at(axis);
    dims[axis] = 0;
    auto first = parts[0].shape().dims();
    first[axis] = 0;
    if (first != dims) reject("elements of ", print(parts[0].shape()), " and ", print(parts.back().shape()));
  }
  std::vector<int64_t> dims = parts[0].shape().dims();
  dims[axis] = total;
  Buffer& y = context.outputs[0] = Buffer(parts[0].dtype(), Shape(dims));
  joinAlong(parts, axis, y);
}

void inferSplit(InferContext& context) {
  requireInputs(context, 1);
  Type element = context.input(0);
  if (element.hasRank()) {
    const size_t axis = normalizedAxis(context.node.attributes.integer("axis", 0), element.rank());
    const bool drops = !context.has(1) && context.node.attributes.integer("keepdims", 1) == 0;
    if (drops)
      element.dims->erase(element.dims->begin() + static_cast<std::ptrdiff_t>(axis));
    else
      (*element.dims)[axis] = context.has(1) ? Dim{} : Dim::of(1);
  }
  context.outputs.at(0) = listType(Type::Kind::sequence, element);
}

/// Sizes of the parts: as listed, or all the same but for the last, or 1.
std::vector<int64_t> partSizes(const ReferenceContext& context, int64_t size) {
  if (!context.has(1)) return std::vector<int64_t>(static_cast<size_t>(size), 1);
  const auto given = toInts(context.inputs[1]);
  if (context.inputs[1].shape().rank() > 0) {
    int64_t sum = 0;
    for (const int64_t part : given) {
      if (part < 0) reject("a part of ", part, " elements");
      sum += part;
    }
    if (sum != size) reject("parts of ", sum, " elements of ", size);
    return given;
  }
  if (given[0] < 1) reject("parts of ", given[0], " elements");
  std::vector<int64_t> sizes;
  for (int64_t rest = size; rest > 0; rest -= given[0]) sizes.push_back(std::min(rest, given[0]));
  return sizes;
}

void split(ReferenceContext& context) {
  const Tensor& x = context.inputs[0];
  const size_t axis = normalizedAxis(context.node.attributes.integer("axis", 0), x.shape().rank());
  const bool drops = !context.has(1) && context.node.attributes.integer("keepdims", 1) == 0;
  const auto strides = stridesOf(x.shape());
  std::vector<Tensor> parts;
  int64_t start = 0;
  for (const int64_t size : partSizes(context, x.shape()[axis])) {
    std::vector<int64_t> dims = x.shape().dims();
    dims[axis] = size;
    Buffer part(x.dtype(), Shape(dims));
    copyStrided(x, start * strides[axis], strides, part);
    start += size;
    if (drops) dims.erase(dims.begin() + static_cast<std::ptrdiff_t>(axis));
    parts.push_back(std::move(part).freeze().reshaped(Shape(dims)));
  }
  give(context, 0, std::move(parts));
}

// SequenceMap ---------------------------------------------------------------------------------------------------------

/// Does input `i` give each step an element of its own?
bool isMapped(const InferContext& context, size_t i) {
  return context.input(i).kind == Type::Kind::sequence;
}

void inferMap(InferContext& context) {
  requireInputs(context, 1);
  const Body body = context.node.attributes.body("body");
  if (!body) reject("the body is missing");
  std::vector<Type> inputs;
  for (size_t i = 0; i < context.inputs.size(); ++i)
    inputs.push_back(isMapped(context, i) ? elementType(context, i) : context.input(i));
  const std::vector<const Tensor*> constants(inputs.size(), nullptr);
  const auto results = context.inferBody(*body, inputs, constants);
  for (size_t i = 0; i < context.outputs.size() && i < results.size(); ++i)
    context.outputs[i] = listType(Type::Kind::sequence, results[i]);
}

void mapSequences(ReferenceContext& context) {
  const Body body = context.node.attributes.body("body");
  if (!body) reject("the body is missing");
  const size_t count = listAt(context, 0).size();
  std::vector<std::vector<Tensor>> results(context.outputs.size());
  for (size_t i = 0; i < count; ++i) {
    std::vector<Tensor> inputs(context.inputs.begin(), context.inputs.end());
    for (Tensor& input : inputs)
      if (input.dtype() == DType::sequence) {
        if (input.elements().size() != count)
          reject("sequences of ", count, " and ", input.elements().size(), " elements, expected as many");
        input = Tensor(input.elements()[i]);
      }
    const auto outputs = context.runBody(*body, inputs);
    for (size_t k = 0; k < results.size(); ++k) results[k].push_back(outputs.at(k));
  }
  for (size_t k = 0; k < results.size(); ++k) give(context, k, std::move(results[k]));
}

// Optionals -----------------------------------------------------------------------------------------------------------

void inferOptional(InferContext& context) {
  Type element = context.has(0) ? context.input(0) : Type{};
  if (const Attribute* named = context.node.attributes.find("type"); named != nullptr && !context.has(0))
    if (const auto* type = std::get_if<Type>(&named->data)) element = *type;
  context.outputs.at(0) = listType(Type::Kind::optional, element);
}

void makeOptional(ReferenceContext& context) {
  give(context, 0, context.has(0) ? std::vector<Tensor>{context.inputs[0]} : std::vector<Tensor>{}, DType::optional);
}

void inferHasElement(InferContext& context) {
  context.outputs.at(0) = Type::tensor(DType::boolean, Shape{});
}

void hasElement(ReferenceContext& context) {
  const bool isThere =
      context.has(0) && !(context.inputs[0].dtype() == DType::optional && context.inputs[0].elements().empty());
  context.outputs[0].as<bool>()[0] = isThere;
}

void inferGetElement(InferContext& context) {
  requireInputs(context, 1);
  context.outputs.at(0) = context.input(0).kind == Type::Kind::optional ? elementType(context, 0) : context.input(0);
}

void getElement(ReferenceContext& context) {
  const Tensor& x = context.inputs[0];
  if (x.dtype() != DType::optional) return assign(x, context.outputs[0]);
  if (x.elements().empty()) reject("the optional has no element");
  assign(x.elements()[0], context.outputs[0]);
}

}  // namespace

std::vector<OpSpec> sequenceOps() {
  return {
      {"SequenceConstruct", "", inferConstruct, construct, {}, "a sequence of the inputs"},
      {"SequenceEmpty", "", inferEmpty, emptySequence, {}, "a sequence without elements"},
      {"SequenceAt", "", inferAt, elementAt, {}, "one element of a sequence"},
      {"SequenceInsert", "", inferInsert, insert, {}, "a sequence with one element more"},
      {"SequenceErase", "", inferErase, erase, {}, "a sequence with one element less"},
      {"SequenceLength", "", inferLength, length, {}, "the number of elements"},
      {"ConcatFromSequence", "", inferConcat, concat, {}, "elements one after the other along an axis"},
      {"SplitToSequence", "", inferSplit, split, {}, "a tensor cut into parts along an axis"},
      {"SequenceMap", "", inferMap, mapSequences, {}, "a body applied to each element"},
      {"Optional", "", inferOptional, makeOptional, {}, "what may be there or not"},
      {"OptionalHasElement", "", inferHasElement, hasElement, {}, "whether it is there"},
      {"OptionalGetElement", "", inferGetElement, getElement, {}, "what is there"},
  };
}

}  // namespace compress
