// Ops of ai.onnx.ml on features: LabelEncoder, ArrayFeatureExtractor, Binarizer, Scaler, Normalizer.
#include <cmath>
#include <map>

#include "lib/ops/elementwise.h"
#include "lib/ops/families.h"
#include "lib/ops/indices.h"
#include "lib/ops/rules.h"

namespace compress {
namespace {

constexpr std::string_view kMl = "ai.onnx.ml";

// LabelEncoder --------------------------------------------------------------------------------------------------------

/// The list `prefix`_tensor, _strings, _int64s or _floats, or (default_) _string, _int64, _float; none when absent.
Tensor listed(const Node& node, const std::string& prefix) {
  const Attributes& attributes = node.attributes;
  if (const Tensor* tensor = attributes.tensor(prefix + "_tensor")) return *tensor;
  if (const Attribute* found = attributes.find(prefix + "_strings"))
    if (const auto* list = std::get_if<std::vector<std::string>>(&found->data))
      return {Shape{static_cast<int64_t>(list->size())}, *list};
  if (attributes.has(prefix + "_int64s")) return Tensor::ofInts(attributes.integers(prefix + "_int64s"));
  if (!attributes.has(prefix + "_floats")) return {};
  const auto values = attributes.reals(prefix + "_floats");
  return Tensor::of<float>(Shape{static_cast<int64_t>(values.size())}, values);
}

/// What stands for keys that are not listed.
Tensor defaultFor(const Node& node, DType dtype) {
  if (const Tensor* tensor = node.attributes.tensor("default_tensor")) return tensor->reshaped(Shape{});
  if (dtype == DType::string) return {Shape{}, {node.attributes.string("default_string", "_Unused")}};
  if (dtype == DType::i64) return Tensor::scalar(node.attributes.integer("default_int64", -1));
  Buffer buffer(dtype, Shape{});
  const double value = isFloating(dtype) ? static_cast<double>(node.attributes.real("default_float", -0.0F)) : -1;
  store(std::span<const double>(&value, 1), buffer);
  return std::move(buffer).freeze();
}

void inferLabelEncoder(InferContext& context) {
  sameAsFirst(context);
  const Tensor values = listed(context.node, "values");
  if (!values) reject("no values are listed");
  context.outputs[0].dtype = values.dtype();
}

/// Elements as text that is equal where they are: all NaNs are.
std::vector<std::string> spelled(const Tensor& tensor) {
  if (tensor.dtype() == DType::string) return tensor.strings();
  std::vector<std::string> out;
  withWide(tensor.dtype(), [&](auto zero) {
    for (const auto value : load<decltype(zero)>(tensor)) out.push_back(value != value ? "NaN" : text(value));
  });
  return out;
}

void labelEncoder(ReferenceContext& context) {
  const Tensor keys = listed(context.node, "keys"), values = listed(context.node, "values");
  if (!keys || keys.elementCount() != values.elementCount())
    reject(keys ? keys.elementCount() : 0, " keys and ", values.elementCount(), " values, expected as many");
  std::map<std::string, int64_t> places;
  const auto names = spelled(keys);
  for (size_t i = 0; i < names.size(); ++i) places[names[i]] = static_cast<int64_t>(i);
  const Tensor other = defaultFor(context.node, values.dtype());
  const Mover known(values, context.outputs[0]), unknown(other, context.outputs[0]);
  const auto given = spelled(context.inputs[0]);
  for (size_t i = 0; i < given.size(); ++i) {
    const auto found = places.find(given[i]);
    if (found != places.end())
      known.copy(found->second, static_cast<int64_t>(i));
    else
      unknown.copy(0, static_cast<int64_t>(i));
  }
}

// Others --------------------------------------------------------------------------------------------------------------

/// Elements of the last axis; a vector becomes a row.
void inferExtractor(InferContext& context) {
  requireInputs(context, 2);
  const Type& x = context.input(0);
  context.outputs.at(0) = Type::tensor(x.dtype);
  if (!x.hasRank()) return;
  if (x.rank() == 0) reject("x is a scalar");
  std::vector<Dim> dims = *x.dims;
  if (dims.size() == 1) dims.insert(dims.begin(), Dim::of(1));
  const auto count = context.input(1).shape();
  dims.back() = count ? Dim::of(count->elementCount()) : Dim{};
  context.outputs[0].dims = dims;
}

void arrayFeatureExtractor(ReferenceContext& context) {
  const Tensor& x = context.inputs[0];
  const int64_t size = x.shape()[x.shape().rank() - 1];
  const auto indices = toInts(context.inputs[1]);
  const Mover mover(x, context.outputs[0]);
  int64_t target = 0;
  for (int64_t row = 0; row < (size == 0 ? 0 : x.elementCount() / size); ++row)
    for (const int64_t index : indices) mover.copy(row * size + checkedIndex(index, size), target++);
}

void binarizer(ReferenceContext& context) {
  const double threshold = static_cast<double>(context.node.attributes.real("threshold", 0));
  auto values = load<double>(context.inputs[0]);
  mapElements(values, [=](double x) { return x > threshold ? 1.0 : 0.0; });
  store(std::span<const double>(values), context.outputs[0]);
}

void inferToFloat(InferContext& context) {
  sameAsFirst(context);
  context.outputs[0].dtype = DType::f32;
}

/// (x - offset) scale, each one number or one per feature.
void scaler(ReferenceContext& context) {
  const auto offsets = context.node.attributes.reals("offset"), scales = context.node.attributes.reals("scale");
  if (offsets.empty() || scales.empty()) reject("offset or scale is missing");
  auto values = load<double>(context.inputs[0]);
  for (size_t i = 0; i < values.size(); ++i)
    values[i] =
        (values[i] - static_cast<double>(offsets[i % offsets.size()])) * static_cast<double>(scales[i % scales.size()]);
  store(std::span<const double>(values), context.outputs[0]);
}

/// Each row over its largest magnitude, its sum of magnitudes, or its length.
void normalizer(ReferenceContext& context) {
  const std::string norm = context.node.attributes.string("norm", "MAX");
  if (norm != "MAX" && norm != "L1" && norm != "L2")
    reject("norm is '", displayName(norm), "', expected MAX, L1 or L2");
  const Shape& shape = context.inputs[0].shape();
  auto values = load<double>(context.inputs[0]);
  const auto size = static_cast<size_t>(shape.rank() == 0 ? 1 : shape[shape.rank() - 1]);
  for (size_t start = 0; start < values.size(); start += size) {
    const auto row = std::span(values).subspan(start, size);
    double total = 0;
    for (const double x : row)
      total = norm == "MAX" ? std::max(total, std::abs(x)) : total + (norm == "L1" ? std::abs(x) : x * x);
    if (norm == "L2") total = std::sqrt(total);
    for (double& x : row) x = total == 0 ? x : x / total;
  }
  store(std::span<const double>(values), context.outputs[0]);
}

}  // namespace

std::vector<OpSpec> mlOps() {
  return {
      {"LabelEncoder", kMl, inferLabelEncoder, labelEncoder, {}, "the value listed beside each key"},
      {"ArrayFeatureExtractor", kMl, inferExtractor, arrayFeatureExtractor, {}, "elements of the last axis"},
      {"Binarizer", kMl, sameAsFirst, binarizer, {}, "y = x > threshold"},
      {"Scaler", kMl, inferToFloat, scaler, {}, "y = (x - offset) scale"},
      {"Normalizer", kMl, inferToFloat, normalizer, {}, "each row over its norm"},
  };
}

}  // namespace compress
