// MaxUnpool puts pooled elements back where they came from; MaxRoiPool pools regions of a feature map.
#include <cmath>
#include <limits>

#include "lib/ops/access.h"
#include "lib/ops/families.h"
#include "lib/ops/window.h"

namespace compress {
namespace {

/// [N, C] and the extents that the pooled input had, as the window's attributes say.
std::vector<Dim> unpooledDims(const Node& node, const std::vector<Dim>& x) {
  const Window window = windowOf(node, node.attributes.integers("kernel_shape"));
  if (window.rank() == 0 || x.size() != window.rank() + 2)
    reject("x has rank ", x.size(), ", the kernel has ", window.rank(), " axes");
  std::vector<Dim> dims = {x[0], x[1]};
  for (size_t i = 0; i < window.rank(); ++i) {
    if (!x[i + 2].isKnown()) {
      dims.emplace_back();
      continue;
    }
    const int64_t size =
        (x[i + 2].value - 1) * window.strides[i] + window.kernel[i] - window.padsBegin[i] - window.padsEnd[i];
    dims.push_back(Dim::of(std::max<int64_t>(0, size)));
  }
  return dims;
}

void inferMaxUnpool(InferContext& context) {
  requireInputs(context, 2);
  const Type& x = context.input(0);
  context.outputs.at(0) = Type::tensor(x.dtype);
  if (!x.hasRank()) return;
  context.outputs[0].dims = unpooledDims(context.node, *x.dims);
  if (!context.has(2)) return;
  const auto given = partialInts(context, 2);
  if (given && given->size() != x.rank()) reject("output_shape has ", given->size(), " elements, expected ", x.rank());
  for (size_t i = 0; i < x.rank(); ++i) (*context.outputs[0].dims)[i] = given ? dimOf((*given)[i]) : Dim{};
}

/// Indices count elements of the extents that the attributes say; a larger output_shape adds zeros behind them.
void maxUnpool(ReferenceContext& context) {
  const Tensor& x = context.inputs[0];
  Buffer& y = context.outputs[0];
  std::vector<Dim> known;
  for (const int64_t dim : x.shape().dims()) known.push_back(Dim::of(dim));
  std::vector<int64_t> dims;
  for (const Dim& dim : unpooledDims(context.node, known)) dims.push_back(dim.value);
  const Shape inner(dims);
  const auto indices = toInts(context.inputs[1]);
  if (static_cast<int64_t>(indices.size()) != x.elementCount())
    reject(indices.size(), " indices for ", x.elementCount(), " elements");
  const auto from = stridesOf(inner), to = stridesOf(y.shape());
  const Mover mover(x, y);
  for (size_t i = 0; i < indices.size(); ++i) {
    if (indices[i] < 0 || indices[i] >= inner.elementCount())
      reject("index ", indices[i], " is outside ", print(inner));
    int64_t target = 0;
    for (size_t axis = 0; axis < from.size(); ++axis) {
      const int64_t position = indices[i] / from[axis] % inner[axis];
      if (position >= y.shape()[axis]) reject("index ", indices[i], " lies outside ", print(y.shape()));
      target += position * to[axis];
    }
    mover.copy(static_cast<int64_t>(i), target);
  }
}

std::vector<int64_t> pooledShape(const Node& node) {
  auto shape = node.attributes.integers("pooled_shape");
  if (shape.size() != 2 || shape[0] < 1 || shape[1] < 1) reject("pooled_shape is not two sizes of at least 1");
  return shape;
}

void inferMaxRoiPool(InferContext& context) {
  requireInputs(context, 2);
  requireRank(context, 0, 4);
  requireRank(context, 1, 2);
  const auto pooled = pooledShape(context.node);
  context.outputs.at(0) = Type::tensor(
      dtypeOfInput(context, 0),
      std::vector<Dim>{dimOfInput(context, 1, 0), dimOfInput(context, 0, 1), Dim::of(pooled[0]), Dim::of(pooled[1])});
}

/// One axis of a region, cut into `count` bins that may overlap by one element.
struct Bins {
  int64_t start, count, size;
  double step;
  Bins(double low, double high, int64_t bins, int64_t extent)
      : start(std::lround(low)),
        count(bins),
        size(extent),
        step(static_cast<double>(std::max<int64_t>(1, std::lround(high) - std::lround(low) + 1)) /
             static_cast<double>(bins)) {}
  int64_t first(int64_t i) const { return clamped(std::floor(static_cast<double>(i) * step)); }
  int64_t end(int64_t i) const { return clamped(std::ceil(static_cast<double>(i + 1) * step)); }
  int64_t clamped(double offset) const { return std::clamp<int64_t>(static_cast<int64_t>(offset) + start, 0, size); }
};

void maxRoiPool(ReferenceContext& context) {
  const Shape &shape = context.inputs[0].shape(), &result = context.outputs[0].shape();
  const auto x = load<double>(context.inputs[0]), rois = load<double>(context.inputs[1]);
  if (context.inputs[1].shape()[1] != 5) reject("regions have ", context.inputs[1].shape()[1], " numbers, expected 5");
  const double scale = static_cast<double>(context.node.attributes.real("spatial_scale", 1));
  std::vector<double> y;
  for (size_t r = 0; r < static_cast<size_t>(result[0]); ++r) {
    const double* roi = rois.data() + r * 5;
    if (!(roi[0] >= 0 && roi[0] < static_cast<double>(shape[0]))) reject("region of sample ", roi[0], " of ", shape[0]);
    const Bins rows(roi[2] * scale, roi[4] * scale, result[2], shape[2]),
        columns(roi[1] * scale, roi[3] * scale, result[3], shape[3]);
    for (int64_t c = 0; c < shape[1]; ++c) {
      const double* plane = x.data() + (static_cast<int64_t>(roi[0]) * shape[1] + c) * shape[2] * shape[3];
      for (int64_t i = 0; i < result[2]; ++i)
        for (int64_t j = 0; j < result[3]; ++j) {
          double most = -std::numeric_limits<double>::infinity();
          for (int64_t row = rows.first(i); row < rows.end(i); ++row)
            for (int64_t column = columns.first(j); column < columns.end(j); ++column)
              most = std::max(most, plane[row * shape[3] + column]);
          y.push_back(std::isinf(most) ? 0 : most);
        }
    }
  }
  store(std::span<const double>(y), context.outputs[0]);
}

}  // namespace

std::vector<OpSpec> unpoolOps() {
  return {
      {"MaxUnpool", "", inferMaxUnpool, maxUnpool, {}, "pooled elements at their indices, zeros elsewhere"},
      {"MaxRoiPool", "", inferMaxRoiPool, maxRoiPool, {}, "largest elements of the bins of regions"},
  };
}

}  // namespace compress
