// Ops that make tensors out of attributes, shapes and bounds: Constant, ConstantOfShape, Range, EyeLike.
#include <cmath>

#include "lib/ops/access.h"
#include "lib/ops/families.h"
#include "lib/ops/rules.h"

namespace compress {
namespace {

/// The one tensor that a Constant node's attributes say.
Tensor constantOf(const Node& node) {
  const Attributes& attributes = node.attributes;
  if (const Tensor* tensor = attributes.tensor("value")) return *tensor;
  if (attributes.has("value_int")) return Tensor::scalar(attributes.integer("value_int", 0));
  if (attributes.has("value_float")) return Tensor::scalar(attributes.real("value_float", 0));
  if (attributes.has("value_ints")) return Tensor::ofInts(attributes.integers("value_ints"));
  if (attributes.has("value_floats")) {
    const auto values = attributes.reals("value_floats");
    return Tensor::of<float>(Shape{static_cast<int64_t>(values.size())}, values);
  }
  if (attributes.has("value_string")) return {Shape{}, {attributes.string("value_string", "")}};
  if (const Attribute* strings = attributes.find("value_strings")) {
    const auto* values = std::get_if<std::vector<std::string>>(&strings->data);
    if (values != nullptr) return {Shape{static_cast<int64_t>(values->size())}, *values};
  }
  throw Error(ErrorKind::unsupported, "a constant without a dense value");
}

void inferConstant(InferContext& context) {
  const Tensor tensor = constantOf(context.node);
  context.outputs.at(0) = Type::tensor(tensor.dtype(), tensor.shape());
}

void constant(ReferenceContext& context) {
  copyAll(constantOf(context.node), context.outputs[0]);
}

/// The element that ConstantOfShape repeats: 0 as float32 where none is said.
Tensor filler(const Node& node) {
  const Tensor* value = node.attributes.tensor("value");
  if (value == nullptr) return Tensor::scalar(0.0F);
  if (value->elementCount() != 1) reject("value has ", value->elementCount(), " elements, expected 1");
  return value->reshaped(Shape{});
}

void inferConstantOfShape(InferContext& context) {
  requireInputs(context, 1);
  Type& y = context.outputs.at(0);
  y = Type::tensor(filler(context.node).dtype());
  if (const auto target = partialInts(context, 0)) {
    y.dims.emplace();
    for (const PartialInt& element : *target) {
      if (element.value && *element.value < 0) reject("dimension ", *element.value, " is negative");
      y.dims->push_back(dimOf(element));
    }
  } else if (const auto shape = context.input(0).shape(); shape && shape->rank() == 1) {
    y.dims.emplace(static_cast<size_t>((*shape)[0]));
  }
}

void constantOfShape(ReferenceContext& context) {
  const std::vector<int64_t> strides(context.outputs[0].shape().rank(), 0);
  copyStrided(filler(context.node), 0, strides, context.outputs[0]);
}

/// Elements of start, start + delta, ... before limit.
int64_t rangeCount(const Tensor& start, const Tensor& limit, const Tensor& delta) {
  const double first = toDoubles(start).at(0), end = toDoubles(limit).at(0), step = toDoubles(delta).at(0);
  const double count = std::ceil((end - first) / step);
  if (step == 0 || std::isnan(count) || count > 0x1p40) reject("a range from ", first, " to ", end, " by ", step);
  return count > 0 ? static_cast<int64_t>(count) : 0;
}

void inferRange(InferContext& context) {
  requireInputs(context, 3);
  Dim count;
  const Tensor *start = context.constant(0), *limit = context.constant(1), *delta = context.constant(2);
  if (start != nullptr && limit != nullptr && delta != nullptr) count = Dim::of(rangeCount(*start, *limit, *delta));
  context.outputs.at(0) = Type::tensor(dtypeOfInput(context, 0), std::vector<Dim>{count});
}

void range(ReferenceContext& context) {
  withWide(context.inputs[0].dtype(), [&](auto zero) {
    using Wide = decltype(zero);
    const Wide start = load<Wide>(context.inputs[0]).at(0), delta = load<Wide>(context.inputs[2]).at(0);
    std::vector<Wide> values(static_cast<size_t>(context.outputs[0].elementCount()));
    for (size_t i = 0; i < values.size(); ++i) values[i] = start + static_cast<Wide>(i) * delta;
    store(std::span<const Wide>(values), context.outputs[0]);
  });
}

void inferEyeLike(InferContext& context) {
  sameAsFirst(context);
  requireRank(context, 0, 2);
  if (context.node.attributes.has("dtype"))
    context.outputs[0].dtype = static_cast<DType>(context.node.attributes.integer("dtype", 1));
}

void eyeLike(ReferenceContext& context) {
  const Shape& shape = context.outputs[0].shape();
  const int64_t k = context.node.attributes.integer("k", 0);
  std::vector<int64_t> values(static_cast<size_t>(shape.elementCount()), 0);
  for (int64_t row = 0; row < shape[0]; ++row)
    if (const int64_t column = row + k; column >= 0 && column < shape[1])
      values[static_cast<size_t>(row * shape[1] + column)] = 1;
  store(std::span<const int64_t>(values), context.outputs[0]);
}

}  // namespace

std::vector<OpSpec> constantOps() {
  return {
      {"Constant", "", inferConstant, constant, {}, "a tensor given as an attribute"},
      {"ConstantOfShape", "", inferConstantOfShape, constantOfShape, {}, "one element repeated in a given shape"},
      {"Range", "", inferRange, range, {}, "start, start + delta, ... before limit"},
      {"EyeLike", "", inferEyeLike, eyeLike, {}, "ones on a diagonal, the shape of x"},
  };
}

}  // namespace compress
