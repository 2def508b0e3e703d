// Convolution by oneDNN in channels-last layout: its brgemm kernels (AVX-512) are the fastest there, and no channel is
// padded.
#include "lib/runtime/cpu/conv.h"

#include <algorithm>

#include "lib/base/parallel.h"
#include "lib/ops/window.h"
#include "lib/runtime/cpu/elementwise.h"
#include "lib/runtime/cpu/post_ops.h"
#include "lib/runtime/cpu/training.h"

namespace compress {
namespace {

class ConvKernel : public Kernel {
 public:
  struct Parts {
    dnnl::primitive primitive;
    std::string name;
    std::vector<std::pair<int, dnnl::memory::desc>> arguments;
    std::vector<size_t> argumentInputs;  ///< of the arguments behind source, destination, weights and bias
    Packed weights;
    Packed bias;
    int64_t macs;
    int threads;
    std::unique_ptr<Kernel> after;  ///< post-operations that the primitive cannot do, in place; null: none
  };
  ConvKernel(Parts parts, const dnnl::engine& engine)
      : parts_(std::move(parts)), bound_(parts_.primitive, engine, parts_.arguments, parts_.threads) {
    bound_.point(2, parts_.weights->data());
    if (parts_.bias) bound_.point(3, parts_.bias->data());
  }

  std::string name() const override { return parts_.name; }
  int64_t macs() const override { return parts_.macs; }
  void bind(std::span<std::byte* const> inputs, std::span<std::byte* const> outputs, std::byte*) override {
    bound_.point(0, inputs[0]);
    bound_.point(1, outputs[0]);
    const size_t first = parts_.bias ? 4 : 3;
    for (size_t i = 0; i < parts_.argumentInputs.size(); ++i) bound_.point(first + i, inputs[parts_.argumentInputs[i]]);
    if (parts_.after) parts_.after->bind(inputs, outputs, nullptr);
  }
  void run() override {
    bound_.run();
    if (parts_.after) parts_.after->run();
  }

 private:
  Parts parts_;
  BoundPrimitive bound_;
};

/// A Conv below this many multiply-adds runs on one thread: waking others costs as much as it saves. Depthwise kernels
/// do about a quarter of the multiply-adds per second of the others, those of bf16 about eight times as many.
constexpr int64_t kParallelMacs = 800'000;
int threadsFor(int64_t macs, bool isDepthwise, bool isBf16, int threads) {
  return macs * (isDepthwise ? 4 : 1) / (isBf16 ? 8 : 1) < kParallelMacs ? 1 : threads;
}

}  // namespace

bool isConvHandled(const KernelRequest& request) {
  const size_t rank = request.shape(0).rank();
  if ((request.dtype(0) != DType::f32 && request.dtype(0) != DType::bf16) || rank < 3 || rank > 5 ||
      request.constant(1) == nullptr)
    return false;
  if (request.has(2) && request.constant(2) == nullptr) return false;
  return request.outputShape().elementCount() > 0 && request.shape(0).elementCount() > 0;
}

ConvGeometry convGeometry(const Node& node, const Shape& input, const Shape& weights, const Shape& output) {
  const size_t spatial = input.rank() - 2;
  ConvGeometry geometry;
  geometry.groups = node.attributes.integer("group", 1);
  Window window = windowOf(node, {weights.dims().begin() + 2, weights.dims().end()});
  resolvePads(window, {input.dims().begin() + 2, input.dims().end()});
  geometry.strides = window.strides;
  geometry.before = window.padsBegin;
  for (size_t i = 0; i < spatial; ++i) {
    const int64_t needed = (output[i + 2] - 1) * window.strides[i] + window.extent(i) - input[i + 2];
    geometry.after.push_back(needed - window.padsBegin[i]);
    geometry.dilations.push_back(window.dilations[i] - 1);
  }
  return geometry;
}

Shape groupedShape(const Shape& weights, int64_t groups) {
  if (groups == 1) return weights;
  std::vector<int64_t> dims = weights.dims();
  dims[0] /= groups;
  dims.insert(dims.begin(), groups);
  return Shape(dims);
}

KernelChoice channelsLastConvChoice(const KernelRequest& request) {
  KernelChoice choice;
  choice.inputLayouts.assign(request.node.inputs.size(), Layout::plain);
  choice.inputUsed.assign(request.node.inputs.size(), true);
  choice.inputLayouts[0] = Layout::channelsLast;
  choice.inputUsed[1] = false;
  if (request.node.inputs.size() > 2) choice.inputUsed[2] = false;
  for (const PostOp& op : request.fused.post)
    if (isBinary(op.kind)) choice.inputLayouts[op.input] = Layout::channelsLast;
  choice.outputLayouts = {Layout::channelsLast};
  return choice;
}

KernelChoice makeConv(const KernelRequest& request, CpuContext& context) {
  if (!isConvHandled(request)) return makeConvOfVariableWeights(request, context);
  const Shape input = request.shape(0);
  const Shape output = request.outputShape();
  const Tensor& weights = *request.constant(1);
  const ConvGeometry geometry = convGeometry(request.node, input, weights.shape(), output);
  const Shape grouped = groupedShape(weights.shape(), geometry.groups);
  const int64_t macs = output.elementCount() * weights.shape().count(1, weights.shape().rank());
  const int threads = threadsFor(macs, geometry.groups == input[1], request.dtype(0) == DType::bf16, request.threads);
  const ThreadLimit limit(threads);
  int sumAt = findSum(request);
  OnednnPostOps post = onednnPostOps(request, Layout::channelsLast, sumAt);
  const auto source = onednnDesc(input, request.dtype(0), Layout::channelsLast);
  const auto target = onednnDesc(output, request.outputDtype(), Layout::channelsLast);
  const auto bias = request.has(2) ? onednnDesc(request.shape(2), DType::f32, Layout::plain) : dnnl::memory::desc();
  const dnnl::convolution_forward::desc operation(dnnl::prop_kind::forward_inference,
                                                  dnnl::algorithm::convolution_direct, source,
                                                  onednnAny(grouped, request.dtype(0)), bias, target, geometry.strides,
                                                  geometry.dilations, geometry.before, geometry.after);
  dnnl::convolution_forward::primitive_desc description(operation, post.attributes, context.engine);
  std::unique_ptr<Kernel> after;
  if (!post.argumentInputs.empty() && isGemm(description.impl_info_str())) {
    after = makePostOperations(request, Layout::channelsLast);
    post = {};
    sumAt = -1;
    description = dnnl::convolution_forward::primitive_desc(operation, post.attributes, context.engine);
  }
  ConvKernel::Parts parts{dnnl::convolution_forward(description),
                          description.impl_info_str(),
                          {},
                          post.argumentInputs,
                          {},
                          {},
                          macs,
                          threads,
                          std::move(after)};
  parts.arguments = {{DNNL_ARG_SRC, source}, {DNNL_ARG_DST, target}, {DNNL_ARG_WEIGHTS, description.weights_desc()}};
  parts.weights = context.packed.reordered(weights, onednnDesc(grouped, DType::f32, Layout::plain),
                                           description.weights_desc(), context.engine);
  if (request.has(2)) {
    parts.arguments.emplace_back(DNNL_ARG_BIAS, bias);
    parts.bias = context.packed.reordered(*request.constant(2), bias, bias, context.engine);
  }
  parts.arguments.insert(parts.arguments.end(), post.arguments.begin(), post.arguments.end());
  KernelChoice choice = channelsLastConvChoice(request);
  choice.kernel = std::make_unique<ConvKernel>(std::move(parts), context.engine);
  if (sumAt >= 0) choice.overwrites = static_cast<int>(request.fused.post[static_cast<size_t>(sumAt)].input);
  return choice;
}

}  // namespace compress
