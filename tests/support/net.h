// Networks as exporters write them, built layer by layer in C++: for tests that need many architectures. Shapes are
// inferred node by node, weights are random with a spread that keeps signals of moderate size.
#pragma once
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "lib/base/random.h"
#include "lib/ir/model.h"

namespace compress::test {

class Net {
 public:
  using Dims = std::vector<int64_t>;
  using Values = std::vector<ValueId>;
  using NamedAttributes = std::vector<std::pair<std::string, AttributeData>>;

  explicit Net(uint64_t seed = 0, int64_t opset = 17);

  /// A graph input of fixed shape.
  ValueId input(Dims dims, DType dtype = DType::f32);
  /// The first of `outputCount` results of a new node.
  ValueId op(std::string_view type, Values inputs, const NamedAttributes& attributes = {},
             std::string_view domain = "");
  Values ops(std::string_view type, Values inputs, size_t outputCount, const NamedAttributes& attributes = {},
             std::string_view domain = "");
  Model finish(const Values& outputs) &&;

  const Dims& dims(ValueId value) const { return dims_.at(value); }
  int64_t size(ValueId value, size_t axis) const { return dims(value)[axis]; }
  int64_t below(int64_t bound) { return random_.below(bound); }
  Graph& graph() { return model_.graph; }

  // Constants ---------------------------------------------------------------------------------------------------------
  /// Normal numbers times `spread`.
  ValueId normal(Dims dims, double spread = 1);
  /// Spread by what one output sums over.
  ValueId weight(Dims dims, int64_t summed);
  ValueId uniform(Dims dims, double low, double high);
  ValueId number(float value);
  ValueId numbers(const std::vector<float>& values);
  ValueId ints(Dims values);
  ValueId ints32(const std::vector<int32_t>& values);
  /// An int64 scalar.
  ValueId number64(int64_t value);

  // Layers ------------------------------------------------------------------------------------------------------------
  struct ConvShape {
    int64_t kernel = 3, stride = 1, groups = 1, dilation = 1;
    bool hasBias = false;
  };
  /// Padded so that stride 1 keeps the size.
  ValueId conv(ValueId x, int64_t outputs, const ConvShape& shape);
  ValueId conv(ValueId x, int64_t outputs) { return conv(x, outputs, {}); }
  ValueId pointwise(ValueId x, int64_t outputs) { return conv(x, outputs, {.kernel = 1}); }
  ValueId depthwise(ValueId x, int64_t kernel = 3, int64_t stride = 1);
  ValueId norm(ValueId x);  ///< BatchNormalization
  ValueId relu(ValueId x) { return op("Relu", {x}); }
  ValueId convNormRelu(ValueId x, int64_t outputs, const ConvShape& shape) {
    return relu(norm(conv(x, outputs, shape)));
  }
  ValueId convNormRelu(ValueId x, int64_t outputs) { return convNormRelu(x, outputs, {}); }
  ValueId swish(ValueId x) { return op("Mul", {x, op("Sigmoid", {x})}); }
  ValueId maxPool(ValueId x, int64_t kernel = 2, int64_t stride = 2, int64_t pad = 0);
  ValueId globalPool(ValueId x) { return op("GlobalAveragePool", {x}); }
  /// MatMul and Add along the last axis.
  ValueId linear(ValueId x, int64_t outputs, bool hasBias = true);
  ValueId gemm(ValueId x, int64_t outputs);
  ValueId layerNorm(ValueId x);
  /// LayerNormalization as exporters wrote it before opset 17: nine nodes.
  ValueId decomposedLayerNorm(ValueId x);
  /// x * 0.5 * (1 + erf(x / sqrt 2)), as five nodes.
  ValueId gelu(ValueId x);
  ValueId reshape(ValueId x, Dims dims) { return op("Reshape", {x, ints(std::move(dims))}); }
  ValueId transpose(ValueId x, Dims order) { return op("Transpose", {x}, {{"perm", std::move(order)}}); }
  ValueId add(ValueId a, ValueId b) { return op("Add", {a, b}); }
  ValueId mul(ValueId a, ValueId b) { return op("Mul", {a, b}); }
  ValueId concat(Values parts, int64_t axis = 1) { return op("Concat", std::move(parts), {{"axis", axis}}); }
  ValueId slice(ValueId x, int64_t axis, int64_t start, int64_t end, int64_t step = 1);
  Values split(ValueId x, Dims sizes, int64_t axis = 1);
  /// Flatten(GlobalAveragePool) and a Gemm with `classes` results.
  ValueId classifier(ValueId x, int64_t classes = 5);

 private:
  void inferDims(NodeId id);
  ValueId hold(Tensor tensor);

  Random random_;
  Model model_;
  std::map<ValueId, Dims> dims_;
  std::map<ValueId, Type> types_;
};

}  // namespace compress::test
