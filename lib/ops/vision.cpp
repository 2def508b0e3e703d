// Ops of vision models: GridSample, RoiAlign, NonMaxSuppression.
#include <algorithm>
#include <cmath>
#include <limits>

#include "lib/base/parallel.h"
#include "lib/ops/access.h"
#include "lib/ops/families.h"
#include "lib/ops/rules.h"

namespace compress {
namespace {

// GridSample ----------------------------------------------------------------------------------------------------------

void inferGridSample(InferContext& context) {
  requireInputs(context, 2);
  const Type &x = context.input(0), &grid = context.input(1);
  Type& y = context.outputs.at(0);
  y = Type::tensor(x.dtype);
  if (!x.hasRank() || !grid.hasRank()) return;
  if (x.rank() < 3 || grid.rank() != x.rank())
    reject("x has rank ", x.rank(), " and the grid rank ", grid.rank(), ", expected the same, at least 3");
  const Dim spatial = Dim::of(static_cast<int64_t>(x.rank()) - 2);
  merged(grid.dims->back(), spatial);
  y.dims = std::vector<Dim>{(*x.dims)[0], (*x.dims)[1]};
  y.dims->insert(y.dims->end(), grid.dims->begin() + 1, grid.dims->end() - 1);
}

/// How positions outside the input are read.
enum class Outside { zeros, border, reflection };

/// One axis of sampling: where the grid's -1 and 1 lie, and what lies beyond.
struct SampledAxis {
  int64_t size;
  bool alignCorners;
  Outside outside;

  double position(double normalized) const {
    const auto extent = static_cast<double>(size);
    return alignCorners ? (normalized + 1) / 2 * (extent - 1) : ((normalized + 1) * extent - 1) / 2;
  }

  /// `x` brought inside by the padding mode; unchanged for zeros.
  double inside(double x) const {
    const auto last = static_cast<double>(size - 1);
    if (outside == Outside::border) return std::clamp(x, 0.0, last);
    if (outside == Outside::zeros) return x;
    const double low = alignCorners ? 0 : -0.5, high = alignCorners ? last : last + 0.5, span = high - low;
    if (span <= 0) return 0;
    const double distance = std::fmod(std::abs(x - low), 2 * span);
    return std::clamp(low + (distance > span ? 2 * span - distance : distance), 0.0, last);
  }
};

struct Tap {
  int64_t index;  ///< -1: outside, reads 0
  double weight;
};

double cubicWeight(double x) {
  constexpr double a = -0.75;
  x = std::abs(x);
  if (x < 1) return ((a + 2) * x - (a + 3)) * x * x + 1;
  return x < 2 ? ((x - 5) * x + 8) * x * a - 4 * a : 0;
}

Tap tapAt(const SampledAxis& axis, double index, double weight) {
  const double inside = std::nearbyint(axis.inside(index));
  const bool isOutside = !(inside >= 0 && inside < static_cast<double>(axis.size));
  return {isOutside ? -1 : static_cast<int64_t>(inside), weight};
}

std::vector<Tap> tapsOf(const SampledAxis& axis, const std::string& mode, double normalized) {
  const double raw = axis.position(normalized);
  if (!std::isfinite(raw)) return {};
  if (mode == "cubic") {
    std::vector<Tap> taps;
    const double first = std::floor(raw);
    for (int k = -1; k <= 2; ++k) taps.push_back(tapAt(axis, first + k, cubicWeight(raw - first - k)));
    return taps;
  }
  const double x = axis.inside(raw);
  if (mode == "nearest") return {tapAt(axis, std::nearbyint(x), 1)};
  const double first = std::floor(x);
  return {tapAt(axis, first, 1 - (x - first)), tapAt(axis, first + 1, x - first)};
}

/// The weighted sum over all axes' taps; `axis` counts from the outermost.
double sample(const double* plane, const std::vector<SampledAxis>& axes, const std::vector<std::vector<Tap>>& taps,
              size_t axis, int64_t base) {
  double sum = 0;
  for (const Tap& tap : taps[axis]) {
    if (tap.index < 0 || tap.weight == 0) continue;
    const int64_t index = base * axes[axis].size + tap.index;
    sum += tap.weight * (axis + 1 == axes.size() ? plane[index] : sample(plane, axes, taps, axis + 1, index));
  }
  return sum;
}

Outside outsideOf(const Node& node) {
  const std::string mode = node.attributes.string("padding_mode", "zeros");
  if (mode == "zeros") return Outside::zeros;
  if (mode == "border") return Outside::border;
  if (mode == "reflection") return Outside::reflection;
  reject("padding_mode is '", displayName(mode), "', expected zeros, border or reflection");
}

void gridSample(ReferenceContext& context) {
  const Shape &x = context.inputs[0].shape(), &y = context.outputs[0].shape();
  const std::string mode = context.node.attributes.string("mode", "linear");
  if (mode != "linear" && mode != "nearest" && mode != "cubic")
    reject("mode is '", displayName(mode), "', expected linear, nearest or cubic");
  const bool alignCorners = context.node.attributes.integer("align_corners", 0) != 0;
  std::vector<SampledAxis> axes;
  for (size_t i = 2; i < x.rank(); ++i) axes.push_back({x[i], alignCorners, outsideOf(context.node)});
  const auto values = load<double>(context.inputs[0]), grid = load<double>(context.inputs[1]);
  const int64_t channels = x[1], plane = x.count(2, x.rank()), points = y.count(2, y.rank());
  std::vector<double> out(static_cast<size_t>(y.elementCount()));
  parallelFor(x[0] * points, [&](int64_t task) {
    const int64_t n = task / points, point = task % points;
    std::vector<std::vector<Tap>> taps;
    for (size_t i = 0; i < axes.size(); ++i)  // the grid names the innermost axis first
      taps.push_back(tapsOf(axes[i], mode, grid[static_cast<size_t>(task) * axes.size() + axes.size() - 1 - i]));
    for (int64_t c = 0; c < channels; ++c)
      out[static_cast<size_t>((n * channels + c) * points + point)] =
          sample(values.data() + (n * channels + c) * plane, axes, taps, 0, 0);
  });
  store(std::span<const double>(out), context.outputs[0]);
}

/// Opset 20: the modes have the names that Resize gives them.
void renameModes(Graph& graph, NodeId id) {
  const std::string mode = graph.node(id).attributes.string("mode", "bilinear");
  graph.setAttribute(id, "mode", mode == "bilinear" ? std::string("linear") : mode == "bicubic" ? "cubic" : mode);
}

// RoiAlign ------------------------------------------------------------------------------------------------------------

void inferRoiAlign(InferContext& context) {
  requireInputs(context, 3);
  requireRank(context, 0, 4);
  requireRank(context, 1, 2);
  requireRank(context, 2, 1);
  const Type &x = context.input(0), &rois = context.input(1);
  const Attributes& attributes = context.node.attributes;
  context.outputs.at(0) = Type::tensor(
      x.dtype, std::vector<Dim>{rois.hasRank() ? (*rois.dims)[0] : Dim{}, x.hasRank() ? (*x.dims)[1] : Dim{},
                                Dim::of(attributes.integer("output_height", 1)),
                                Dim::of(attributes.integer("output_width", 1))});
}

/// Bilinear reading of one plane; 0 more than one element outside.
double readBilinear(const double* plane, int64_t height, int64_t width, double y, double x, double (&parts)[4]) {
  std::fill(std::begin(parts), std::end(parts), 0.0);
  if (y < -1 || y > static_cast<double>(height) || x < -1 || x > static_cast<double>(width)) return 0;
  y = std::clamp(y, 0.0, static_cast<double>(height - 1));
  x = std::clamp(x, 0.0, static_cast<double>(width - 1));
  const auto top = static_cast<int64_t>(y), left = static_cast<int64_t>(x);
  const int64_t bottom = std::min(top + 1, height - 1), right = std::min(left + 1, width - 1);
  const double dy = y - static_cast<double>(top), dx = x - static_cast<double>(left);
  parts[0] = (1 - dy) * (1 - dx) * plane[top * width + left];
  parts[1] = (1 - dy) * dx * plane[top * width + right];
  parts[2] = dy * (1 - dx) * plane[bottom * width + left];
  parts[3] = dy * dx * plane[bottom * width + right];
  return parts[0] + parts[1] + parts[2] + parts[3];
}

/// One region in input coordinates, divided into bins with sampling points.
struct Region {
  double top, left, binHeight, binWidth;
  int64_t rows, columns;  ///< sampling points per bin
};

Region regionOf(const Node& node, const double* roi, const Shape& y) {
  const double scale = static_cast<double>(node.attributes.real("spatial_scale", 1));
  const bool isHalfPixel = node.attributes.string("coordinate_transformation_mode", "half_pixel") == "half_pixel";
  const int64_t ratio = node.attributes.integer("sampling_ratio", 0);
  const double shift = isHalfPixel ? 0.5 : 0;
  const double left = roi[0] * scale - shift, top = roi[1] * scale - shift;
  double width = roi[2] * scale - shift - left, height = roi[3] * scale - shift - top;
  if (!isHalfPixel) {
    width = std::max(width, 1.0);
    height = std::max(height, 1.0);
  }
  const double binHeight = height / static_cast<double>(y[2]), binWidth = width / static_cast<double>(y[3]);
  if (!(std::abs(binHeight) < 1e6 && std::abs(binWidth) < 1e6)) reject("a region of ", height, " by ", width);
  return {top,
          left,
          binHeight,
          binWidth,
          ratio > 0 ? ratio : static_cast<int64_t>(std::ceil(binHeight)),
          ratio > 0 ? ratio : static_cast<int64_t>(std::ceil(binWidth))};
}

double pooledBin(const double* plane, const Shape& x, const Region& region, int64_t row, int64_t column, bool isMax) {
  double sum = 0, most = -std::numeric_limits<double>::infinity();
  for (int64_t i = 0; i < region.rows; ++i)
    for (int64_t j = 0; j < region.columns; ++j) {
      const double y =
          region.top + (static_cast<double>(row) + (static_cast<double>(i) + 0.5) / static_cast<double>(region.rows)) *
                           region.binHeight;
      const double at = region.left + (static_cast<double>(column) +
                                       (static_cast<double>(j) + 0.5) / static_cast<double>(region.columns)) *
                                          region.binWidth;
      double parts[4];
      sum += readBilinear(plane, x[2], x[3], y, at, parts);
      for (const double part : parts) most = std::max(most, part);
    }
  const int64_t count = region.rows * region.columns;
  if (isMax) return count > 0 ? most : 0;
  return count > 0 ? sum / static_cast<double>(count) : 0;
}

void roiAlign(ReferenceContext& context) {
  const Shape &x = context.inputs[0].shape(), &y = context.outputs[0].shape();
  const auto values = load<double>(context.inputs[0]), rois = load<double>(context.inputs[1]);
  const auto batches = toInts(context.inputs[2]);
  const std::string mode = context.node.attributes.string("mode", "avg");
  if (mode != "avg" && mode != "max") reject("mode is '", displayName(mode), "', expected avg or max");
  if (context.inputs[1].shape()[1] != 4 || static_cast<int64_t>(batches.size()) != y[0])
    reject("rois have shape ", print(context.inputs[1].shape()), " with ", batches.size(), " batch indices");
  std::vector<double> out(static_cast<size_t>(y.elementCount()));
  parallelFor(y[0] * y[1], [&](int64_t task) {
    const int64_t r = task / y[1], c = task % y[1], batch = batches[static_cast<size_t>(r)];
    if (batch < 0 || batch >= x[0]) reject("batch index ", batch, " is outside [0, ", x[0], ")");
    const Region region = regionOf(context.node, rois.data() + r * 4, y);
    const double* plane = values.data() + (batch * x[1] + c) * x[2] * x[3];
    for (int64_t i = 0; i < y[2] * y[3]; ++i)
      out[static_cast<size_t>(task * y[2] * y[3] + i)] = pooledBin(plane, x, region, i / y[3], i % y[3], mode == "max");
  });
  store(std::span<const double>(out), context.outputs[0]);
}

/// Opset 16: regions are shifted by half a pixel unless told otherwise; before, they were not.
void sayNoShift(Graph& graph, NodeId id) {
  graph.setAttribute(id, "coordinate_transformation_mode", std::string("output_half_pixel"));
}

// NonMaxSuppression ---------------------------------------------------------------------------------------------------

void inferNonMaxSuppression(InferContext& context) {
  requireInputs(context, 2);
  requireRank(context, 0, 3);
  requireRank(context, 1, 3);
  context.outputs.at(0) = Type::tensor(DType::i64, std::vector<Dim>{Dim{}, Dim::of(3)});
}

struct Box {
  double top, left, bottom, right;
  double area() const { return std::max(0.0, bottom - top) * std::max(0.0, right - left); }
};

Box boxAt(const double* box, bool isCentered) {
  if (isCentered) return {box[1] - box[3] / 2, box[0] - box[2] / 2, box[1] + box[3] / 2, box[0] + box[2] / 2};
  return {std::min(box[0], box[2]), std::min(box[1], box[3]), std::max(box[0], box[2]), std::max(box[1], box[3])};
}

double overlap(const Box& a, const Box& b) {
  const Box both{std::max(a.top, b.top), std::max(a.left, b.left), std::min(a.bottom, b.bottom),
                 std::min(a.right, b.right)};
  const double all = a.area() + b.area() - both.area();
  return all > 0 ? both.area() / all : 0;
}

/// Boxes by falling score, each kept unless it overlaps a kept one by more than the threshold.
std::vector<int64_t> keptBoxes(const std::vector<Box>& boxes, const double* scores, double overlapLimit,
                               double scoreLimit, int64_t most) {
  std::vector<int64_t> order, kept;
  for (size_t i = 0; i < boxes.size(); ++i)
    if (scores[i] > scoreLimit) order.push_back(static_cast<int64_t>(i));
  std::ranges::stable_sort(order, [&](int64_t a, int64_t b) { return scores[a] > scores[b]; });
  for (const int64_t i : order) {
    if (static_cast<int64_t>(kept.size()) >= most) break;
    const auto covers = [&](int64_t k) {
      return overlap(boxes[static_cast<size_t>(i)], boxes[static_cast<size_t>(k)]) > overlapLimit;
    };
    if (std::ranges::none_of(kept, covers)) kept.push_back(i);
  }
  return kept;
}

/// Rows (batch, class, box), by batch, class and falling score.
void nonMaxSuppression(ReferenceContext& context) {
  const Shape &boxShape = context.inputs[0].shape(), &scoreShape = context.inputs[1].shape();
  if (boxShape[2] != 4 || scoreShape[0] != boxShape[0] || scoreShape[2] != boxShape[1])
    reject("boxes have shape ", print(boxShape), ", scores ", print(scoreShape));
  const auto corners = load<double>(context.inputs[0]), scores = load<double>(context.inputs[1]);
  const int64_t most = context.has(2) ? toInts(context.inputs[2]).at(0) : 0;
  const double overlapLimit = context.has(3) ? toDoubles(context.inputs[3]).at(0) : 0;
  const double scoreLimit =
      context.has(4) ? toDoubles(context.inputs[4]).at(0) : -std::numeric_limits<double>::infinity();
  const bool isCentered = context.node.attributes.integer("center_point_box", 0) != 0;
  std::vector<int64_t> rows;
  for (int64_t n = 0; n < boxShape[0]; ++n) {
    std::vector<Box> boxes;
    for (int64_t i = 0; i < boxShape[1]; ++i)
      boxes.push_back(boxAt(corners.data() + (n * boxShape[1] + i) * 4, isCentered));
    for (int64_t c = 0; c < scoreShape[1]; ++c)
      for (const int64_t i :
           keptBoxes(boxes, scores.data() + (n * scoreShape[1] + c) * scoreShape[2], overlapLimit, scoreLimit, most))
        rows.insert(rows.end(), {n, c, i});
  }
  context.outputs[0] = Buffer(DType::i64, Shape{static_cast<int64_t>(rows.size()) / 3, 3});
  store(std::span<const int64_t>(rows), context.outputs[0]);
}

}  // namespace

std::vector<OpSpec> visionOps() {
  return {
      {"GridSample", "", inferGridSample, gridSample, {{20, renameModes}}, "x read at the positions of a grid"},
      {"RoiAlign", "", inferRoiAlign, roiAlign, {{16, sayNoShift}}, "regions of x resampled to one size"},
      {"NonMaxSuppression",
       "",
       inferNonMaxSuppression,
       nonMaxSuppression,
       {},
       "boxes without those that overlap better ones"},
  };
}

}  // namespace compress
