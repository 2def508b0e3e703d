// A tensor is seen as [outer, extent, inner]: rows of `extent` where inner is 1, else sums of rows of `inner`.
#include "lib/runtime/cpu/reduce.h"

#include <cmath>
#include <numeric>

#include "lib/runtime/cpu/row_kernel.h"
#include "lib/runtime/cpu/row_loops.h"

namespace compress {
namespace {

struct Extents {
  int64_t outer = 1, extent = 1, inner = 1;
  int64_t count() const { return outer * extent * inner; }
};

/// Nothing unless the axes of `isReduced` that are longer than 1 lie next to each other in memory.
std::optional<Extents> extentsOf(const Shape& shape, const std::vector<bool>& isReduced, Layout layout) {
  std::vector<size_t> order(shape.rank());
  std::iota(order.begin(), order.end(), size_t{0});
  if (layout == Layout::channelsLast) {
    order.erase(order.begin() + 1);
    order.push_back(1);
  }
  Extents extents;
  int part = 0;  // 0: before the reduced axes, 1: in them, 2: behind
  for (const size_t axis : order) {
    if (shape[axis] == 1) continue;
    if (isReduced[axis] && part == 2) return std::nullopt;
    if (isReduced[axis] ? part == 0 : part == 1) ++part;
    (part == 0 ? extents.outer : part == 1 ? extents.extent : extents.inner) *= shape[axis];
  }
  return extents;
}

enum class Finish { none, mean, root, logarithm };

struct ReductionName {
  std::string_view op;
  Reduction reduction;
  Finish finish;
};
constexpr ReductionName kReductions[] = {{"ReduceSum", Reduction::sum, Finish::none},
                                         {"ReduceMean", Reduction::sum, Finish::mean},
                                         {"ReduceMax", Reduction::max, Finish::none},
                                         {"ReduceMin", Reduction::min, Finish::none},
                                         {"ReduceL1", Reduction::sumMagnitudes, Finish::none},
                                         {"ReduceL2", Reduction::sumSquares, Finish::root},
                                         {"ReduceSumSquare", Reduction::sumSquares, Finish::none},
                                         {"ReduceLogSum", Reduction::sum, Finish::logarithm}};

class ReduceKernel : public Kernel {
 public:
  ReduceKernel(const ReductionName& how, const Extents& extents, int threads)
      : how_(how), extents_(extents), threads_(threads) {}
  std::string name() const override { return "vector"; }
  void bind(std::span<std::byte* const> inputs, std::span<std::byte* const> outputs, std::byte*) override {
    source_ = reinterpret_cast<const float*>(inputs[0]);
    target_ = reinterpret_cast<float*>(outputs[0]);
  }
  void run() override {
    overRows(extents_.outer, extents_.count(), threads_, [this](int64_t first, int64_t last) {
      for (int64_t row = first; row < last; ++row) {
        const float* from = source_ + row * extents_.extent * extents_.inner;
        float* to = target_ + row * extents_.inner;
        if (extents_.inner == 1)
          *to = reduceRow(how_.reduction, from, extents_.extent);
        else
          reduceColumns(how_.reduction, from, extents_.extent, extents_.inner, to);
        for (int64_t i = 0; how_.finish != Finish::none && i < extents_.inner; ++i) to[i] = finished(to[i]);
      }
    });
  }

 private:
  float finished(float x) const {
    if (how_.finish == Finish::mean) return x / static_cast<float>(extents_.extent);
    return how_.finish == Finish::root ? std::sqrt(x) : std::log(x);
  }

  ReductionName how_;
  Extents extents_;
  int threads_;
  const float* source_ = nullptr;
  float* target_ = nullptr;
};

template <typename IsBetter>
int64_t bestOf(const float* from, int64_t extent, int64_t step, bool isLast, const IsBetter& isBetter) {
  int64_t best = 0;
  for (int64_t i = 1; i < extent; ++i)
    if (isBetter(from[i * step], from[best * step]) || (isLast && from[i * step] == from[best * step])) best = i;
  return best;
}

class ArgKernel : public Kernel {
 public:
  ArgKernel(bool isMax, bool isLast, const Extents& extents) : isMax_(isMax), isLast_(isLast), extents_(extents) {}
  std::string name() const override { return "loop"; }
  void bind(std::span<std::byte* const> inputs, std::span<std::byte* const> outputs, std::byte*) override {
    source_ = reinterpret_cast<const float*>(inputs[0]);
    target_ = reinterpret_cast<int64_t*>(outputs[0]);
  }
  void run() override {
    for (int64_t row = 0; row < extents_.outer; ++row)
      for (int64_t i = 0; i < extents_.inner; ++i) {
        const float* from = source_ + row * extents_.extent * extents_.inner + i;
        target_[row * extents_.inner + i] =
            isMax_ ? bestOf(from, extents_.extent, extents_.inner, isLast_, std::greater<float>())
                   : bestOf(from, extents_.extent, extents_.inner, isLast_, std::less<float>());
      }
  }

 private:
  bool isMax_;
  bool isLast_;
  Extents extents_;
  const float* source_ = nullptr;
  int64_t* target_ = nullptr;
};

class NormalizationKernel : public Kernel {
 public:
  NormalizationKernel(int64_t rows, int64_t columns, float epsilon, bool isCentered, int threads)
      : rows_(rows), columns_(columns), how_{nullptr, nullptr, epsilon, isCentered}, threads_(threads) {}
  std::string name() const override { return "vector"; }
  void bind(std::span<std::byte* const> inputs, std::span<std::byte* const> outputs, std::byte*) override {
    source_ = reinterpret_cast<const float*>(inputs[0]);
    how_.scale = reinterpret_cast<const float*>(inputs[1]);
    how_.bias = inputs.size() > 2 ? reinterpret_cast<const float*>(inputs[2]) : nullptr;
    target_ = reinterpret_cast<float*>(outputs[0]);
  }
  void run() override {
    overRows(rows_, rows_ * columns_, threads_, [this](int64_t first, int64_t last) {
      for (int64_t row = first; row < last; ++row)
        normalizeRow(how_, source_ + row * columns_, target_ + row * columns_, columns_);
    });
  }

 private:
  int64_t rows_;
  int64_t columns_;
  Normalization how_;
  int threads_;
  const float* source_ = nullptr;
  float* target_ = nullptr;
};

KernelChoice choiceOf(const KernelRequest& request, std::unique_ptr<Kernel> kernel, Layout layout) {
  KernelChoice choice;
  choice.kernel = std::move(kernel);
  choice.inputLayouts.assign(request.node.inputs.size(), Layout::plain);
  choice.inputLayouts[0] = layout;
  choice.outputLayouts.assign(request.node.outputs.size(), Layout::plain);
  return choice;
}

}  // namespace

KernelChoice makeReduce(const KernelRequest& request, CpuContext&) {
  const Shape shape = request.shape(0);
  const auto how = std::ranges::find(kReductions, std::string_view(request.node.op), &ReductionName::op);
  if (how == std::end(kReductions) || request.dtype(0) != DType::f32 || shape.elementCount() == 0) return notForMe();
  if (request.has(1) && request.constant(1) == nullptr) return notForMe();
  const std::vector<int64_t> axes = request.has(1) ? toInts(*request.constant(1)) : std::vector<int64_t>();
  const bool isAll = axes.empty() && request.node.attributes.integer("noop_with_empty_axes", 0) == 0;
  if (axes.empty() && !isAll) return notForMe();
  std::vector<bool> isReduced(shape.rank(), isAll);
  for (const int64_t axis : axes) isReduced[normalizedAxis(axis, shape.rank())] = true;
  // Results of reductions over positions have one position: both layouts are the same.
  const bool isSpatial = shape.rank() >= 3 && !isReduced[1] && request.inputLayouts[0] == Layout::channelsLast &&
                         std::all_of(isReduced.begin() + 2, isReduced.end(), [](bool b) { return b; });
  const Layout layout = isSpatial ? Layout::channelsLast : Layout::plain;
  const std::optional<Extents> extents = extentsOf(shape, isReduced, layout);
  if (!extents) return notForMe();
  KernelChoice choice = choiceOf(request, std::make_unique<ReduceKernel>(*how, *extents, request.threads), layout);
  choice.inputUsed.assign(request.node.inputs.size(), false);
  choice.inputUsed[0] = true;
  return choice;
}

KernelChoice makeArgExtreme(const KernelRequest& request, CpuContext&) {
  const Shape shape = request.shape(0);
  if (request.dtype(0) != DType::f32 || shape.rank() == 0 || shape.elementCount() == 0) return notForMe();
  const size_t axis = normalizedAxis(request.node.attributes.integer("axis", 0), shape.rank());
  const Extents extents{shape.count(0, axis), shape[axis], shape.count(axis + 1, shape.rank())};
  const bool isLast = request.node.attributes.integer("select_last_index", 0) != 0;
  return choiceOf(request, std::make_unique<ArgKernel>(request.node.op == "ArgMax", isLast, extents), Layout::plain);
}

KernelChoice makeNormalization(const KernelRequest& request, CpuContext&) {
  const Shape shape = request.shape(0);
  for (size_t i = 1; i < request.node.outputs.size(); ++i)
    if (request.node.outputs[i]) return notForMe();
  if (request.dtype(0) != DType::f32 || shape.rank() == 0 || shape.elementCount() == 0) return notForMe();
  const size_t axis = normalizedAxis(request.node.attributes.integer("axis", -1), shape.rank());
  const int64_t columns = shape.count(axis, shape.rank());
  for (size_t i = 1; i < request.node.inputs.size(); ++i)
    if (request.has(i) && (request.dtype(i) != DType::f32 || request.shape(i).elementCount() != columns))
      return notForMe();
  KernelChoice choice =
      choiceOf(request,
               std::make_unique<NormalizationKernel>(shape.elementCount() / columns, columns,
                                                     request.node.attributes.real("epsilon", 1e-5F),
                                                     request.node.op != "RMSNormalization", request.threads),
               Layout::plain);
  if (request.canOverwrite[0] && request.inputLayouts[0] == Layout::plain) choice.overwrites = 0;
  return choice;
}

}  // namespace compress
