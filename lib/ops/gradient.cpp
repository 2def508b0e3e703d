#include "lib/ops/gradient.h"

#include "lib/ops/access.h"
#include "lib/ops/rules.h"

namespace compress {

Backward::Backward(Graph& graph, const Node& node, Knowledge knowledge, std::vector<ValueId> gradients,
                   std::vector<bool> wanted)
    : graph_(graph),
      node_(node),
      knowledge_(knowledge),
      gradients_(std::move(gradients)),
      wanted_(std::move(wanted)),
      given_(node.inputs.size()) {}

Shape Backward::shapeOf(ValueId id) const {
  const auto index = static_cast<size_t>(id.index);
  if (!id || index >= knowledge_.types.size() || !knowledge_.types[index].shape())
    throw Error(ErrorKind::unsupported,
                text("the shape of '", id ? displayName(graph_.value(id).name) : "", "' is not known before it runs"),
                "training needs fixed shapes: give every input but the batch a fixed size");
  return *knowledge_.types[index].shape();
}

DType Backward::dtype(size_t i) const {
  return knowledge_.types[static_cast<size_t>(node_.inputs.at(i).index)].dtype;
}

const Tensor* Backward::constant(size_t i) const {
  if (!has(i)) return nullptr;
  if (const Tensor* tensor = graph_.constant(input(i))) return tensor;
  const auto index = static_cast<size_t>(input(i).index);
  return index < knowledge_.values.size() && knowledge_.values[index] ? &*knowledge_.values[index] : nullptr;
}

std::vector<int64_t> Backward::integers(size_t i) const {
  const Tensor* tensor = constant(i);
  if (tensor == nullptr)
    throw Error(ErrorKind::unsupported, text("input ", i, " is not known before the graph runs"),
                "its gradient needs it: freeze what lies before the node");
  return toInts(*tensor);
}

std::vector<ValueId> Backward::append(Node node) {
  const std::string base =
      !node_.name.empty() ? node_.name : (output() ? graph_.value(output()).name : std::string(node_.op));
  node.name = text(base, ".gradient.", node.op);
  while (!node.inputs.empty() && !node.inputs.back()) node.inputs.pop_back();
  for (ValueId& made : node.outputs)
    if (made) made = graph_.add({node.name, {}, std::nullopt, {}});
  std::vector<ValueId> outputs = node.outputs;
  graph_.append(std::move(node));
  return outputs;
}

namespace {

constexpr ValueId kToBeMade{0};

}  // namespace

ValueId Backward::emit(std::string_view op, std::vector<ValueId> inputs, Attributes attributes) {
  Node node;
  node.op = op;
  node.inputs = std::move(inputs);
  node.outputs = {kToBeMade};
  node.attributes = std::move(attributes);
  return append(std::move(node))[0];
}

ValueId Backward::emitPrivate(std::string_view op, std::vector<ValueId> inputs, Attributes attributes) {
  return emitPrivate(op, std::move(inputs), std::move(attributes), {true})[0];
}

std::vector<ValueId> Backward::emitPrivate(std::string_view op, std::vector<ValueId> inputs, Attributes attributes,
                                           const std::vector<bool>& outputs) {
  Node node;
  node.op = op;
  node.domain = kTrainDomain;
  node.inputs = std::move(inputs);
  for (const bool isMade : outputs) node.outputs.push_back(isMade ? kToBeMade : kNoValue);
  node.attributes = std::move(attributes);
  return append(std::move(node));
}

ValueId Backward::constant(const std::vector<int64_t>& values) {
  return graph_.addConstant("gradient.integers", Tensor::ofInts(values));
}

ValueId Backward::scalar(double value) {
  DType type = DType::f32;
  for (size_t i = node_.inputs.size(); i-- > 0;)
    if (has(i) && isFloating(dtype(i))) type = dtype(i);
  Buffer buffer(type, Shape{});
  store(std::span<const double>(&value, 1), buffer);
  return graph_.addConstant("gradient.number", std::move(buffer).freeze());
}

ValueId Backward::reshape(ValueId value, const Shape& shape) {
  return emit("Reshape", {value, constant(shape.dims())}, attributesOf({{"allowzero", int64_t{1}}}));
}

ValueId Backward::sumOver(ValueId value, std::vector<int64_t> axes) {
  if (axes.empty()) return value;
  return emit("ReduceSum", {value, constant(axes)}, attributesOf({{"keepdims", int64_t{1}}}));
}

ValueId Backward::transpose(ValueId value, std::vector<int64_t> order) {
  return emit("Transpose", {value}, attributesOf({{"perm", std::move(order)}}));
}

void Backward::give(size_t i, ValueId value) {
  if (wants(i)) given_.at(i).push_back(value);
}

void Backward::giveBroadcast(size_t i, ValueId value, const Shape& from) {
  if (!wants(i)) return;
  const Shape to = shape(i);
  if (to == from) return give(i, value);
  const size_t added = from.rank() - to.rank();
  std::vector<int64_t> axes;
  for (size_t axis = 0; axis < from.rank(); ++axis)
    if (axis < added || (to[axis - added] == 1 && from[axis] != 1)) axes.push_back(static_cast<int64_t>(axis));
  const ValueId sum = sumOver(value, std::move(axes));
  give(i, added == 0 ? sum : reshape(sum, to));
}

void inferStatedShape(InferContext& context) {
  const auto dims = context.node.attributes.integers("shape");
  if (!checkedElementCount(dims)) reject("attribute shape is ", print(Shape(dims)));
  context.outputs.at(0) = Type::tensor(dtypeOfInput(context, 0), Shape(dims));
}

Attributes withShape(const Attributes& attributes, const Shape& shape) {
  Attributes out = attributes;
  out.set("shape", shape.dims());
  return out;
}

}  // namespace compress
