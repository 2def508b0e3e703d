// Positions go through in tiles: a tile's channels are turned to lie side by side, multiplied by the weights that are
// there, and turned back. Threads share tiles, or the output channels where tiles are few; no result depends on which.
#include "lib/runtime/cpu/sparse_product.h"

#include <algorithm>

#include "lib/base/text.h"
#include "lib/ir/print.h"
#include "lib/runtime/cpu/elementwise_loops.h"
#include "lib/runtime/cpu/row_kernel.h"
#include "lib/runtime/cpu/sparse_loops.h"
#include "lib/runtime/plan/sparse.h"

namespace compress {
namespace {

/// Below this many dense multiply-adds' time one thread does it all, as for a Conv.
constexpr int64_t kParallelWork = 800'000;

using Walk = SparseForm::Walk;

struct Form {
  ProductShape shape;
  Walk walk;

  bool isBlocked() const { return walk != Walk::single; }
  int64_t groups() const { return (shape.outputs + kSparseGroup - 1) / kSparseGroup; }
  int64_t lists() const { return isBlocked() ? groups() : groups() * kSparseGroup; }
  int64_t perEntry() const { return isBlocked() ? kSparseGroup : 1; }
};

/// The entries of a list in the order of their inputs.
struct Entries {
  std::vector<int32_t> starts{0}, inputs;
  std::vector<float> values;
};

Entries entriesOf(const Form& form, std::span<const float> weights) {
  Entries entries;
  std::vector<float> one(static_cast<size_t>(form.perEntry()));
  for (int64_t list = 0; list < form.lists(); ++list) {
    for (int64_t k = 0; k < form.shape.inputs; ++k) {
      for (int64_t i = 0; i < form.perEntry(); ++i) {
        const int64_t channel = list * form.perEntry() + i;
        one[static_cast<size_t>(i)] = channel < form.shape.outputs ? weights[form.shape.index(channel, k)] : 0.F;
      }
      if (std::ranges::all_of(one, [](float w) { return w == 0; })) continue;
      entries.inputs.push_back(static_cast<int32_t>(k));
      entries.values.insert(entries.values.end(), one.begin(), one.end());
    }
    entries.starts.push_back(static_cast<int32_t>(entries.inputs.size()));
  }
  return entries;
}

/// Bias, starts, inputs, values.
AlignedBytes packEntries(const Form& form, std::span<const float> weights, const Tensor* bias) {
  const Entries entries = entriesOf(form, weights);
  const size_t channels = static_cast<size_t>(form.groups() * kSparseGroup);
  AlignedBytes packed((channels + entries.starts.size() + entries.inputs.size() + entries.values.size()) *
                      sizeof(float));
  float* const start = reinterpret_cast<float*>(packed.data());
  if (bias != nullptr) std::ranges::copy(bias->as<float>(), start);
  int32_t* indices = reinterpret_cast<int32_t*>(start + channels);
  indices = std::ranges::copy(entries.starts, indices).out;
  indices = std::ranges::copy(entries.inputs, indices).out;
  std::ranges::copy(entries.values, reinterpret_cast<float*>(indices));
  return packed;
}

SparseWeights viewOf(const Form& form, const AlignedBytes& packed) {
  SparseWeights view;
  view.isBlocked = form.isBlocked();
  view.bias = reinterpret_cast<const float*>(packed.data());
  view.starts = reinterpret_cast<const int32_t*>(view.bias + form.groups() * kSparseGroup);
  view.inputs = view.starts + form.lists() + 1;
  view.values = reinterpret_cast<const float*>(view.inputs + view.starts[form.lists()]);
  return view;
}

/// Positions that lie evenly in the source.
struct Tile {
  int64_t source;  ///< element of the first position's first channel
  int64_t first;   ///< its number in the result
  int64_t positions;
};

/// Tiles of a result [N, M, spatial...], channels last, that reads every `strides`-th position of the source.
std::vector<Tile> cutTiles(const Shape& input, const Shape& output, const std::vector<int64_t>& strides, int64_t pitch) {
  std::vector<Tile> tiles;
  const bool isWhole = std::ranges::all_of(strides, [](int64_t stride) { return stride == 1; });
  const size_t last = output.rank() - 1;
  const int64_t line = isWhole ? output.elementCount() / output[1] : output[last];
  const int64_t lines = output.elementCount() / output[1] / line;
  const std::vector<int64_t> steps = stridesOf(input, Layout::channelsLast);
  for (int64_t i = 0; i < lines; ++i) {
    int64_t source = 0, rest = i;
    for (size_t axis = last; axis-- > 2;) {
      source += rest % output[axis] * strides[axis - 2] * steps[axis];
      rest /= output[axis];
    }
    source += rest * steps[0];
    for (int64_t at = 0; at < line; at += pitch)
      tiles.push_back({source + at * strides.back() * steps[last], i * line + at, std::min(pitch, line - at)});
  }
  return tiles;
}

class SparseKernel : public Kernel {
 public:
  SparseKernel(const KernelRequest& request, const Form& form, Packed packed, std::vector<Tile> tiles, int64_t step)
      : form_(form), packed_(std::move(packed)), tiles_(std::move(tiles)), step_(step) {
    weights_ = viewOf(form_, *packed_);
    work_ = request.node.attributes.integer("work", 0);
    threads_ = work_ < kParallelWork ? 1 : request.threads;
    const auto tileCount = static_cast<int64_t>(tiles_.size());
    shares_ = tileCount >= threads_ ? 1 : std::min<int64_t>(threads_, form_.groups());
    threads_ = static_cast<int>(std::min<int64_t>(threads_, tileCount * shares_));
    for (const PostOp& op : request.fused.post) {
      const bool isFull = isBinary(op.kind) && request.shape(op.input) == request.outputShape();
      ops_.push_back({op.kind, op.alpha, op.beta, nullptr, 1});
      operands_.push_back({op.input, isFull});
      hasRowOperand_ = hasRowOperand_ || (isBinary(op.kind) && !isFull);
    }
  }

  /// Blocks reuse what they load: a small tile stays in the first-level cache.
  static int64_t pitchOf(Walk walk) { return walk == Walk::single ? kSparseTile : kSparseTile / 2; }
  int64_t scratchBytes() const {
    if (form_.walk == Walk::rows) return 0;
    return threads_ * form_.shape.inputs * pitchOf(form_.walk) * static_cast<int64_t>(sizeof(float));
  }

  /// "sparse 4x1 10 %": the share of the weights that are multiplied by.
  std::string name() const override {
    const int64_t percent = (100 * weightCount() + form_.shape.inputs * form_.shape.outputs / 2) /
                            (form_.shape.inputs * form_.shape.outputs);
    return text(form_.isBlocked() ? "sparse 4x1 " : "sparse csr ", percent, " %");
  }
  int64_t macs() const override { return form_.shape.positions * weightCount(); }

  void bind(std::span<std::byte* const> inputs, std::span<std::byte* const> outputs, std::byte* scratch) override {
    source_ = reinterpret_cast<const float*>(inputs[0]);
    target_ = reinterpret_cast<float*>(outputs[0]);
    scratch_ = reinterpret_cast<float*>(scratch);
    for (size_t i = 0; i < ops_.size(); ++i)
      if (isBinary(ops_[i].kind)) ops_[i].operand = reinterpret_cast<const float*>(inputs[operands_[i].input]);
  }

  void run() override {
    overParts(
        static_cast<int64_t>(tiles_.size()) * shares_, work_, threads_,
        [this](int64_t part, int64_t first, int64_t last) { runUnits(part, first, last); }, kParallelWork);
  }

 private:
  static constexpr size_t kMaxOps = 16;
  struct Operand {
    size_t input;
    bool isFull;  ///< as large as the result, else one element per channel
  };

  int64_t weightCount() const { return weights_.starts[form_.lists()] * form_.perEntry(); }

  /// A unit is a share of the groups of one tile; the shares of a tile follow each other.
  void runUnits(int64_t part, int64_t first, int64_t last) const {
    const int64_t pitch = pitchOf(form_.walk);
    const int64_t groups = form_.groups();
    int64_t loaded = -1;
    for (int64_t unit = first; unit < last; ++unit) {
      const int64_t share = unit % shares_;
      const Tile& tile = tiles_[static_cast<size_t>(unit / shares_)];
      const SparseTask task{weights_,
                            source_ + tile.source,
                            step_,
                            tile.positions,
                            pitch,
                            form_.shape.inputs,
                            form_.shape.outputs,
                            groups * share / shares_,
                            groups * (share + 1) / shares_,
                            form_.walk == Walk::rows ? nullptr : scratch_ + part * form_.shape.inputs * pitch,
                            target_ + tile.first * form_.shape.outputs};
      if (form_.walk == Walk::rows)
        runSparseRows(task);
      else
        runSparseTask(task, unit / shares_ != loaded);
      loaded = unit / shares_;
      if (!ops_.empty()) finish(task, tile.first);
    }
  }

  /// Post-operations on what the task has written: its rows as one where they are whole.
  void finish(const SparseTask& task, int64_t position) const {
    const int64_t channel = task.firstGroup * kSparseGroup;
    const int64_t channels = std::min(task.lastGroup * kSparseGroup, task.outputs) - channel;
    const bool isWhole = channels == task.outputs && !hasRowOperand_;
    const int64_t rows = isWhole ? 1 : task.positions;
    LoopOp ops[kMaxOps];
    std::ranges::copy(ops_, ops);
    for (int64_t row = 0; row < rows; ++row) {
      const int64_t at = row * task.outputs + channel;
      for (size_t i = 0; i < ops_.size(); ++i)
        if (isBinary(ops_[i].kind))
          ops[i].operand = ops_[i].operand + (operands_[i].isFull ? position * task.outputs + at : channel);
      runElementwise(task.target + at, 1, task.target + at, isWhole ? task.positions * channels : channels,
                     {ops, ops_.size()});
    }
  }

  Form form_;
  Packed packed_;
  SparseWeights weights_;
  std::vector<Tile> tiles_;
  int64_t step_;
  int64_t work_;
  int threads_ = 1;
  int64_t shares_ = 1;
  std::vector<LoopOp> ops_;
  std::vector<Operand> operands_;
  bool hasRowOperand_ = false;
  const float* source_ = nullptr;
  float* target_ = nullptr;
  float* scratch_ = nullptr;
};

Form formOf(const KernelRequest& request) {
  const Shape weights = request.shape(1);
  const bool isGemm = weights.rank() == 2;
  const int64_t inputs = weights[isGemm ? 0 : 1], outputs = weights[isGemm ? 1 : 0];
  return {{request.outputShape().elementCount() / outputs, inputs, outputs, isGemm},
          static_cast<Walk>(request.node.attributes.integer("walk", 0))};
}

}  // namespace

KernelChoice makeSparseProduct(const KernelRequest& request, CpuContext& context) {
  const Form form = formOf(request);
  const bool isGemm = form.shape.isTransposed;
  const Tensor* bias = request.constant(2);
  const std::string label = text("sparse ", isGemm, form.isBlocked(), bias != nullptr ? digest(*bias) : "");
  Packed packed = context.packed.find(*request.constant(1), label,
                                      [&] { return packEntries(form, request.constant(1)->as<float>(), bias); });
  const size_t spatial = isGemm ? 1 : request.shape(0).rank() - 2;
  const std::vector<int64_t> strides = request.node.attributes.integers("strides", std::vector<int64_t>(spatial, 1));
  const Shape rows{1, form.shape.inputs, form.shape.positions}, results{1, form.shape.outputs, form.shape.positions};
  std::vector<Tile> tiles = cutTiles(isGemm ? rows : request.shape(0), isGemm ? results : request.outputShape(),
                                     strides, SparseKernel::pitchOf(form.walk));
  auto kernel = std::make_unique<SparseKernel>(request, form, std::move(packed), std::move(tiles),
                                               form.shape.inputs * strides.back());
  const Layout layout = isGemm ? Layout::plain : Layout::channelsLast;
  KernelChoice choice;
  choice.scratchBytes = kernel->scratchBytes();
  choice.kernel = std::move(kernel);
  choice.inputLayouts.assign(request.node.inputs.size(), Layout::plain);
  choice.inputUsed.assign(request.node.inputs.size(), true);
  choice.inputLayouts[0] = layout;
  for (size_t i = 1; i < std::min<size_t>(request.node.inputs.size(), 3); ++i) choice.inputUsed[i] = false;
  for (const PostOp& op : request.fused.post)
    if (isBinary(op.kind)) choice.inputLayouts[op.input] = layout;
  choice.outputLayouts = {layout};
  return choice;
}

}  // namespace compress
