#include "tests/support/net.h"

#include <cmath>
#include <stdexcept>

#include "lib/base/text.h"
#include "lib/ops/infer_types.h"
#include "lib/ops/upgrade.h"

namespace compress::test {

Net::Net(uint64_t seed, int64_t opset) : random_(seed, "net") {
  model_.irVersion = 8;
  model_.opsets.set("", opset);
  model_.graph.name = "net";
}

ValueId Net::input(Dims dims, DType dtype) {
  const Type type = Type::tensor(dtype, Shape(dims));
  const ValueId id = model_.graph.add({"x", type, std::nullopt, {}});
  model_.graph.addInput(id);
  types_[id] = type;
  dims_[id] = std::move(dims);
  return id;
}

ValueId Net::op(std::string_view type, Values inputs, const NamedAttributes& attributes, std::string_view domain) {
  return ops(type, std::move(inputs), 1, attributes, domain).front();
}

Net::Values Net::ops(std::string_view type, Values inputs, size_t outputCount, const NamedAttributes& attributes,
                     std::string_view domain) {
  Node node;
  node.op = type;
  node.domain = domain;
  if (!domain.empty()) model_.opsets.set(std::string(domain), 1);
  for (const auto& [name, data] : attributes) node.attributes.set(name, data);
  node.inputs = std::move(inputs);
  for (size_t i = 0; i < outputCount; ++i)
    node.outputs.push_back(model_.graph.add({text(type, "_y"), {}, std::nullopt, {}}));
  node.name = model_.graph.value(node.outputs.front()).name;
  Values outputs = node.outputs;
  inferDims(model_.graph.append(std::move(node)));
  return outputs;
}

/// Shapes of the node's results, by inference on a model of this node alone.
void Net::inferDims(NodeId id) {
  const Node& node = model_.graph.node(id);
  Model alone;
  alone.opsets = model_.opsets;
  Node copy = node;
  std::map<ValueId, ValueId> fresh;
  for (ValueId& value : copy.inputs) {
    if (!value) continue;
    const auto [at, isNew] = fresh.try_emplace(value, kNoValue);
    if (isNew) {
      const Tensor* constant = model_.graph.constant(value);
      at->second = alone.graph.add({"v", types_.at(value), constant ? std::optional(*constant) : std::nullopt, {}});
      if (constant == nullptr) alone.graph.addInput(at->second);
    }
    value = at->second;
  }
  for (ValueId& value : copy.outputs) value = alone.graph.add({"y", {}, std::nullopt, {}});
  const Values outputs = copy.outputs;
  for (const ValueId value : outputs) alone.graph.addOutput(value);
  alone.graph.append(std::move(copy));
  const Inferred inferred = inferTypes(upgraded(alone).graph);
  for (size_t i = 0; i < outputs.size(); ++i) {
    const Type& type = inferred.types[static_cast<size_t>(outputs[i].index)];
    if (!type.shape()) throw std::runtime_error(text("the shape of ", node.op, " is not known"));
    types_[node.outputs[i]] = type;
    dims_[node.outputs[i]] = type.shape()->dims();
  }
}

Model Net::finish(const Values& outputs) && {
  for (const ValueId output : outputs) {
    model_.graph.setType(output, types_.at(output));
    model_.graph.addOutput(output);
  }
  return std::move(model_);
}

ValueId Net::hold(Tensor tensor) {
  const Type type = Type::tensor(tensor.dtype(), tensor.shape());
  Dims dims = tensor.shape().dims();
  const ValueId id = model_.graph.addConstant("w", std::move(tensor));
  types_[id] = type;
  dims_[id] = std::move(dims);
  return id;
}

ValueId Net::normal(Dims dims, double spread) {
  Buffer buffer(DType::f32, Shape(std::move(dims)));
  for (float& value : buffer.as<float>()) value = static_cast<float>(random_.normal() * spread);
  return hold(std::move(buffer).freeze());
}

ValueId Net::weight(Dims dims, int64_t summed) {
  return normal(std::move(dims), 1 / std::sqrt(static_cast<double>(summed)));
}

ValueId Net::uniform(Dims dims, double low, double high) {
  Buffer buffer(DType::f32, Shape(std::move(dims)));
  for (float& value : buffer.as<float>()) value = static_cast<float>(random_.uniform(low, high));
  return hold(std::move(buffer).freeze());
}

ValueId Net::number(float value) {
  return hold(Tensor::scalar(value));
}

ValueId Net::numbers(const std::vector<float>& values) {
  return hold(Tensor::of<float>(Shape{static_cast<int64_t>(values.size())}, values));
}

ValueId Net::ints(Dims values) {
  return hold(Tensor::ofInts(values));
}

ValueId Net::ints32(const std::vector<int32_t>& values) {
  return hold(Tensor::of<int32_t>(Shape{static_cast<int64_t>(values.size())}, values));
}

ValueId Net::number64(int64_t value) {
  return hold(Tensor::scalar(value));
}

ValueId Net::conv(ValueId x, int64_t outputs, const ConvShape& shape) {
  const int64_t channels = size(x, 1) / shape.groups, pad = shape.dilation * (shape.kernel - 1) / 2;
  Values inputs = {x, weight({outputs, channels, shape.kernel, shape.kernel}, channels * shape.kernel * shape.kernel)};
  if (shape.hasBias) inputs.push_back(normal({outputs}, 0.5));
  return op("Conv", std::move(inputs),
            {{"kernel_shape", Dims{shape.kernel, shape.kernel}},
             {"strides", Dims(2, shape.stride)},
             {"dilations", Dims(2, shape.dilation)},
             {"pads", Dims(4, pad)},
             {"group", shape.groups}});
}

ValueId Net::depthwise(ValueId x, int64_t kernel, int64_t stride) {
  return conv(x, size(x, 1), {.kernel = kernel, .stride = stride, .groups = size(x, 1)});
}

ValueId Net::norm(ValueId x) {
  const Dims channels = {size(x, 1)};
  return op("BatchNormalization", {x, uniform(channels, 0.5, 1.5), normal(channels, 0.3), normal(channels, 0.3),
                                   uniform(channels, 0.5, 1.5)});
}

ValueId Net::maxPool(ValueId x, int64_t kernel, int64_t stride, int64_t pad) {
  return op("MaxPool", {x}, {{"kernel_shape", Dims(2, kernel)}, {"strides", Dims(2, stride)}, {"pads", Dims(4, pad)}});
}

ValueId Net::linear(ValueId x, int64_t outputs, bool hasBias) {
  const int64_t summed = dims(x).back();
  const ValueId product = op("MatMul", {x, weight({summed, outputs}, summed)});
  return hasBias ? add(product, normal({outputs}, 0.5)) : product;
}

ValueId Net::gemm(ValueId x, int64_t outputs) {
  const int64_t summed = dims(x).back();
  return op("Gemm", {x, weight({outputs, summed}, summed), normal({outputs}, 0.5)}, {{"transB", int64_t{1}}});
}

ValueId Net::layerNorm(ValueId x) {
  const Dims width = {dims(x).back()};
  return op("LayerNormalization", {x, uniform(width, 0.5, 1.5), normal(width, 0.3)});
}

ValueId Net::decomposedLayerNorm(ValueId x) {
  const Dims width = {dims(x).back()};
  const ValueId centred = op("Sub", {x, op("ReduceMean", {x}, {{"axes", Dims{-1}}})});
  const ValueId variance = op("ReduceMean", {op("Pow", {centred, number(2)})}, {{"axes", Dims{-1}}});
  const ValueId deviation = op("Sqrt", {add(variance, number(1e-5F))});
  return add(mul(op("Div", {centred, deviation}), uniform(width, 0.5, 1.5)), normal(width, 0.3));
}

ValueId Net::gelu(ValueId x) {
  const ValueId erf = op("Erf", {op("Div", {x, number(1.41421356F)})});
  return mul(mul(x, add(erf, number(1))), number(0.5F));
}

ValueId Net::slice(ValueId x, int64_t axis, int64_t start, int64_t end, int64_t step) {
  return op("Slice", {x, ints({start}), ints({end}), ints({axis}), ints({step})});
}

Net::Values Net::split(ValueId x, Dims sizes, int64_t axis) {
  const size_t count = sizes.size();
  return ops("Split", {x, ints(std::move(sizes))}, count, {{"axis", axis}});
}

ValueId Net::classifier(ValueId x, int64_t classes) {
  return gemm(op("Flatten", {globalPool(x)}), classes);
}

}  // namespace compress::test
