// Random tensors: RandomNormal, RandomUniform and their Like forms, Bernoulli, Multinomial. Numbers come from the seed
// attribute, or from the node's name where there is none: the same model gives the same numbers every time.
#include "lib/base/random.h"

#include <algorithm>
#include <bit>
#include <cmath>

#include "lib/ops/access.h"
#include "lib/ops/families.h"
#include "lib/ops/rules.h"

namespace compress {
namespace {

Random streamOf(const Node& node) {
  const float seed = node.attributes.real("seed", 0);
  return {std::bit_cast<uint32_t>(seed), node.attributes.has("seed") ? node.op : node.op + node.name};
}

void inferFromShape(InferContext& context) {
  const auto listed = context.node.attributes.integers("shape");
  if (!context.node.attributes.has("shape")) reject("attribute 'shape' is missing");
  if (!checkedElementCount(listed)) reject("shape ", print(Shape(listed)), " is negative or too large");
  context.outputs.at(0) = Type::tensor(dtypeAttribute(context.node, "dtype", DType::f32), Shape(listed));
}

void inferLike(InferContext& context) {
  sameAsFirst(context);
  context.outputs[0].dtype = dtypeAttribute(context.node, "dtype", context.outputs[0].dtype);
}

void fill(ReferenceContext& context, const std::function<double(Random&)>& next) {
  Random random = streamOf(context.node);
  std::vector<double> values(static_cast<size_t>(context.outputs[0].elementCount()));
  for (double& value : values) value = next(random);
  store(std::span<const double>(values), context.outputs[0]);
}

void randomNormal(ReferenceContext& context) {
  const double mean = static_cast<double>(context.node.attributes.real("mean", 0)),
               scale = static_cast<double>(context.node.attributes.real("scale", 1));
  fill(context, [=](Random& random) { return mean + scale * random.normal(); });
}

void randomUniform(ReferenceContext& context) {
  const double low = static_cast<double>(context.node.attributes.real("low", 0)),
               high = static_cast<double>(context.node.attributes.real("high", 1));
  fill(context, [=](Random& random) { return random.uniform(low, high); });
}

void bernoulli(ReferenceContext& context) {
  const auto chances = load<double>(context.inputs[0]);
  size_t at = 0;
  fill(context, [&](Random& random) { return random.uniform() < chances[at++] ? 1.0 : 0.0; });
}

void inferMultinomial(InferContext& context) {
  requireInputs(context, 1);
  requireRank(context, 0, 2);
  const int64_t count = context.node.attributes.integer("sample_size", 1);
  if (count < 0) reject("sample_size is ", count);
  context.outputs.at(0) = Type::tensor(dtypeAttribute(context.node, "dtype", DType::i32),
                                       std::vector<Dim>{dimOfInput(context, 0, 0), Dim::of(count)});
}

/// Each row holds logarithms of chances, not normalised; a sample is the first class at which their running sum passes
/// a uniform number.
void multinomial(ReferenceContext& context) {
  const auto logs = load<double>(context.inputs[0]);
  const auto classes = static_cast<size_t>(context.inputs[0].shape()[1]);
  const auto samples = static_cast<size_t>(context.outputs[0].shape()[1]);
  if (classes == 0) reject("no class to draw from");
  Random random = streamOf(context.node);
  std::vector<int64_t> drawn;
  for (size_t start = 0; start < logs.size(); start += classes) {
    const auto row = std::span(logs).subspan(start, classes);
    std::vector<double> sums;
    double sum = 0;
    for (const double log : row) sums.push_back(sum += std::exp(log - *std::ranges::max_element(row)));
    for (size_t i = 0; i < samples; ++i) {
      const auto at = std::ranges::upper_bound(sums, random.uniform() * sum) - sums.begin();
      drawn.push_back(std::min<int64_t>(at, static_cast<int64_t>(classes) - 1));
    }
  }
  store(std::span<const int64_t>(drawn), context.outputs[0]);
}

}  // namespace

std::vector<OpSpec> randomOps() {
  return {
      {"RandomNormal", "", inferFromShape, randomNormal, {}, "normal numbers in a given shape"},
      {"RandomNormalLike", "", inferLike, randomNormal, {}, "normal numbers in the shape of x"},
      {"RandomUniform", "", inferFromShape, randomUniform, {}, "uniform numbers in a given shape"},
      {"RandomUniformLike", "", inferLike, randomUniform, {}, "uniform numbers in the shape of x"},
      {"Bernoulli", "", inferLike, bernoulli, {}, "1 with chance x, else 0"},
      {"Multinomial", "", inferMultinomial, multinomial, {}, "classes drawn by the logarithms of their chances"},
  };
}

}  // namespace compress
