#include "tests/support/graph_author.h"

#include <algorithm>
#include <cmath>

#include "lib/base/error.h"
#include "lib/base/text.h"
#include "lib/ops/evaluate.h"
#include "tests/support/build.h"
#include "tests/support/plans.h"

namespace compress::test {
namespace {

/// Each float of a kernel may differ from the reference's by some units in its own last place, or in that of the
/// largest.
constexpr double kRounding = 4e-7;
/// Largest effect that such differences may have on a result, in squares: a tenth of what is allowed in the end.
constexpr double kMagnified = 1e-10;
constexpr double kLargest = 1e4;

/// Uniform numbers; of booleans, as many of both.
Tensor numbersOf(DType dtype, const Shape& shape, double low, double high, Random& random) {
  const std::string range = dtype == DType::boolean ? "" : text("uniform(", low, ", ", high, ")");
  return buildTensor(dtype, shape, range, text(random.bits()));
}

Tensor shake(const Tensor& tensor, Random& random) {
  if (tensor.dtype() != DType::f32) return tensor;
  Buffer buffer(DType::f32, tensor.shape());
  const auto from = tensor.as<float>();
  double largest = 0;
  for (const float x : from) largest = std::max(largest, std::abs(static_cast<double>(x)));
  for (size_t i = 0; i < from.size(); ++i) {
    const double x = static_cast<double>(from[i]);
    const double size = kRounding * (std::abs(x) + 0.2 * largest);
    buffer.as<float>()[i] = static_cast<float>(random.below(2) == 0 ? x + size : x - size);
  }
  return std::move(buffer).freeze();
}

bool isModerate(const Tensor& tensor) {
  if (!isFloating(tensor.dtype())) return true;
  const std::vector<double> numbers = toDoubles(tensor);
  return std::ranges::all_of(numbers, [](double x) { return std::isfinite(x) && std::abs(x) <= kLargest; });
}

}  // namespace

GraphAuthor::GraphAuthor(uint64_t seed, int64_t elements) : random_(seed, "random graph"), elements_(elements) {
  graph_.name = "random";
}

int64_t GraphAuthor::pick(std::initializer_list<int64_t> choices) {
  return choices.begin()[below(static_cast<int64_t>(choices.size()))];
}

std::string GraphAuthor::pickWord(std::initializer_list<const char*> choices) {
  return choices.begin()[below(static_cast<int64_t>(choices.size()))];
}

Shape GraphAuthor::shape(size_t lowestRank, size_t highestRank) {
  const auto rank = static_cast<size_t>(from(static_cast<int64_t>(lowestRank), static_cast<int64_t>(highestRank)));
  std::vector<int64_t> dims;
  int64_t left = elements_;
  for (size_t i = 0; i < rank; ++i) {
    const int64_t wanted = oneIn(120) ? 0 : pick({1, 1, 2, 2, 3, 4, 5, 7, 8, 9, 13, 16, 17, 24, 32, 33, 65});
    dims.push_back(std::min(wanted, std::max<int64_t>(left, 1)));
    left /= std::max<int64_t>(dims.back(), 1);
  }
  for (size_t i = rank; i > 1; --i) std::swap(dims[i - 1], dims[static_cast<size_t>(below(static_cast<int64_t>(i)))]);
  return Shape(dims);
}

Shape GraphAuthor::broadcastable(const Shape& shape) {
  const auto dropped = static_cast<size_t>(oneIn(2) ? 0 : below(static_cast<int64_t>(shape.rank()) + 1));
  std::vector<int64_t> dims(shape.dims().begin() + static_cast<int64_t>(dropped), shape.dims().end());
  for (int64_t& dim : dims)
    if (oneIn(3)) dim = 1;
  return Shape(dims);
}

ValueId GraphAuthor::input(DType dtype, const Shape& shape, double low, double high) {
  return input(numbersOf(dtype, shape, low, high, random_));
}

ValueId GraphAuthor::input(Tensor tensor) {
  const ValueId id = graph_.add({"x", Type::tensor(tensor.dtype(), tensor.shape()), std::nullopt, {}});
  graph_.addInput(id);
  values_[id] = {tensor, tensor};
  kept_.push_back(id);
  return id;
}

ValueId GraphAuthor::constant(DType dtype, const Shape& shape, double low, double high) {
  return constant(numbersOf(dtype, shape, low, high, random_));
}

ValueId GraphAuthor::constant(Tensor tensor) {
  const ValueId id = graph_.addConstant("c", tensor);
  values_[id] = {tensor, tensor};
  return id;
}

ValueId GraphAuthor::integers(const std::vector<int64_t>& values) {
  return constant(Tensor::ofInts(values));
}

ValueId GraphAuthor::parameter(DType dtype, const Shape& shape, double low, double high) {
  return oneIn(5) ? input(dtype, shape, low, high) : constant(dtype, shape, low, high);
}

ValueId GraphAuthor::operand(DType dtype, const Shape& shape) {
  if (!oneIn(4))
    for (size_t i = kept_.size(); i-- > 0;)
      if (dtypeOf(kept_[i]) == dtype && shapeOf(kept_[i]) == shape && !oneIn(3)) return kept_[i];
  return parameter(dtype, shape, dtype == DType::boolean || isFloating(dtype) ? -1 : 0, 4);
}

ValueId GraphAuthor::source(DType dtype, size_t lowestRank, size_t highestRank) {
  return findSource(dtype, lowestRank, highestRank, false);
}

ValueId GraphAuthor::anySource(DType dtype, size_t lowestRank, size_t highestRank) {
  return findSource(dtype, lowestRank, highestRank, true);
}

ValueId GraphAuthor::findSource(DType dtype, size_t lowestRank, size_t highestRank, bool mayBeEmpty) {
  for (size_t i = kept_.size(); i-- > 0;) {
    const Shape& found = shapeOf(kept_[i]);
    const bool fits = dtypeOf(kept_[i]) == dtype && found.rank() >= lowestRank && found.rank() <= highestRank &&
                      (mayBeEmpty || found.elementCount() > 0);
    if (fits && !oneIn(4)) return kept_[i];
  }
  Shape wanted = shape(lowestRank, highestRank);
  while (!mayBeEmpty && wanted.elementCount() == 0) wanted = shape(lowestRank, highestRank);
  return isFloating(dtype) || dtype == DType::boolean ? input(dtype, wanted) : input(dtype, wanted, 0, 8);
}

bool GraphAuthor::isStable(const std::vector<Tensor>& exact, const std::vector<Tensor>& shaken) const {
  for (size_t i = 0; i < exact.size(); ++i) {
    if (!exact[i]) continue;
    if (exact[i].elementCount() > 4 * elements_ || !isModerate(exact[i])) return false;
    // Written so that a difference that is no number is refused as well.
    if (!(normalizedError(shaken[i], exact[i]) <= (exact[i].dtype() == DType::f32 ? kMagnified : 0))) return false;
  }
  return true;
}

std::vector<ValueId> GraphAuthor::nodes(std::string_view op, std::vector<ValueId> inputs,
                                        std::vector<Attribute> attributes, size_t outputs, int captures) {
  std::vector<Tensor> exact;
  std::vector<Tensor> shaken;
  for (const ValueId id : inputs) {
    exact.push_back(id ? values_.at(id).exact : Tensor());
    shaken.push_back(id ? values_.at(id).shaken : Tensor());
  }
  Node node{std::string(op), "", std::move(inputs), {}, {}, "", "", captures, {}};
  for (auto& [name, data] : attributes) node.attributes.set(name, std::move(data));
  for (size_t i = 0; i < outputs; ++i) node.outputs.push_back(graph_.add({"v", {}, std::nullopt, {}}));
  const std::vector<ValueId> made = node.outputs;
  node.name = graph_.value(made[0]).name;
  const NodeId id = graph_.append(std::move(node));
  try {
    std::vector<Tensor> results = evaluate(graph_, graph_.node(id), exact);
    std::vector<Tensor> others = evaluate(graph_, graph_.node(id), shaken);
    if (isStable(results, others)) {
      for (size_t i = 0; i < outputs; ++i) values_[made[i]] = {results[i], shake(others[i], random_)};
      return made;
    }
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::input) throw;
  }
  graph_.erase(id);
  for (const ValueId value : made) graph_.erase(value);
  return {};
}

ValueId GraphAuthor::node(std::string_view op, std::vector<ValueId> inputs, std::vector<Attribute> attributes) {
  const std::vector<ValueId> made = nodes(op, std::move(inputs), std::move(attributes));
  return made.empty() ? kNoValue : made[0];
}

void GraphAuthor::keep(ValueId id) {
  if (id) kept_.push_back(id);
}

void GraphAuthor::keep(const std::vector<ValueId>& ids) {
  for (const ValueId id : ids) keep(id);
}

RandomGraph GraphAuthor::finish() && {
  for (const ValueId id : kept_)
    if (graph_.producer(id) && (graph_.uses(id).empty() || oneIn(6)) && !graph_.isOutput(id)) graph_.addOutput(id);
  graph_.eraseDead();
  RandomGraph made;
  std::vector<ValueId> read;
  for (const ValueId id : graph_.inputs())
    if (!graph_.uses(id).empty()) read.push_back(id);
  graph_.setInputs(read);
  for (const ValueId id : read) made.inputs.push_back(tensor(id));
  for (const ValueId id : graph_.outputs()) made.outputs.push_back(tensor(id));
  made.model.irVersion = 10;
  made.model.opsets.set("", kNewestOpset);
  made.model.graph = std::move(graph_);
  return made;
}

}  // namespace compress::test
