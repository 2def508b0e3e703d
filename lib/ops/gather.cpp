// Gathering by index: Gather, GatherElements, GatherND.
#include "lib/base/parallel.h"
#include "lib/ops/access.h"
#include "lib/ops/families.h"
#include "lib/ops/indices.h"
#include "lib/ops/rules.h"

namespace compress {
namespace {

void inferGather(InferContext& context) {
  requireInputs(context, 2);
  const Type &x = context.input(0), &indices = context.input(1);
  Type& y = context.outputs.at(0);
  y = Type::tensor(x.dtype);
  if (!x.hasRank() || !indices.hasRank()) return;
  const size_t axis = normalizedAxis(context.node.attributes.integer("axis", 0), x.rank());
  y.dims.emplace(x.dims->begin(), x.dims->begin() + static_cast<std::ptrdiff_t>(axis));
  y.dims->insert(y.dims->end(), indices.dims->begin(), indices.dims->end());
  y.dims->insert(y.dims->end(), x.dims->begin() + static_cast<std::ptrdiff_t>(axis) + 1, x.dims->end());
  const auto chosen = knownInts(context, 1);
  if (x.rank() != 1 || indices.rank() > 1 || !chosen || !isInteger(x.dtype)) return;
  const auto elements = partialInts(context, 0);
  if (!elements) return;
  context.outputPartials.at(0).emplace();
  for (const int64_t index : *chosen)
    context.outputPartials[0]->push_back(
        (*elements)[static_cast<size_t>(checkedIndex(index, static_cast<int64_t>(elements->size())))]);
}

void gather(ReferenceContext& context) {
  const Tensor& x = context.inputs[0];
  const auto indices = toInts(context.inputs[1]);
  const size_t axis = normalizedAxis(context.node.attributes.integer("axis", 0), x.shape().rank());
  const int64_t outer = x.shape().count(0, axis), size = x.shape()[axis],
                inner = x.shape().count(axis + 1, x.shape().rank());
  const Mover mover(x, context.outputs[0]);
  int64_t target = 0;
  for (int64_t o = 0; o < outer; ++o)
    for (const int64_t index : indices) {
      mover.copy((o * size + checkedIndex(index, size)) * inner, target, inner);
      target += inner;
    }
}

void inferGatherElements(InferContext& context) {
  requireInputs(context, 2);
  context.outputs.at(0) = tensorType(dtypeOfInput(context, 0), context.input(1).dims);
  if (context.input(0).hasRank()) requireRank(context, 1, context.input(0).rank());
}

void gatherElements(ReferenceContext& context) {
  const Tensor& x = context.inputs[0];
  const auto sources = elementOffsets(x.shape(), context.inputs[1], context.node.attributes.integer("axis", 0));
  const Mover mover(x, context.outputs[0]);
  for (size_t i = 0; i < sources.size(); ++i) mover.copy(sources[i], static_cast<int64_t>(i));
}

void inferGatherNd(InferContext& context) {
  requireInputs(context, 2);
  const Type &x = context.input(0), &indices = context.input(1);
  Type& y = context.outputs.at(0);
  y = Type::tensor(x.dtype);
  if (!x.hasRank() || !indices.hasRank() || indices.rank() == 0 || !indices.dims->back().isKnown()) return;
  const auto batch = static_cast<size_t>(context.node.attributes.integer("batch_dims", 0));
  const auto depth = static_cast<size_t>(indices.dims->back().value);
  if (batch + depth > x.rank())
    reject("indices of ", depth, " coordinates after ", batch, " batch axes into a tensor of rank ", x.rank());
  y.dims.emplace(indices.dims->begin(), indices.dims->end() - 1);
  y.dims->insert(y.dims->end(), x.dims->begin() + static_cast<std::ptrdiff_t>(batch + depth), x.dims->end());
}

void gatherNd(ReferenceContext& context) {
  const Tensor& x = context.inputs[0];
  const auto batch = static_cast<size_t>(context.node.attributes.integer("batch_dims", 0));
  const Slices slices = slicesOf(x.shape(), context.inputs[1], batch);
  const Mover mover(x, context.outputs[0]);
  for (size_t i = 0; i < slices.offsets.size(); ++i)
    mover.copy(slices.offsets[i], static_cast<int64_t>(i) * slices.length, slices.length);
}

}  // namespace

std::vector<OpSpec> gatherOps() {
  return {
      {"Gather", "", inferGather, gather, {}, "slices of x along `axis`, chosen by index"},
      {"GatherElements",
       "",
       inferGatherElements,
       gatherElements,
       {},
       "elements of x whose index along `axis` is replaced"},
      {"GatherND", "", inferGatherNd, gatherNd, {}, "slices of x chosen by coordinates"},
  };
}

}  // namespace compress
