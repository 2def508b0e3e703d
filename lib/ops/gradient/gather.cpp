// Gradients of gathering: what was read several times gets the sum.
#include "lib/ops/access.h"
#include "lib/ops/gradient/rules.h"
#include "lib/ops/indices.h"
#include "lib/ops/rules.h"

namespace compress {
namespace {

void gather(Backward& b) {
  const auto axis = static_cast<int64_t>(normalizedAxis(b.attributes().integer("axis", 0), b.shape(0).rank()));
  b.give(0, b.emitPrivate("GatherGrad", {b.gradient(), b.input(1)},
                          attributesOf({{"shape", b.shape(0).dims()}, {"axis", axis}})));
}

/// g scattered with addition onto zeros.
void scatter(Backward& b, std::string_view op, Attributes attributes) {
  const ValueId zeros = b.emit("Expand", {b.scalar(0), b.constant(b.shape(0).dims())});
  attributes.set("reduction", "add");
  b.give(0, b.emit(op, {zeros, b.input(1), b.gradient()}, std::move(attributes)));
}

void gatherElements(Backward& b) {
  scatter(b, "ScatterElements", b.attributes());
}

void gatherNd(Backward& b) {
  if (b.attributes().integer("batch_dims", 0) != 0)
    throw Error(ErrorKind::unsupported, "GatherND with batch_dims has no gradient here",
                "freeze what lies before the node");
  scatter(b, "ScatterND", {});
}

/// Rows are added in the order of the indices.
void gatherGrad(ReferenceContext& context) {
  const Tensor& g = context.inputs[0];
  Buffer& x = context.outputs[0];
  const auto indices = toInts(context.inputs[1]);
  const size_t axis = normalizedAxis(context.node.attributes.integer("axis", 0), x.shape().rank());
  const int64_t outer = x.shape().count(0, axis), size = x.shape()[axis],
                inner = x.shape().count(axis + 1, x.shape().rank());
  if (g.elementCount() != outer * static_cast<int64_t>(indices.size()) * inner)
    reject("g has shape ", print(g.shape()), " for ", indices.size(), " indices");
  const auto values = load<double>(g);
  std::vector<double> out(static_cast<size_t>(x.elementCount()), 0.0);
  auto from = values.begin();
  for (int64_t o = 0; o < outer; ++o)
    for (const int64_t index : indices) {
      double* to = out.data() + (o * size + checkedIndex(index, size)) * inner;
      for (int64_t i = 0; i < inner; ++i) to[i] += *from++;
    }
  store(std::span<const double>(out), x);
}

}  // namespace

std::vector<GradientRule> gatherGradients() {
  return {{"Gather", gather}, {"GatherElements", gatherElements}, {"GatherND", gatherNd}};
}

std::vector<OpSpec> gatherGradientOps() {
  return {{"GatherGrad",
           kTrainDomain,
           inferStatedShape,
           gatherGrad,
           {},
           "slices of g added where Gather read them along `axis` of `shape`"}};
}

}  // namespace compress
