// Gradients by own loops: pools over [H, W, C] images, normalisation and softmax over rows, and embeddings. Parts are
// fixed, so that results do not depend on the number of threads.
#include <algorithm>
#include <cmath>
#include <cstring>

#include "lib/base/parallel.h"
#include "lib/ops/pool_windows.h"
#include "lib/runtime/cpu/row_kernel.h"
#include "lib/runtime/cpu/training.h"

namespace compress {
namespace {

const float* asFloats(const std::byte* data) {
  return reinterpret_cast<const float*>(data);
}

/// A kernel that keeps its pointers.
class LoopKernel : public Kernel {
 public:
  explicit LoopKernel(int threads) : threads_(threads) {}
  std::string name() const override { return "loops"; }
  void bind(std::span<std::byte* const> inputs, std::span<std::byte* const> outputs, std::byte* scratch) override {
    inputs_.assign(inputs.begin(), inputs.end());
    outputs_.assign(outputs.begin(), outputs.end());
    scratch_ = reinterpret_cast<float*>(scratch);
  }

 protected:
  const float* input(size_t i) const { return asFloats(inputs_[i]); }
  /// Null where nobody wants it.
  float* output(size_t i) const { return i < outputs_.size() ? reinterpret_cast<float*>(outputs_[i]) : nullptr; }
  const std::byte* raw(size_t i) const { return inputs_[i]; }
  float* scratch() const { return scratch_; }
  int threads_;

 private:
  std::vector<std::byte*> inputs_, outputs_;
  float* scratch_ = nullptr;
};

KernelChoice loopChoice(const KernelRequest& request, std::unique_ptr<Kernel> kernel, Layout layout,
                        int64_t scratchFloats = 0) {
  KernelChoice choice;
  choice.kernel = std::move(kernel);
  choice.inputLayouts.assign(request.node.inputs.size(), layout);
  choice.outputLayouts.assign(request.node.outputs.size(), layout);
  choice.scratchBytes = scratchFloats * static_cast<int64_t>(sizeof(float));
  return choice;
}

// Pools ---------------------------------------------------------------------------------------------------------------

class PoolGradKernel : public LoopKernel {
 public:
  PoolGradKernel(const KernelRequest& request, const Shape& x)
      : LoopKernel(request.threads),
        windows_(request.node, x, request.shape(0)),
        images_(x[0]),
        channels_(x[1]),
        isMax_(request.node.op == "MaxPoolGrad"),
        countsPads_(request.node.attributes.integer("count_include_pad", 0) != 0) {}

  void run() override {
    overRows(images_, images_ * windows_.outputPlane() * channels_, threads_, [&](int64_t first, int64_t last) {
      std::vector<float> free(static_cast<size_t>(channels_));
      for (int64_t n = first; n < last; ++n) image(n, free.data());
    });
  }

 private:
  void image(int64_t n, float* free) const {
    const int64_t plane = windows_.inputPlane() * channels_;
    float* const dx = output(0) + n * plane;
    std::fill_n(dx, plane, 0.F);
    for (int64_t o = 0; o < windows_.outputPlane(); ++o) {
      const int64_t at = (n * windows_.outputPlane() + o) * channels_;
      const float* const g = input(0) + at;
      if (isMax_) {
        std::fill_n(free, channels_, 1.F);
        const float* const x = input(1) + n * plane;
        const float* const y = input(2) + at;
        windows_.visit(o, [&](int64_t i) { give(g, x + i * channels_, y, dx + i * channels_, free); });
      } else {
        int64_t count = 0;
        windows_.visit(o, [&](int64_t) { ++count; });
        const float part = 1.F / static_cast<float>(countsPads_ ? windows_.paddedCount(o) : count);
        windows_.visit(o, [&](int64_t i) {
          for (int64_t c = 0; c < channels_; ++c) dx[i * channels_ + c] += part * g[c];
        });
      }
    }
  }

  /// The first element that equals the largest one takes g.
  void give(const float* g, const float* x, const float* y, float* dx, float* free) const {
    for (int64_t c = 0; c < channels_; ++c) {
      const float taken = x[c] == y[c] ? free[c] : 0.F;
      dx[c] += taken * g[c];
      free[c] -= taken;
    }
  }

  Windows windows_;
  int64_t images_, channels_;
  bool isMax_, countsPads_;
};

// Rows ----------------------------------------------------------------------------------------------------------------

/// Sums over rows are made in this many parts.
constexpr int64_t kParts = 16;

/// dx, dscale and dbias of LayerNormalization or RMSNormalization over rows of `inner` elements.
class NormalizationGradKernel : public LoopKernel {
 public:
  NormalizationGradKernel(const KernelRequest& request, int64_t rows, int64_t inner)
      : LoopKernel(request.threads),
        rows_(rows),
        inner_(inner),
        epsilon_(request.node.attributes.real("epsilon", 1e-5F)),
        hasMean_(request.node.op == "LayerNormalizationGrad") {}

  static int64_t scratchFloats(int64_t inner) { return kParts * 2 * inner; }

  void run() override {
    std::fill_n(scratch(), scratchFloats(inner_), 0.F);
    overRows(kParts, rows_ * inner_, threads_, [&](int64_t first, int64_t last) {
      for (int64_t part = first; part < last; ++part)
        for (int64_t row = rows_ * part / kParts; row < rows_ * (part + 1) / kParts; ++row) oneRow(row, part);
    });
    for (size_t k = 0; k < 2; ++k) join(output(k + 1), scratch() + static_cast<int64_t>(k) * inner_);
  }

 private:
  void oneRow(int64_t row, int64_t part) const {
    const float *g = input(0) + row * inner_, *x = input(1) + row * inner_, *scale = input(2);
    float *dx = output(0) + row * inner_, *dscale = scratch() + part * 2 * inner_, *dbias = dscale + inner_;
    const auto count = static_cast<float>(inner_);
    float mean = 0, squares = 0, sum = 0, product = 0;
    for (int64_t i = 0; hasMean_ && i < inner_; ++i) mean += x[i];
    mean /= count;
    for (int64_t i = 0; i < inner_; ++i) squares += (x[i] - mean) * (x[i] - mean);
    const float inverse = 1 / std::sqrt(squares / count + epsilon_);
    for (int64_t i = 0; i < inner_; ++i) {
      const float h = (x[i] - mean) * inverse;
      dscale[i] += g[i] * h;
      dbias[i] += g[i];
      sum += g[i] * scale[i];
      product += g[i] * scale[i] * h;
    }
    const float shift = hasMean_ ? sum / count : 0.F, slope = product / count;
    for (int64_t i = 0; i < inner_; ++i) dx[i] = inverse * (g[i] * scale[i] - shift - (x[i] - mean) * inverse * slope);
  }

  void join(float* to, const float* from) const {
    if (to == nullptr) return;
    for (int64_t i = 0; i < inner_; ++i) {
      float sum = 0;
      for (int64_t part = 0; part < kParts; ++part) sum += from[part * 2 * inner_ + i];
      to[i] = sum;
    }
  }

  int64_t rows_, inner_;
  float epsilon_;
  bool hasMean_;
};

class SoftmaxGradKernel : public LoopKernel {
 public:
  SoftmaxGradKernel(const KernelRequest& request, int64_t rows, int64_t inner)
      : LoopKernel(request.threads), rows_(rows), inner_(inner), isLog_(request.node.op == "LogSoftmaxGrad") {}

  void run() override {
    overRows(rows_, rows_ * inner_, threads_, [&](int64_t first, int64_t last) {
      for (int64_t row = first; row < last; ++row)
        oneRow(input(0) + row * inner_, input(1) + row * inner_, output(0) + row * inner_);
    });
  }

 private:
  void oneRow(const float* g, const float* y, float* dx) const {
    float sum = 0;
    if (isLog_) {
      for (int64_t i = 0; i < inner_; ++i) sum += g[i];
      for (int64_t i = 0; i < inner_; ++i) dx[i] = g[i] - std::exp(y[i]) * sum;
    } else {
      for (int64_t i = 0; i < inner_; ++i) sum += g[i] * y[i];
      for (int64_t i = 0; i < inner_; ++i) dx[i] = y[i] * (g[i] - sum);
    }
  }

  int64_t rows_, inner_;
  bool isLog_;
};

// Embeddings ----------------------------------------------------------------------------------------------------------

class GatherGradKernel : public LoopKernel {
 public:
  GatherGradKernel(const KernelRequest& request, size_t axis)
      : LoopKernel(request.threads),
        indices_(request.shape(1).elementCount()),
        outer_(request.outputShape().count(0, axis)),
        size_(request.outputShape()[axis]),
        inner_(request.outputShape().count(axis + 1, request.outputShape().rank())) {}

  /// One thread: rows are added in the order of the indices.
  void run() override {
    float* const dx = output(0);
    std::fill_n(dx, outer_ * size_ * inner_, 0.F);
    const auto* const indices = reinterpret_cast<const int64_t*>(raw(1));
    const float* g = input(0);
    for (int64_t o = 0; o < outer_; ++o)
      for (int64_t k = 0; k < indices_; ++k, g += inner_) {
        const int64_t index = indices[k] < 0 ? indices[k] + size_ : indices[k];
        if (index < 0 || index >= size_)
          throw Error(ErrorKind::input, text("index ", indices[k], " for an axis of ", size_, " elements"));
        float* const to = dx + (o * size_ + index) * inner_;
        for (int64_t i = 0; i < inner_; ++i) to[i] += g[i];
      }
  }

 private:
  int64_t indices_, outer_, size_, inner_;
};

}  // namespace

KernelChoice makePoolGrad(const KernelRequest& request, CpuContext&) {
  const Shape x = request.outputShape();
  if (request.dtype(0) != DType::f32 || x.rank() < 3 || x.rank() > 5 || x.elementCount() == 0) return notForMe();
  return loopChoice(request, std::make_unique<PoolGradKernel>(request, x), Layout::channelsLast);
}

KernelChoice makeRowGrad(const KernelRequest& request, CpuContext&) {
  const Shape shape = request.shape(0);
  if (request.dtype(0) != DType::f32 || shape.elementCount() == 0 || shape.rank() == 0) return notForMe();
  const size_t axis = normalizedAxis(request.node.attributes.integer("axis", -1), shape.rank());
  const int64_t inner = shape.count(axis, shape.rank()), rows = shape.count(0, axis);
  if (!request.node.op.starts_with("LogSoftmax") && !request.node.op.starts_with("Softmax"))
    return loopChoice(request, std::make_unique<NormalizationGradKernel>(request, rows, inner), Layout::plain,
                      NormalizationGradKernel::scratchFloats(inner));
  if (axis + 1 != shape.rank()) return notForMe();
  return loopChoice(request, std::make_unique<SoftmaxGradKernel>(request, rows, inner), Layout::plain);
}

KernelChoice makeGatherGrad(const KernelRequest& request, CpuContext&) {
  if (request.dtype(0) != DType::f32 || request.dtype(1) != DType::i64 ||
      request.shape(0).elementCount() == 0)
    return notForMe();
  const size_t axis = normalizedAxis(request.node.attributes.integer("axis", 0), request.outputShape().rank());
  return loopChoice(request, std::make_unique<GatherGradKernel>(request, axis), Layout::plain);
}

}  // namespace compress
