// Pools and nearest Resize of bytes as steps.
#include <algorithm>

#include "lib/ops/evaluate.h"
#include "lib/ops/window.h"
#include "lib/runtime/cpu/int8/byte_kernel.h"
#include "lib/runtime/cpu/int8/makers.h"
#include "lib/runtime/cpu/int8/pool.h"

namespace compress::int8 {
namespace {

struct Geometry {
  Window window;
  int64_t bottom = 0, right = 0;
};

/// Of a pool of rank 4, auto_pad resolved.
Geometry geometryOf(const KernelRequest& request) {
  const Shape x = request.shape(0), y = request.outputShape();
  compress::Window w = windowOf(request.node, request.node.attributes.integers("kernel_shape"));
  resolvePads(w, {x[2], x[3]});
  return {{w.kernel[0], w.kernel[1], w.strides[0], w.strides[1], w.dilations[0], w.dilations[1], w.padsBegin[0],
           w.padsBegin[1], y[2], y[3]},
          w.padsEnd[0],
          w.padsEnd[1]};
}

ImageShape imageShape(const Shape& shape) {
  return {shape[0], shape[1], shape[2], shape[3]};
}

KernelChoice channelsLast(std::unique_ptr<Kernel> kernel, size_t inputs) {
  KernelChoice choice;
  choice.inputLayouts.assign(inputs, Layout::plain);
  choice.inputLayouts[0] = Layout::channelsLast;
  choice.inputUsed.assign(inputs, false);
  choice.inputUsed[0] = true;
  choice.outputLayouts = {Layout::channelsLast};
  choice.kernel = std::move(kernel);
  return choice;
}

/// Does every window hold a position of the image?
bool everyWindowTouches(const Window& window, const Shape& x) {
  return window.top < window.height && window.left < window.width && window.dilationH == 1 && window.dilationW == 1 &&
         (window.outHeight - 1) * window.strideH - window.top < x[2] &&
         (window.outWidth - 1) * window.strideW - window.left < x[3];
}

/// For each pixel of the result, the pixel of the source: the reference resizes an image of indices.
std::vector<int32_t> sourcePixels(const KernelRequest& request) {
  const Shape x = request.shape(0), y = request.outputShape();
  Graph graph;
  Node node = request.node;
  Buffer indices(DType::i64, Shape{1, 1, x[2], x[3]});
  for (size_t i = 0; i < indices.as<int64_t>().size(); ++i) indices.as<int64_t>()[i] = static_cast<int64_t>(i);
  Value input;
  input.type = Type::tensor(DType::f32, indices.shape());
  node.inputs[0] = graph.add(std::move(input));
  graph.addInput(node.inputs[0]);
  for (size_t i = 1; i < request.node.inputs.size(); ++i) {
    if (!request.node.inputs[i]) continue;
    const Tensor& constant = *request.constant(i);
    if (constant.dtype() == DType::i64 && constant.elementCount() == 4)
      node.inputs[i] = graph.addConstant("sizes", Tensor::ofInts({1, 1, y[2], y[3]}));
    else
      node.inputs[i] = graph.addConstant("constant", constant);
  }
  Value output;
  output.type = Type::tensor(DType::i64, Shape{1, 1, y[2], y[3]});
  node.outputs = {graph.add(std::move(output))};
  graph.addOutput(node.outputs[0]);
  graph.append(node);
  const Tensor source = std::move(indices).freeze();
  const Tensor picked = evaluate(graph, std::span(&source, 1))[0];
  std::vector<int32_t> pixels;
  for (const int64_t index : picked.as<int64_t>()) pixels.push_back(static_cast<int32_t>(index));
  return pixels;
}

}  // namespace

KernelChoice makeByteMaxPool(const KernelRequest& request, CpuContext&) {
  const DType dtype = request.dtype(0);
  if ((dtype != DType::u8 && dtype != DType::i8) || request.shape(0).rank() != 4 || request.node.output(1))
    return notForMe();
  const Geometry geometry = geometryOf(request);
  if (!everyWindowTouches(geometry.window, request.shape(0))) return notForMe();
  const MaxPool pool(imageShape(request.shape(0)), geometry.window, dtype);
  const int threads = request.threads;
  KernelChoice choice = channelsLast(
      std::make_unique<ByteKernel>("maxpool u8",
                                   [pool, threads](const Pointers& at) {
                                     pool.run(at.x(), at.y(), reinterpret_cast<uint8_t*>(at.scratch), threads);
                                   }),
      request.node.inputs.size());
  choice.scratchBytes = pool.scratchBytes(threads);
  return choice;
}

KernelChoice makeQuantizedAveragePool(const KernelRequest& request, CpuContext&) {
  const Geometry geometry = geometryOf(request);
  AveragePool pool{imageShape(request.shape(0)),
                   geometry.window,
                   geometry.bottom,
                   geometry.right,
                   request.node.attributes.integer("count_include_pad", 0) != 0,
                   quantizationOf(request.node.attributes, "x"),
                   quantizationOf(request.node.attributes, "y")};
  pool.low = request.node.attributes.real("low", pool.low);
  pool.high = request.node.attributes.real("high", pool.high);
  return channelsLast(
      std::make_unique<ByteKernel>("avgpool u8", [pool](const Pointers& at) { pool.run(at.x(), at.y()); }),
      request.node.inputs.size());
}

KernelChoice makeNearestResize(const KernelRequest& request, CpuContext&) {
  const Shape x = request.shape(0), y = request.outputShape();
  const Attributes& attributes = request.node.attributes;
  for (size_t i = 1; i < request.node.inputs.size(); ++i)
    if (request.has(i) && !request.constant(i)) return notForMe();
  const bool isSpatial = x.rank() == 4 && y[0] == x[0] && y[1] == x[1] && x[2] * x[3] < 1 << 24;
  if (!isSpatial || attributes.string("mode", "nearest") != "nearest" || attributes.has("axes") ||
      attributes.has("keep_aspect_ratio_policy"))
    return notForMe();
  const int64_t bytes = bytesOf(request.dtype(0), x[1]), from = x[2] * x[3] * bytes;
  return channelsLast(
      std::make_unique<ByteKernel>(
          "nearest",
          [=, pixels = sourcePixels(request), images = x[0]](const Pointers& at) {
            const auto perImage = static_cast<int64_t>(pixels.size());
            const double work = (2 + 0.05 * static_cast<double>(bytes)) * static_cast<double>(images * perImage);
            splitRange(images * perImage, 1, threadsFor(work), [&](int64_t begin, int64_t end) {
              for (int64_t i = begin; i < end; ++i)
                std::memcpy(at.y() + i * bytes,
                            at.x() + i / perImage * from + pixels[static_cast<size_t>(i % perImage)] * bytes,
                            static_cast<size_t>(bytes));
            });
          }),
      request.node.inputs.size());
}

}  // namespace compress::int8
