// A loop nest over the broadcast result with one plain loop per row, which the compiler turns into vectors.
#include "lib/runtime/cpu/typed.h"

#include <algorithm>

#include "lib/runtime/cpu/bf16_loops.h"
#include "lib/runtime/cpu/copy_kernel.h"
#include "lib/runtime/cpu/loop_nest.h"
#include "lib/runtime/cpu/row_kernel.h"
#include "lib/runtime/cpu/views.h"

namespace compress {
namespace {

/// `count` elements of up to three operands, `steps` elements apart each; the target is dense.
using RowLoop = void (*)(const std::byte* const* operands, const int64_t* steps, std::byte* target, int64_t count);

template <typename In, typename Out, typename Op>
void binaryRow(const std::byte* const* operands, const int64_t* steps, std::byte* target, int64_t count) {
  const In* a = reinterpret_cast<const In*>(operands[0]);
  const In* b = reinterpret_cast<const In*>(operands[1]);
  Out* to = reinterpret_cast<Out*>(target);
  if (steps[0] == 1 && steps[1] == 1) {
    for (int64_t i = 0; i < count; ++i) to[i] = static_cast<Out>(Op()(a[i], b[i]));
  } else if (steps[0] == 1 && steps[1] == 0) {
    for (int64_t i = 0; i < count; ++i) to[i] = static_cast<Out>(Op()(a[i], *b));
  } else {
    for (int64_t i = 0; i < count; ++i) to[i] = static_cast<Out>(Op()(a[i * steps[0]], b[i * steps[1]]));
  }
}

template <typename Element>
void whereRow(const std::byte* const* operands, const int64_t* steps, std::byte* target, int64_t count) {
  const uint8_t* condition = reinterpret_cast<const uint8_t*>(operands[0]);
  const Element* a = reinterpret_cast<const Element*>(operands[1]);
  const Element* b = reinterpret_cast<const Element*>(operands[2]);
  Element* to = reinterpret_cast<Element*>(target);
  for (int64_t i = 0; i < count; ++i) {
    const Element one = a[i * steps[1]];
    const Element other = b[i * steps[2]];
    to[i] = condition[i * steps[0]] != 0 ? one : other;
  }
}

template <typename In, typename Out>
void castRow(const std::byte* const* operands, const int64_t*, std::byte* target, int64_t count) {
  const In* from = reinterpret_cast<const In*>(operands[0]);
  Out* to = reinterpret_cast<Out*>(target);
  for (int64_t i = 0; i < count; ++i) to[i] = static_cast<Out>(from[i]);
}

template <typename In>
void castToBool(const std::byte* const* operands, const int64_t*, std::byte* target, int64_t count) {
  const In* from = reinterpret_cast<const In*>(operands[0]);
  uint8_t* to = reinterpret_cast<uint8_t*>(target);
  for (int64_t i = 0; i < count; ++i) to[i] = from[i] != In{0} ? 1 : 0;
}

/// Integers wrap.
template <typename T>
T wrapped(uint64_t value) {
  return static_cast<T>(value);
}
struct Plus {
  template <typename T>
  T operator()(T a, T b) const {
    return wrapped<T>(static_cast<uint64_t>(a) + static_cast<uint64_t>(b));
  }
};
struct Minus {
  template <typename T>
  T operator()(T a, T b) const {
    return wrapped<T>(static_cast<uint64_t>(a) - static_cast<uint64_t>(b));
  }
};
struct Times {
  template <typename T>
  T operator()(T a, T b) const {
    return wrapped<T>(static_cast<uint64_t>(a) * static_cast<uint64_t>(b));
  }
};
struct Smaller {
  template <typename T>
  T operator()(T a, T b) const {
    return b < a ? b : a;
  }
};
struct Larger {
  template <typename T>
  T operator()(T a, T b) const {
    return a < b ? b : a;
  }
};
struct Both {
  bool operator()(uint8_t a, uint8_t b) const { return a != 0 && b != 0; }
};
struct Either {
  bool operator()(uint8_t a, uint8_t b) const { return a != 0 || b != 0; }
};
struct OneOfTwo {
  bool operator()(uint8_t a, uint8_t b) const { return (a != 0) != (b != 0); }
};

/// For the element types that have a loop; null for others.
template <template <typename> class Loop>
RowLoop forNumbers(DType dtype) {
  switch (dtype) {
    case DType::f32:
      return Loop<float>::row;
    case DType::i64:
      return Loop<int64_t>::row;
    case DType::i32:
      return Loop<int32_t>::row;
    default:
      return nullptr;
  }
}

template <typename Op>
struct Arithmetic {
  template <typename T>
  struct Loop {
    static constexpr RowLoop row = binaryRow<T, T, Op>;
  };
  static RowLoop find(DType dtype) {
    if (dtype == DType::i64) return Loop<int64_t>::row;
    return dtype == DType::i32 ? Loop<int32_t>::row : nullptr;
  }
};

template <template <typename> class Compare>
struct Comparison {
  template <typename T>
  struct Loop {
    static constexpr RowLoop row = binaryRow<T, uint8_t, Compare<T>>;
  };
  static RowLoop find(DType dtype) { return forNumbers<Loop>(dtype); }
};

template <typename Op>
RowLoop logical(DType dtype) {
  return dtype == DType::boolean ? binaryRow<uint8_t, uint8_t, Op> : nullptr;
}

struct TypedName {
  std::string_view op;
  RowLoop (*find)(DType);
};
constexpr TypedName kTyped[] = {{"Add", Arithmetic<Plus>::find},
                                {"Sub", Arithmetic<Minus>::find},
                                {"Mul", Arithmetic<Times>::find},
                                {"Min", Arithmetic<Smaller>::find},
                                {"Max", Arithmetic<Larger>::find},
                                {"Equal", Comparison<std::equal_to>::find},
                                {"Less", Comparison<std::less>::find},
                                {"LessOrEqual", Comparison<std::less_equal>::find},
                                {"Greater", Comparison<std::greater>::find},
                                {"GreaterOrEqual", Comparison<std::greater_equal>::find},
                                {"And", logical<Both>},
                                {"Or", logical<Either>},
                                {"Xor", logical<OneOfTwo>}};

class TypedKernel : public Kernel {
  static constexpr int64_t kChunk = 8192;

 public:
  TypedKernel(const KernelRequest& request, RowLoop row, std::vector<int64_t> operandBytes, int64_t targetBytes)
      : row_(row), operandBytes_(std::move(operandBytes)), targetBytes_(targetBytes), threads_(request.threads) {
    std::vector<std::vector<int64_t>> strides;
    for (size_t i = 0; i < operandBytes_.size(); ++i)
      strides.push_back(broadcastStrides(request.shape(i), request.outputShape(), Layout::plain));
    nest_ = LoopNest(request.outputShape(), Layout::plain, strides);
    operands_.resize(operandBytes_.size());
  }
  std::string name() const override { return "loop"; }
  void bind(std::span<std::byte* const> inputs, std::span<std::byte* const> outputs, std::byte*) override {
    std::copy_n(inputs.begin(), operands_.size(), operands_.begin());
    target_ = outputs[0];
  }
  void run() override {
    const LoopAxis& inner = nest_.inner();
    const int64_t chunks = (inner.count + kChunk - 1) / kChunk;
    overRows(nest_.outerCount() * chunks, nest_.outerCount() * inner.count, threads_, [&](int64_t first, int64_t last) {
      const std::byte* operands[3] = {};
      for (int64_t unit = first; unit < last; ++unit) {
        const int64_t row = unit / chunks;
        const int64_t begin = unit % chunks * kChunk;
        for (size_t i = 0; i < operands_.size(); ++i)
          operands[i] = operands_[i] + (nest_.offsetOf(row, i) + begin * inner.steps[i]) * operandBytes_[i];
        row_(operands, inner.steps.data(), target_ + (row * inner.count + begin) * targetBytes_,
             std::min(kChunk, inner.count - begin));
      }
    });
  }

 private:
  RowLoop row_;
  std::vector<int64_t> operandBytes_;
  int64_t targetBytes_;
  int threads_;
  LoopNest nest_;
  std::vector<const std::byte*> operands_;
  std::byte* target_ = nullptr;
};

KernelChoice typedChoice(const KernelRequest& request, RowLoop row) {
  std::vector<int64_t> bytes;
  for (size_t i = 0; i < request.node.inputs.size(); ++i) bytes.push_back(elementBytes(request.dtype(i)));
  KernelChoice choice;
  choice.kernel = std::make_unique<TypedKernel>(request, row, std::move(bytes), elementBytes(request.outputDtype()));
  choice.inputLayouts.assign(request.node.inputs.size(), Layout::plain);
  choice.outputLayouts = {Layout::plain};
  return choice;
}

template <typename In>
RowLoop castFrom(DType to) {
  constexpr bool isReal = std::is_floating_point_v<In>;
  switch (to) {
    case DType::boolean:
      return castToBool<In>;
    case DType::f32:
      return castRow<In, float>;
    case DType::f64:
      return castRow<In, double>;
    case DType::i64:
      return isReal ? nullptr : castRow<In, int64_t>;
    case DType::i32:
      return isReal ? nullptr : castRow<In, int32_t>;
    case DType::u8:
      return isReal ? nullptr : castRow<In, uint8_t>;
    case DType::i8:
      return isReal ? nullptr : castRow<In, int8_t>;
    default:
      return nullptr;
  }
}

void castToBf16(const std::byte* const* operands, const int64_t*, std::byte* target, int64_t count) {
  narrowToBf16(reinterpret_cast<const float*>(operands[0]), reinterpret_cast<uint16_t*>(target), count);
}

void castFromBf16(const std::byte* const* operands, const int64_t*, std::byte* target, int64_t count) {
  widenBf16(reinterpret_cast<const uint16_t*>(operands[0]), reinterpret_cast<float*>(target), count);
}

/// Floats to integers stay with the reference, which says what becomes of those that do not fit.
RowLoop castLoop(DType from, DType to) {
  if (from == DType::f32 && to == DType::bf16) return castToBf16;
  if (from == DType::bf16) return to == DType::f32 ? castFromBf16 : nullptr;
  switch (from) {
    case DType::f32:
      return castFrom<float>(to);
    case DType::f64:
      return castFrom<double>(to);
    case DType::i64:
      return castFrom<int64_t>(to);
    case DType::i32:
      return castFrom<int32_t>(to);
    case DType::u8:
    case DType::boolean:
      return castFrom<uint8_t>(to);
    case DType::i8:
      return castFrom<int8_t>(to);
    default:
      return nullptr;
  }
}

/// Axes of a copy that reads `from`, repeated along some axes, and writes all of `to`.
std::vector<CopyAxis> repeatedAxes(const Shape& from, const Shape& to) {
  const std::vector<int64_t> source = stridesOf(from, Layout::plain);
  const std::vector<int64_t> target = stridesOf(to, Layout::plain);
  const size_t shift = to.rank() - from.rank();
  std::vector<CopyAxis> axes;
  for (size_t i = 0; i < to.rank(); ++i) {
    const int64_t extent = i < shift ? 1 : from[i - shift];
    if (to[i] > extent) axes.push_back({to[i] / extent, 0, target[i] * extent});
    if (extent > 1) axes.push_back({extent, source[i - shift], target[i]});
  }
  return axes;
}

}  // namespace

KernelChoice makeTyped(const KernelRequest& request, CpuContext&) {
  const auto name = std::ranges::find(kTyped, std::string_view(request.node.op), &TypedName::op);
  if (name == std::end(kTyped) || request.node.inputs.size() != 2 || request.outputShape().elementCount() == 0)
    return notForMe();
  const RowLoop row = request.dtype(0) == request.dtype(1) ? name->find(request.dtype(0)) : nullptr;
  return row == nullptr ? notForMe() : typedChoice(request, row);
}

KernelChoice makeWhere(const KernelRequest& request, CpuContext&) {
  if (request.outputShape().elementCount() == 0) return notForMe();
  switch (elementBytes(request.dtype(1))) {
    case 1:
      return typedChoice(request, whereRow<uint8_t>);
    case 2:
      return typedChoice(request, whereRow<uint16_t>);
    case 4:
      return typedChoice(request, whereRow<uint32_t>);
    case 8:
      return typedChoice(request, whereRow<uint64_t>);
    default:
      return notForMe();
  }
}

KernelChoice makeCast(const KernelRequest& request, CpuContext& context) {
  if (request.dtype(0) == request.outputDtype()) return makeReshape(request, context);
  const RowLoop row = castLoop(request.dtype(0), request.outputDtype());
  if (row == nullptr || request.outputShape().elementCount() == 0) return notForMe();
  KernelChoice choice = typedChoice(request, row);
  choice.inputLayouts = choice.outputLayouts = {request.inputLayouts[0]};
  return choice;
}

KernelChoice makeExpand(const KernelRequest& request, CpuContext&) {
  const int64_t bytes = elementBytes(request.dtype(0));
  const Shape to = request.outputShape();
  if (bytes == 0 || to.elementCount() == 0) return notForMe();
  std::vector<CopyTask> tasks{{0, 0, StridedCopy(bytes, repeatedAxes(request.shape(0), to))}};
  KernelChoice choice;
  choice.kernel = std::make_unique<CopyKernel>("copy", std::move(tasks), request.threads);
  choice.inputLayouts.assign(request.node.inputs.size(), Layout::plain);
  choice.inputUsed.assign(request.node.inputs.size(), false);
  choice.inputUsed[0] = true;
  choice.outputLayouts = {Layout::plain};
  return choice;
}

}  // namespace compress
