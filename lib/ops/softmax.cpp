// Softmax, LogSoftmax and Hardmax along one axis.
#include <cmath>

#include "lib/base/parallel.h"
#include "lib/ops/access.h"
#include "lib/ops/families.h"
#include "lib/ops/rules.h"
#include "lib/ops/upgrade_tools.h"

namespace compress {
namespace {

void inferAxis(InferContext& context) {
  sameAsFirst(context);
  if (context.input(0).hasRank()) normalizedAxis(context.node.attributes.integer("axis", -1), context.input(0).rank());
}

/// Applies transform(line) to every line along `axis`.
template <typename Transform>
void mapLines(ReferenceContext& context, const Transform& transform) {
  const Shape& shape = context.inputs[0].shape();
  const size_t axis = normalizedAxis(context.node.attributes.integer("axis", -1), shape.rank());
  auto values = load<double>(context.inputs[0]);
  const int64_t size = shape[axis], inner = shape.count(axis + 1, shape.rank());
  parallelFor(shape.count(0, axis), [&](int64_t outer) {
    std::vector<double> line(static_cast<size_t>(size));
    for (int64_t i = 0; i < inner; ++i) {
      double* from = values.data() + outer * size * inner + i;
      for (int64_t k = 0; k < size; ++k) line[static_cast<size_t>(k)] = from[k * inner];
      transform(line);
      for (int64_t k = 0; k < size; ++k) from[k * inner] = line[static_cast<size_t>(k)];
    }
  });
  store(std::span<const double>(values), context.outputs[0]);
}

/// x - max, and the sum of its exponentials.
double shiftAndSum(std::vector<double>& line) {
  double most = line.empty() ? 0 : line[0], sum = 0;
  for (const double x : line) most = x > most ? x : most;
  for (double& x : line) {
    x -= most;
    sum += std::exp(x);
  }
  return sum;
}

void softmax(ReferenceContext& context) {
  mapLines(context, [](std::vector<double>& line) {
    const double sum = shiftAndSum(line);
    for (double& x : line) x = std::exp(x) / sum;
  });
}

void logSoftmax(ReferenceContext& context) {
  mapLines(context, [](std::vector<double>& line) {
    const double logarithm = std::log(shiftAndSum(line));
    for (double& x : line) x -= logarithm;
  });
}

void hardmax(ReferenceContext& context) {
  mapLines(context, [](std::vector<double>& line) {
    size_t best = 0;
    for (size_t i = 1; i < line.size(); ++i)
      if (line[i] > line[best]) best = i;
    for (size_t i = 0; i < line.size(); ++i) line[i] = i == best ? 1 : 0;
  });
}

/// Opset 13: before, all axes from `axis` (default 1) on were one line. Where `axis` is not the last one, the op works
/// on Flatten(x, axis), and its result is given the shape of x again.
void oneAxis(Graph& graph, NodeId id) {
  const Node node = graph.node(id);
  const int64_t axis = node.attributes.integer("axis", 1);
  const auto rank = rankOf(graph, node.inputs.at(0));
  graph.setAttribute(id, "axis", int64_t{-1});
  if (rank && normalizedAxis(axis, *rank) + 1 == *rank) return;
  const ValueId y = node.outputs.at(0);
  const std::string name = graph.value(y).name;
  Attributes flattenAt;
  flattenAt.set("axis", axis);
  const ValueId flat = graph.emit("Flatten", {node.inputs[0]}, text(name, ".flat"), flattenAt);
  const ValueId shape = graph.emit("Shape", {node.inputs[0]}, text(name, ".shape"));
  graph.setInput(id, 0, flat);
  const ValueId result = graph.add({text(name, ".lines"), {}, std::nullopt, {}});
  graph.setOutputs(id, {result});
  Node reshape;
  reshape.op = "Reshape";
  reshape.name = text(name, ".reshape");
  reshape.inputs = {result, shape};
  reshape.outputs = {y};
  graph.append(std::move(reshape));
}

}  // namespace

std::vector<OpSpec> softmaxOps() {
  return {
      {"Softmax", "", inferAxis, softmax, {{13, oneAxis}}, "y = e^x / sum of e^x along `axis`"},
      {"LogSoftmax", "", inferAxis, logSoftmax, {{13, oneAxis}}, "y = x - ln(sum of e^x) along `axis`"},
      {"Hardmax", "", inferAxis, hardmax, {{13, oneAxis}}, "1 at the first largest element along `axis`, else 0"},
  };
}

}  // namespace compress
