// Small products and those of one row by own loops; others by oneDNN's matmul (never inner_product, whose bytes differ
// by thread count).
#include "lib/runtime/cpu/matmul.h"

#include <algorithm>

#include "lib/base/parallel.h"
#include "lib/base/text.h"
#include "lib/ir/print.h"
#include "lib/runtime/cpu/elementwise_loops.h"
#include "lib/runtime/cpu/gemm_loops.h"
#include "lib/runtime/cpu/post_ops.h"

namespace compress {
namespace {

/// Products of so few multiply-adds, or so few rows, are done in own loops: what they wait for is the right matrix.
constexpr int64_t kSmallProduct = 1 << 15;
constexpr int64_t kFewRows = 24;
/// Below this many multiply-adds a product stays on one thread: waking others costs as much as it saves.
constexpr int64_t kParallelProduct = 1 << 17;

struct Extents {
  int64_t rows, inner, columns;
};

/// Panels of the right matrix, then the bias, both padded to whole panels.
AlignedBytes packProduct(const Tensor& right, const Tensor* bias, const Extents& extents) {
  const int64_t padded = paddedToPanels(extents.columns);
  AlignedBytes packed(static_cast<size_t>(padded * (extents.inner + 1)) * sizeof(float));
  float* to = reinterpret_cast<float*>(packed.data());
  packPanels(right.as<float>().data(), extents.columns, 1, extents.inner, extents.columns, to);
  if (bias != nullptr) std::ranges::copy(bias->as<float>(), to + padded * extents.inner);
  return packed;
}

class SmallGemmKernel : public Kernel {
 public:
  SmallGemmKernel(const KernelRequest& request, const Extents& extents, Packed packed)
      : extents_(extents), packed_(std::move(packed)), threads_(request.threads) {
    for (const PostOp& op : request.fused.post) ops_.push_back({op.kind, op.alpha, op.beta, nullptr, 1});
  }

  std::string name() const override { return "vector gemm"; }
  int64_t macs() const override { return extents_.rows * extents_.inner * extents_.columns; }

  void bind(std::span<std::byte* const> inputs, std::span<std::byte* const> outputs, std::byte*) override {
    left_ = reinterpret_cast<const float*>(inputs[0]);
    target_ = reinterpret_cast<float*>(outputs[0]);
  }

  void run() override {
    const int64_t panels = paddedToPanels(extents_.columns) / kPanel;
    const int64_t parts = macs() < kParallelProduct ? 1 : std::min<int64_t>(threads_, panels);
    if (parts <= 1) {
      runPanels(0, panels);
    } else {
#pragma omp parallel for num_threads(static_cast <int>(parts)) schedule(static)
      for (int64_t part = 0; part < parts; ++part) runPanels(panels * part / parts, panels * (part + 1) / parts);
    }
  }

 private:
  void runPanels(int64_t first, int64_t last) const {
    const float* panels = reinterpret_cast<const float*>(packed_->data());
    const float* bias = panels + paddedToPanels(extents_.columns) * extents_.inner;
    const int64_t column = first * kPanel;
    const int64_t count = std::min(last * kPanel, extents_.columns) - column;
    runSmallGemm({left_, extents_.inner, panels + column * extents_.inner, bias + column, 0, target_ + column,
                  extents_.columns, extents_.rows, extents_.inner, count});
    if (ops_.empty()) return;
    for (int64_t row = 0; row < extents_.rows; ++row) {
      float* at = target_ + row * extents_.columns + column;
      runElementwise(at, 1, at, count, ops_);
    }
  }

  Extents extents_;
  Packed packed_;
  int threads_;
  std::vector<LoopOp> ops_;  ///< of one operand: post-operations with tensors are the Convs' alone
  const float* left_ = nullptr;
  float* target_ = nullptr;
};

class MatMulKernel : public Kernel {
 public:
  struct Parts {
    dnnl::primitive primitive;
    std::string name;
    std::vector<std::pair<int, dnnl::memory::desc>> arguments;
    std::vector<int> inputs;  ///< node input of each argument; -1: the output, -2: packed right matrix, -3: packed bias
    Packed right;
    Packed bias;
    int64_t macs = 0;
    int threads = 1;
  };
  MatMulKernel(Parts parts, const dnnl::engine& engine)
      : parts_(std::move(parts)), bound_(parts_.primitive, engine, parts_.arguments, parts_.threads) {
    for (size_t i = 0; i < parts_.inputs.size(); ++i) {
      if (parts_.inputs[i] == -2) bound_.point(i, parts_.right->data());
      if (parts_.inputs[i] == -3) bound_.point(i, parts_.bias->data());
    }
  }

  std::string name() const override { return parts_.name; }
  int64_t macs() const override { return parts_.macs; }
  void bind(std::span<std::byte* const> inputs, std::span<std::byte* const> outputs, std::byte*) override {
    for (size_t i = 0; i < parts_.inputs.size(); ++i) {
      if (parts_.inputs[i] >= 0) bound_.point(i, inputs[static_cast<size_t>(parts_.inputs[i])]);
      if (parts_.inputs[i] == -1) bound_.point(i, outputs[0]);
    }
  }
  void run() override { bound_.run(); }

 private:
  Parts parts_;
  BoundPrimitive bound_;
};

/// A product and the threads that it is made for. oneDNN divides the work when the description is made and finds
/// kernels made before by the thread count at that time, so description and primitive are made under the same limit.
struct Made {
  dnnl::matmul::primitive_desc description;
  dnnl::matmul primitive;
  int threads;
};

/// On one thread where the product is small, and where the bytes would depend on the count.
Made makeProduct(const dnnl::matmul::desc& operation, const dnnl::primitive_attr& attributes,
                 const dnnl::engine& engine, int64_t macs, int threads) {
  const auto madeFor = [&](int count) {
    const ThreadLimit limit(count);
    const dnnl::matmul::primitive_desc description(operation, attributes, engine);
    return Made{description, dnnl::matmul(description), count};
  };
  Made made = madeFor(macs < kParallelProduct ? 1 : threads);
  return made.threads > 1 && isGemm(made.description.impl_info_str()) ? madeFor(1) : made;
}

KernelChoice plainChoice(const KernelRequest& request, std::unique_ptr<Kernel> kernel) {
  KernelChoice choice;
  choice.kernel = std::move(kernel);
  choice.inputLayouts.assign(request.node.inputs.size(), Layout::plain);
  choice.inputUsed.assign(request.node.inputs.size(), true);
  choice.outputLayouts = {Layout::plain};
  return choice;
}

/// A product of tensors known at run time only; `parts` lack primitive, name and threads.
KernelChoice productChoice(const KernelRequest& request, CpuContext& context, const dnnl::matmul::desc& operation,
                           MatMulKernel::Parts parts) {
  const auto [description, primitive, threads] =
      makeProduct(operation, {}, context.engine, parts.macs, request.threads);
  parts.threads = threads;
  parts.primitive = primitive;
  parts.name = description.impl_info_str();
  return plainChoice(request, std::make_unique<MatMulKernel>(std::move(parts), context.engine));
}

std::unique_ptr<Kernel> makeLargeGemm(const KernelRequest& request, CpuContext& context, const Extents& extents) {
  const dnnl::memory::dims leftDims{extents.rows, extents.inner};
  const auto left = onednnDesc(Shape(leftDims), request.dtype(0), Layout::plain);
  const Shape rightShape{extents.inner, extents.columns};
  const auto target = onednnDesc({extents.rows, extents.columns}, request.outputDtype(), Layout::plain);
  const auto bias = request.has(2) ? onednnDesc({1, extents.columns}, DType::f32, Layout::plain) : dnnl::memory::desc();
  OnednnPostOps post = onednnPostOps(request, Layout::plain, -1);
  const dnnl::matmul::desc operation(left, onednnAny(rightShape, request.dtype(0)), bias, target);
  MatMulKernel::Parts parts;
  parts.macs = extents.rows * extents.inner * extents.columns;
  const auto [description, primitive, threads] =
      makeProduct(operation, post.attributes, context.engine, parts.macs, request.threads);
  parts.threads = threads;
  parts.primitive = primitive;
  parts.name = description.impl_info_str();
  parts.arguments = {{DNNL_ARG_SRC, left}, {DNNL_ARG_WEIGHTS, description.weights_desc()}, {DNNL_ARG_DST, target}};
  parts.inputs = {0, -2, -1};
  parts.right = context.packed.reordered(*request.constant(1), onednnDesc(rightShape, DType::f32, Layout::plain),
                                         description.weights_desc(), context.engine);
  if (request.has(2)) {
    parts.arguments.emplace_back(DNNL_ARG_BIAS, bias);
    parts.inputs.push_back(-3);
    parts.bias = context.packed.reordered(*request.constant(2), bias, bias, context.engine);
  }
  parts.arguments.insert(parts.arguments.end(), post.arguments.begin(), post.arguments.end());
  parts.inputs.insert(parts.inputs.end(), post.argumentInputs.begin(), post.argumentInputs.end());
  return std::make_unique<MatMulKernel>(std::move(parts), context.engine);
}

/// Leading ones up to `rank`.
Shape withRank(const Shape& shape, size_t rank) {
  std::vector<int64_t> dims(rank - shape.rank(), 1);
  dims.insert(dims.end(), shape.dims().begin(), shape.dims().end());
  return Shape(dims);
}

}  // namespace

KernelChoice makePlanGemm(const KernelRequest& request, CpuContext& context) {
  const Shape left = request.shape(0);
  const Shape right = request.shape(1);
  const Extents extents{left.count(0, left.rank() - 1), right[0], right[1]};
  std::unique_ptr<Kernel> kernel;
  const bool isSmall = extents.rows <= kFewRows || extents.rows * extents.inner * extents.columns <= kSmallProduct;
  if (isSmall && request.dtype(0) == DType::f32) {
    const Tensor* bias = request.constant(2);
    const std::string form = text("panels", bias != nullptr ? digest(*bias) : "");
    Packed packed = context.packed.find(*request.constant(1), form,
                                        [&] { return packProduct(*request.constant(1), bias, extents); });
    kernel = std::make_unique<SmallGemmKernel>(request, extents, std::move(packed));
  } else {
    kernel = makeLargeGemm(request, context, extents);
  }
  KernelChoice choice = plainChoice(request, std::move(kernel));
  choice.inputUsed[1] = false;
  if (choice.inputUsed.size() > 2) choice.inputUsed[2] = false;
  return choice;
}

KernelChoice makeGemm(const KernelRequest& request, CpuContext& context) {
  const Shape a = request.shape(0), b = request.shape(1), y = request.outputShape();
  const Attributes& attributes = request.node.attributes;
  const bool hasBias = request.has(2);
  if (request.dtype(0) != DType::f32 || a.rank() != 2 || b.rank() != 2 || y.rank() != 2 || y.elementCount() == 0 ||
      a.elementCount() == 0 || attributes.real("alpha", 1) != 1 || (hasBias && attributes.real("beta", 1) != 1))
    return notForMe();
  const Shape row = hasBias ? request.shape(2) : Shape{};
  if (hasBias && (row.rank() == 0 || row.elementCount() != y[1] || row[row.rank() - 1] != y[1])) return notForMe();
  const auto matrix = [](const Shape& shape, bool isTransposed) {
    if (!isTransposed) return dnnl::memory::desc(shape.dims(), dnnl::memory::data_type::f32, {shape[1], 1});
    return dnnl::memory::desc({shape[1], shape[0]}, dnnl::memory::data_type::f32, {1, shape[1]});
  };
  const bool isLeftTransposed = attributes.integer("transA", 0) != 0;
  const auto left = matrix(a, isLeftTransposed), right = matrix(b, attributes.integer("transB", 0) != 0);
  const auto target = matrix(y, false);
  const auto bias = hasBias ? onednnDesc({1, y[1]}, DType::f32, Layout::plain) : dnnl::memory::desc();
  MatMulKernel::Parts parts;
  parts.arguments = {{DNNL_ARG_SRC, left}, {DNNL_ARG_WEIGHTS, right}, {DNNL_ARG_DST, target}};
  parts.inputs = {0, 1, -1};
  if (hasBias) {
    parts.arguments.emplace_back(DNNL_ARG_BIAS, bias);
    parts.inputs.push_back(2);
  }
  parts.macs = y.elementCount() * (isLeftTransposed ? a[0] : a[1]);
  return productChoice(request, context, {left, right, bias, target}, std::move(parts));
}

KernelChoice makeMatMul(const KernelRequest& request, CpuContext& context) {
  const Shape a = request.shape(0);
  const Shape b = request.shape(1);
  if (request.dtype(0) != DType::f32 || a.rank() < 2 || b.rank() < 2 || request.outputShape().elementCount() == 0 ||
      a[a.rank() - 1] == 0)
    return notForMe();
  const size_t rank = std::max(a.rank(), b.rank());
  if (rank > 6) return notForMe();
  const auto left = onednnDesc(withRank(a, rank), DType::f32, Layout::plain);
  const auto right = onednnDesc(withRank(b, rank), DType::f32, Layout::plain);
  const auto target = onednnDesc(request.outputShape(), DType::f32, Layout::plain);
  MatMulKernel::Parts parts;
  parts.arguments = {{DNNL_ARG_SRC, left}, {DNNL_ARG_WEIGHTS, right}, {DNNL_ARG_DST, target}};
  parts.inputs = {0, 1, -1};
  parts.macs = request.outputShape().elementCount() * a[a.rank() - 1];
  return productChoice(request, context, {left, right, target}, std::move(parts));
}

}  // namespace compress
