// Resize: nearest, linear and cubic interpolation, axis by axis. Every mode is a weighted sum of input elements along
// one axis, so each axis has a table of source indices and weights. Coordinates are computed in float, as users'
// runtimes do.
#include <algorithm>
#include <cmath>

#include "lib/base/parallel.h"
#include "lib/ops/access.h"
#include "lib/ops/families.h"
#include "lib/ops/resize_table.h"
#include "lib/ops/rules.h"
#include "lib/ops/upgrade_tools.h"

namespace compress {
namespace {

/// What one axis becomes.
struct AxisScale {
  int64_t size = 0;  ///< of the output
  float scale = 1;   ///< output over input
  float roiStart = 0, roiEnd = 1;
};

bool isGiven(const Tensor* tensor) {
  return tensor != nullptr && *tensor && tensor->elementCount() > 0;
}

std::vector<size_t> resizedAxes(const Node& node, size_t rank) {
  if (node.attributes.has("axes")) return normalizedAxes(node.attributes.integers("axes"), rank);
  std::vector<size_t> all(rank);
  for (size_t i = 0; i < rank; ++i) all[i] = i;
  return all;
}

/// A scaled extent, rounded down. Throws Error(input) for one that no tensor can have.
int64_t flooredSize(float size) {
  if (!(size >= 0 && size < 0x1p48F)) reject("a size of ", size);
  return static_cast<int64_t>(std::floor(size));
}

/// Sizes kept in proportion: the smallest (not_larger) or largest (not_smaller) of the scales rules all axes.
void keepAspectRatio(const std::string& policy, const std::vector<int64_t>& sizes, const std::vector<size_t>& axes,
                     const Shape& x, std::vector<AxisScale>& out) {
  if (policy == "stretch") return;
  if (policy != "not_larger" && policy != "not_smaller")
    reject("keep_aspect_ratio_policy is '", displayName(policy), "', expected stretch, not_larger or not_smaller");
  double chosen = 0;
  for (size_t i = 0; i < axes.size(); ++i) {
    const double scale = static_cast<double>(sizes[i]) / static_cast<double>(x[axes[i]]);
    if (i == 0 || (policy == "not_larger" ? scale < chosen : scale > chosen)) chosen = scale;
  }
  for (const size_t axis : axes) {
    out[axis].scale = static_cast<float>(chosen);
    out[axis].size = flooredSize(static_cast<float>(chosen * static_cast<double>(x[axis]) + 0.5));
  }
}

/// Inputs are x, roi, scales, sizes; an empty tensor counts as absent.
std::vector<AxisScale> axisScales(const Node& node, const Shape& x, const Tensor* roi, const Tensor* scales,
                                  const Tensor* sizes) {
  std::vector<AxisScale> out(x.rank());
  for (size_t i = 0; i < x.rank(); ++i) out[i].size = x[i];
  const auto axes = resizedAxes(node, x.rank());
  const auto requireCount = [&](std::string_view what, size_t count, size_t wanted) {
    if (count != wanted) reject(what, " has ", count, " elements, expected ", wanted);
  };
  if (isGiven(sizes)) {
    const auto given = toInts(*sizes);
    requireCount("sizes", given.size(), axes.size());
    for (size_t i = 0; i < axes.size(); ++i) {
      if (given[i] < 0 || x[axes[i]] == 0) reject("an axis of ", x[axes[i]], " elements cannot get ", given[i]);
      out[axes[i]].size = given[i];
      out[axes[i]].scale = static_cast<float>(given[i]) / static_cast<float>(x[axes[i]]);
    }
    keepAspectRatio(node.attributes.string("keep_aspect_ratio_policy", "stretch"), given, axes, x, out);
  } else if (isGiven(scales)) {
    const auto given = toFloats(*scales);
    requireCount("scales", given.size(), axes.size());
    for (size_t i = 0; i < axes.size(); ++i) {
      if (!(given[i] > 0) || given[i] > 1e6F) reject("scale ", given[i], ", expected above 0");
      out[axes[i]].scale = given[i];
      out[axes[i]].size = flooredSize(static_cast<float>(x[axes[i]]) * given[i]);
    }
  } else {
    reject("neither scales nor sizes are given");
  }
  if (isGiven(roi) && node.attributes.string("coordinate_transformation_mode", "") == "tf_crop_and_resize") {
    const auto given = toFloats(*roi);
    requireCount("roi", given.size(), 2 * axes.size());
    for (size_t i = 0; i < axes.size(); ++i) {
      out[axes[i]].roiStart = given[i];
      out[axes[i]].roiEnd = given[axes.size() + i];
      if (isGiven(scales))
        out[axes[i]].size =
            flooredSize(static_cast<float>(x[axes[i]]) * (given[axes.size() + i] - given[i]) * out[axes[i]].scale);
    }
  }
  return out;
}

void inferResize(InferContext& context) {
  requireInputs(context, 1);
  const Type& x = context.input(0);
  Type& y = context.outputs.at(0);
  y = Type::tensor(x.dtype);
  if (!x.hasRank()) return;
  y.dims.emplace(x.rank());
  for (size_t i = 1; i < 4; ++i)
    if (context.has(i) && context.constant(i) == nullptr && !(i == 1 && context.input(1).shape() == Shape{0})) return;
  if (const auto shape = x.shape()) {
    const auto scales = axisScales(context.node, *shape, context.constant(1), context.constant(2), context.constant(3));
    for (size_t i = 0; i < scales.size(); ++i) (*y.dims)[i] = Dim::of(scales[i].size);
    return;
  }
  // Unknown dimensions: those that keep their size stay what they are.
  std::vector<int64_t> ones;
  for (const Dim& dim : *x.dims) ones.push_back(dim.isKnown() ? dim.value : 1);
  const bool bySizes = isGiven(context.constant(3));
  const auto scales =
      axisScales(context.node, Shape(ones), context.constant(1), context.constant(2), context.constant(3));
  for (size_t i = 0; i < scales.size(); ++i) {
    const Dim& dim = (*x.dims)[i];
    if (dim.isKnown() || bySizes)
      (*y.dims)[i] = Dim::of(scales[i].size);
    else if (scales[i].scale == 1)
      (*y.dims)[i] = dim;
  }
}

/// The source coordinate of output index `i` along an axis.
float sourceCoordinate(const std::string& mode, int64_t index, int64_t inputSize, const AxisScale& axis) {
  const auto i = static_cast<float>(index), input = static_cast<float>(inputSize),
             output = static_cast<float>(axis.size);
  const float scaledOutput = input * axis.scale;
  if (mode == "half_pixel") return (i + 0.5F) / axis.scale - 0.5F;
  if (mode == "half_pixel_symmetric") {
    const float adjustment = output / scaledOutput, center = input / 2;
    return center * (1 - adjustment) + (i + 0.5F) / axis.scale - 0.5F;
  }
  if (mode == "pytorch_half_pixel") return axis.size > 1 ? (i + 0.5F) / axis.scale - 0.5F : 0;
  if (mode == "align_corners") return axis.size == 1 ? 0 : i * (input - 1) / (output - 1);
  if (mode == "asymmetric") return i / axis.scale;
  if (mode == "tf_crop_and_resize") {
    if (axis.size == 1) return 0.5F * (axis.roiStart + axis.roiEnd) * (input - 1);
    return axis.roiStart * (input - 1) + i * (axis.roiEnd - axis.roiStart) * (input - 1) / (output - 1);
  }
  reject("coordinate_transformation_mode '", displayName(mode), "' is not known");
}

int64_t nearestIndex(const std::string& mode, float x) {
  const float below = std::floor(x);
  if (mode == "round_prefer_floor") return static_cast<int64_t>(x - below <= 0.5F ? below : below + 1);
  if (mode == "round_prefer_ceil") return static_cast<int64_t>(x - below < 0.5F ? below : below + 1);
  if (mode == "floor") return static_cast<int64_t>(below);
  if (mode == "ceil") return static_cast<int64_t>(std::ceil(x));
  reject("nearest_mode '", displayName(mode), "' is not known");
}

double linearKernel(double x) {
  return std::max(0.0, 1 - std::abs(x));
}

double cubicKernel(double x, double a) {
  x = std::abs(x);
  if (x < 1) return ((a + 2) * x - (a + 3)) * x * x + 1;
  if (x < 2) return ((x - 5) * x + 8) * x * a - 4 * a;
  return 0;
}

/// Elements under the interpolation kernel around `x`, stretched when antialiasing a reduction.
ResizeTaps kernelTaps(const Node& node, bool isCubic, double x, int64_t size, double scale) {
  const double stretch = node.attributes.integer("antialias", 0) != 0 && scale < 1 ? scale : 1;
  const double a = static_cast<double>(node.attributes.real("cubic_coeff_a", -0.75F));
  const double reach = (isCubic ? 2 : 1) / stretch;
  const bool excludeOutside = node.attributes.integer("exclude_outside", 0) != 0;
  ResizeTaps taps;
  double sum = 0;
  for (auto i = static_cast<int64_t>(std::ceil(x - reach)); i <= static_cast<int64_t>(std::floor(x + reach)); ++i) {
    const double distance = (static_cast<double>(i) - x) * stretch;
    double weight = isCubic ? cubicKernel(distance, a) : linearKernel(distance);
    if (excludeOutside && (i < 0 || i >= size)) weight = 0;
    if (weight == 0) continue;
    taps.indices.push_back(std::clamp<int64_t>(i, 0, size - 1));
    taps.weights.push_back(weight);
    sum += weight;
  }
  for (double& weight : taps.weights) weight /= sum;
  return taps;
}

std::vector<ResizeTaps> tapsOf(const Node& node, int64_t inputSize, const AxisScale& axis) {
  const std::string mode = node.attributes.string("mode", "nearest");
  const std::string coordinates = node.attributes.string("coordinate_transformation_mode", "half_pixel");
  const std::string nearestMode = node.attributes.string("nearest_mode", "round_prefer_floor");
  if (mode != "nearest" && mode != "linear" && mode != "cubic")
    reject("mode is '", displayName(mode), "', expected nearest, linear or cubic");
  std::vector<ResizeTaps> table;
  for (int64_t i = 0; i < axis.size; ++i) {
    const float x = axis.scale == 1 && axis.size == inputSize && coordinates != "tf_crop_and_resize"
                        ? static_cast<float>(i)
                        : sourceCoordinate(coordinates, i, inputSize, axis);
    if (coordinates == "tf_crop_and_resize" && (x < 0 || x > static_cast<float>(inputSize - 1)))
      table.emplace_back();
    else if (mode == "nearest")
      table.push_back({{std::clamp<int64_t>(nearestIndex(nearestMode, x), 0, inputSize - 1)}, {1.0}});
    else
      table.push_back(
          kernelTaps(node, mode == "cubic", static_cast<double>(x), inputSize, static_cast<double>(axis.scale)));
  }
  return table;
}

/// One axis of `values`, whose shape is `shape`, resized by the table.
std::vector<double> resizeAxis(const std::vector<double>& values, Shape& shape, size_t axis,
                               const std::vector<ResizeTaps>& table, double extrapolation) {
  const int64_t outer = shape.count(0, axis), size = shape[axis], inner = shape.count(axis + 1, shape.rank());
  const auto count = static_cast<int64_t>(table.size());
  std::vector<double> out(static_cast<size_t>(outer * count * inner));
  parallelFor(outer, [&](int64_t o) {
    for (int64_t i = 0; i < count; ++i) {
      const ResizeTaps& taps = table[static_cast<size_t>(i)];
      double* to = out.data() + (o * count + i) * inner;
      if (taps.indices.empty()) std::fill_n(to, inner, extrapolation);
      for (size_t k = 0; k < taps.indices.size(); ++k) {
        const double* from = values.data() + (o * size + taps.indices[k]) * inner;
        for (int64_t j = 0; j < inner; ++j) to[j] += taps.weights[k] * from[j];
      }
    }
  });
  std::vector<int64_t> dims = shape.dims();
  dims[axis] = count;
  shape = Shape(std::move(dims));
  return out;
}

void resize(ReferenceContext& context) {
  const Shape& x = context.inputs[0].shape();
  const auto given = [&](size_t i) { return context.has(i) ? &context.inputs[i] : nullptr; };
  const auto tables = resizeTables(context.node, x, given(1), given(2), given(3));
  const double extrapolation = static_cast<double>(context.node.attributes.real("extrapolation_value", 0));
  auto values = load<double>(context.inputs[0]);
  Shape shape = x;
  for (size_t axis = 0; axis < x.rank(); ++axis) {
    const auto& table = tables[axis];
    const bool isSame = std::ranges::all_of(
        table, [&](const ResizeTaps& taps) { return taps.indices == std::vector<int64_t>{&taps - table.data()}; });
    if (isSame && static_cast<int64_t>(table.size()) == x[axis]) continue;
    values = resizeAxis(values, shape, axis, table, extrapolation);
  }
  store(std::span<const double>(values), context.outputs[0]);
}

/// Upsample at opset 9: scales became an input.
void scalesToInput(Graph& graph, NodeId id) {
  const auto scales = graph.node(id).attributes.reals("scales");
  graph.eraseAttribute(id, "scales");
  placeInput(
      graph, id, 1,
      addConstantFor(graph, id, "scales", Tensor::of<float>(Shape{static_cast<int64_t>(scales.size())}, scales)));
}

/// Upsample at opset 10: it is called Resize.
void renameToResize(Graph& graph, NodeId id) {
  graph.setOp(id, "Resize");
}

/// Resize at opset 11: a region input, required until 13, came between x and scales; the coordinates that were implied
/// are now said.
void sayCoordinates(Graph& graph, NodeId id) {
  const std::vector<ValueId> inputs = graph.node(id).inputs;
  const ValueId region = addConstantFor(graph, id, "roi", Tensor::of<float>(Shape{0}, std::span<const float>{}));
  graph.setInputs(id, {inputs.at(0), region, inputs.at(1)});
  graph.setAttribute(id, "coordinate_transformation_mode", std::string("asymmetric"));
  if (graph.node(id).attributes.string("mode", "nearest") == "nearest")
    graph.setAttribute(id, "nearest_mode", std::string("floor"));
}

/// Resize at opset 13: tf_half_pixel_for_nn, v = (i + 1/2) / scale, is gone. It is half_pixel plus 1/2, so that
/// floor(v) rounds halves up and rounding v with halves down is ceil.
void replaceTfHalfPixel(Graph& graph, NodeId id) {
  const Attributes& attributes = graph.node(id).attributes;
  if (attributes.string("coordinate_transformation_mode", "") != "tf_half_pixel_for_nn") return;
  const std::string rounding = attributes.string("nearest_mode", "round_prefer_floor");
  if (attributes.string("mode", "nearest") != "nearest" || (rounding != "floor" && rounding != "round_prefer_floor"))
    throw Error(ErrorKind::unsupported, "tf_half_pixel_for_nn with this mode or nearest_mode has no newer form");
  graph.setAttribute(id, "coordinate_transformation_mode", std::string("half_pixel"));
  graph.setAttribute(id, "nearest_mode", std::string(rounding == "floor" ? "round_prefer_ceil" : "ceil"));
}

}  // namespace

std::vector<std::vector<ResizeTaps>> resizeTables(const Node& node, const Shape& x, const Tensor* roi,
                                                  const Tensor* scales, const Tensor* sizes) {
  const std::vector<AxisScale> axes = axisScales(node, x, roi, scales, sizes);
  std::vector<std::vector<ResizeTaps>> tables;
  for (size_t axis = 0; axis < x.rank(); ++axis) tables.push_back(tapsOf(node, x[axis], axes[axis]));
  return tables;
}

std::vector<OpSpec> resizeOps() {
  return {
      {"Resize",
       "",
       inferResize,
       resize,
       {{11, sayCoordinates}, {13, replaceTfHalfPixel}},
       "x resampled: nearest, linear or cubic"},
      {"Upsample", "", nullptr, nullptr, {{9, scalesToInput}, {10, renameToResize}}, "became Resize at opset 10"},
  };
}

}  // namespace compress
