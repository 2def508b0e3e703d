// Losses over classes: NegativeLogLikelihoodLoss and SoftmaxCrossEntropyLoss of x [N, C, d...] and labels [N, d...].
#include <cmath>

#include "lib/ops/access.h"
#include "lib/ops/families.h"
#include "lib/ops/rules.h"

namespace compress {
namespace {

void inferLoss(InferContext& context) {
  requireInputs(context, 2);
  const Type &x = context.input(0), &labels = context.input(1);
  if (x.hasRank() && x.rank() < 2) reject("x has rank ", x.rank(), ", expected at least 2");
  const bool isReduced = context.node.attributes.string("reduction", "mean") != "none";
  context.outputs.at(0) = isReduced ? Type::tensor(x.dtype, Shape{}) : tensorType(x.dtype, labels.dims);
  if (context.outputs.size() > 1) context.outputs[1] = x;
}

/// [N, classes, ...] of the first input.
const Shape& shapeWithClasses(const ReferenceContext& context) {
  const Shape& shape = context.inputs[0].shape();
  if (shape.rank() < 2 || shape[1] == 0) reject("x has shape ", print(shape), ", expected classes on axis 1");
  return shape;
}

/// loss[n, d] = -weight[label] * logProbability[n, label, d], reduced as the node says; labels equal to ignore_index
/// count nothing.
void reduceLoss(ReferenceContext& context, const std::vector<double>& logProbabilities) {
  const Shape& shape = shapeWithClasses(context);
  const auto labels = toInts(context.inputs[1]);
  const int64_t classes = shape[1], inner = shape.count(2, shape.rank());
  const auto weights =
      context.has(2) ? load<double>(context.inputs[2]) : std::vector<double>(static_cast<size_t>(classes), 1.0);
  const bool ignores = context.node.attributes.has("ignore_index");
  const int64_t ignored = context.node.attributes.integer("ignore_index", 0);
  const std::string reduction = context.node.attributes.string("reduction", "mean");
  if (static_cast<int64_t>(labels.size()) != shape[0] * inner)
    reject("labels have shape ", print(context.inputs[1].shape()), ", x ", print(shape));
  std::vector<double> losses(labels.size(), 0.0);
  double sum = 0, weight = 0;
  for (size_t i = 0; i < labels.size(); ++i) {
    const int64_t label = labels[i];
    if (ignores && label == ignored) continue;
    if (label < 0 || label >= classes || label >= static_cast<int64_t>(weights.size()))
      reject("label ", label, " is outside [0, ", classes, ")");
    const int64_t n = static_cast<int64_t>(i) / inner, d = static_cast<int64_t>(i) % inner;
    const double factor = weights[static_cast<size_t>(label)];
    losses[i] = -factor * logProbabilities[static_cast<size_t>((n * classes + label) * inner + d)];
    sum += losses[i];
    weight += factor;
  }
  if (reduction == "none") return store(std::span<const double>(losses), context.outputs[0]);
  if (reduction != "mean" && reduction != "sum")
    reject("reduction is '", displayName(reduction), "', expected none, mean or sum");
  const double result = reduction == "sum" ? sum : sum / weight;
  store(std::span<const double>(&result, 1), context.outputs[0]);
}

void negativeLogLikelihood(ReferenceContext& context) {
  reduceLoss(context, load<double>(context.inputs[0]));
}

void softmaxCrossEntropy(ReferenceContext& context) {
  const Shape& shape = shapeWithClasses(context);
  auto x = load<double>(context.inputs[0]);
  const int64_t classes = shape[1], inner = shape.count(2, shape.rank());
  for (int64_t line = 0; line < shape[0] * inner; ++line) {
    const auto at = [&](int64_t c) -> double& {
      return x[static_cast<size_t>((line / inner * classes + c) * inner + line % inner)];
    };
    double most = at(0), sum = 0;
    for (int64_t c = 1; c < classes; ++c) most = std::max(most, at(c));
    for (int64_t c = 0; c < classes; ++c) sum += std::exp(at(c) - most);
    const double logarithm = most + std::log(sum);
    for (int64_t c = 0; c < classes; ++c) at(c) -= logarithm;
  }
  if (context.wants(1)) store(std::span<const double>(x), context.outputs[1]);
  reduceLoss(context, x);
}

}  // namespace

std::vector<OpSpec> lossOps() {
  return {
      {"NegativeLogLikelihoodLoss", "", inferLoss, negativeLogLikelihood, {}, "-weight[label] x[label], reduced"},
      {"SoftmaxCrossEntropyLoss", "", inferLoss, softmaxCrossEntropy, {}, "the same of LogSoftmax(x), and that"},
  };
}

}  // namespace compress
