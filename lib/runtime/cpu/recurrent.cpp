// Recurrent layers: the products of all inputs first, then step by step the product of the state and the gates.
// Directions and chunks of sequences are independent, and spread over threads.
#include "lib/runtime/cpu/recurrent.h"

#include <omp.h>

#include <algorithm>
#include <limits>

#include "lib/base/text.h"
#include "lib/ir/print.h"
#include "lib/runtime/cpu/gemm_loops.h"
#include "lib/runtime/cpu/recurrent_loops.h"

namespace compress {
namespace {

using Kind = PostOp::Kind;

/// Sequences whose states are multiplied together. Fixed, so that results do not depend on the thread count.
constexpr int64_t kChunk = 8;
/// Below this many multiply-adds one thread does it all.
constexpr int64_t kParallelMacs = 1 << 19;

struct Layer {
  int64_t time, batch, input, hidden;
  int64_t padded;  ///< hidden, up to whole panels: distance of gates
  int64_t gates, directions;
  bool isBatchFirst, isLinear, isCoupled, hasLengths;
  float clip;
  std::vector<bool> isReverse;
  std::vector<GateActivation> activations;  ///< per direction: f, g, h
  size_t activationsEach;

  int64_t width() const { return gates * padded; }
  int64_t chunk() const { return hasLengths ? 1 : std::min(kChunk, batch); }
  int64_t chunks() const { return (batch + chunk() - 1) / chunk(); }
  /// Floats of one direction's weights: W, R, bias of the input's product, bias of the state's, peepholes.
  int64_t packedSize() const { return width() * (input + hidden + 1) + 4 * padded; }
  int64_t scratchSize() const { return chunk() * ((time + 1) * width() + 3 * padded); }
  int64_t macs() const { return directions * batch * time * gates * hidden * (input + hidden); }
};

std::optional<GateActivation> activationOf(const std::string& name) {
  if (name == "Sigmoid") return GateActivation{Kind::sigmoid};
  if (name == "Tanh") return GateActivation{Kind::tanh};
  if (name == "Relu") return GateActivation{Kind::relu};
  if (name == "LeakyRelu") return GateActivation{Kind::leakyRelu, 0.01F};
  if (name == "HardSigmoid") return GateActivation{Kind::hardSigmoid, 0.2F, 0.5F};
  if (name == "Elu") return GateActivation{Kind::elu, 1.F};
  if (name == "Affine") return GateActivation{Kind::linear, 1.F, 0.F};
  return std::nullopt;
}

/// Activations per direction with their parameters; nothing for those that have no vector loop.
std::optional<std::vector<GateActivation>> activationsOf(const Node& node, const std::vector<std::string>& defaults,
                                                         size_t directions) {
  std::vector<std::string> names;
  if (const Attribute* attribute = node.attributes.find("activations"))
    if (const auto* list = std::get_if<std::vector<std::string>>(&attribute->data)) names = *list;
  while (names.size() < defaults.size() * directions) names.push_back(defaults[names.size() % defaults.size()]);
  const std::vector<float> alphas = node.attributes.reals("activation_alpha");
  const std::vector<float> betas = node.attributes.reals("activation_beta");
  size_t alpha = 0;
  size_t beta = 0;
  std::vector<GateActivation> activations;
  for (const std::string& name : names) {
    std::optional<GateActivation> f = activationOf(name);
    if (!f) return std::nullopt;
    const bool hasBeta = f->kind == Kind::hardSigmoid || f->kind == Kind::linear;
    if ((hasBeta || f->kind == Kind::leakyRelu || f->kind == Kind::elu) && alpha < alphas.size())
      f->alpha = alphas[alpha++];
    if (hasBeta && beta < betas.size()) f->beta = betas[beta++];
    activations.push_back(*f);
  }
  return activations;
}

std::optional<Layer> layerOf(const KernelRequest& request) {
  const Node& node = request.node;
  const Shape x = request.shape(0);
  const Shape w = request.shape(1);
  const bool isBatchFirst = node.attributes.integer("layout", 0) != 0;
  const std::string direction = node.attributes.string("direction", "forward");
  Layer layer{x[isBatchFirst ? 1 : 0],
              x[isBatchFirst ? 0 : 1],
              x[2],
              request.shape(2)[2],
              0,
              0,
              w[0],
              isBatchFirst,
              node.attributes.integer("linear_before_reset", 0) != 0,
              node.attributes.integer("input_forget", 0) != 0,
              request.has(4),
              0.F,
              {},
              {},
              0};
  layer.padded = paddedToPanels(layer.hidden);
  layer.gates = node.op == "LSTM" ? 4 : node.op == "GRU" ? 3 : 1;
  const float clip = node.attributes.real("clip", 0.F);
  layer.clip = clip > 0 ? clip : std::numeric_limits<float>::infinity();
  layer.isReverse =
      direction == "bidirectional" ? std::vector<bool>{false, true} : std::vector<bool>{direction == "reverse"};
  std::vector<std::string> defaults{"Tanh"};
  if (node.op == "GRU") defaults = {"Sigmoid", "Tanh"};
  if (node.op == "LSTM") defaults = {"Sigmoid", "Tanh", "Tanh"};
  const auto activations = activationsOf(node, defaults, layer.isReverse.size());
  if (!activations || static_cast<int64_t>(layer.isReverse.size()) != layer.directions) return std::nullopt;
  layer.activations = *activations;
  layer.activationsEach = defaults.size();
  return layer;
}

/// Where the parts of one direction's weights lie.
struct Weights {
  const float* w;
  const float* r;
  const float* bias;       ///< of all gates, with the state's bias where both are simply added
  const float* stateBias;  ///< of the candidate gate of a GRU whose reset comes behind the product
  const float* peepholes;  ///< null without

  Weights(const Layer& layer, const float* packed, int64_t direction, bool hasPeepholes)
      : w(packed + direction * layer.packedSize()),
        r(w + layer.width() * layer.input),
        bias(r + layer.width() * layer.hidden),
        stateBias(bias + layer.width()),
        peepholes(hasPeepholes ? stateBias + layer.padded : nullptr) {}
};

void packDirection(const KernelRequest& request, const Layer& layer, int64_t direction, float* to) {
  const int64_t rows = layer.gates * layer.hidden;
  const float* w = request.constant(1)->as<float>().data() + direction * rows * layer.input;
  const float* r = request.constant(2)->as<float>().data() + direction * rows * layer.hidden;
  const float* b = request.has(3) ? request.constant(3)->as<float>().data() + direction * 2 * rows : nullptr;
  float* toR = to + layer.width() * layer.input;
  float* bias = toR + layer.width() * layer.hidden;
  float* stateBias = bias + layer.width();
  for (int64_t gate = 0; gate < layer.gates; ++gate) {
    const int64_t row = gate * layer.hidden;
    packPanels(w + row * layer.input, 1, layer.input, layer.input, layer.hidden,
               to + gate * layer.padded * layer.input);
    packPanels(r + row * layer.hidden, 1, layer.hidden, layer.hidden, layer.hidden,
               toR + gate * layer.padded * layer.hidden);
    const bool isApart = layer.isLinear && layer.gates == 3 && gate == 2;
    for (int64_t i = 0; b != nullptr && i < layer.hidden; ++i) {
      bias[gate * layer.padded + i] = b[row + i] + (isApart ? 0.F : b[rows + row + i]);
      if (isApart) stateBias[i] = b[rows + row + i];
    }
  }
  if (!request.has(7)) return;
  const float* peepholes = request.constant(7)->as<float>().data() + direction * 3 * layer.hidden;
  for (int64_t gate = 0; gate < 3; ++gate)
    std::copy_n(peepholes + gate * layer.hidden, layer.hidden, stateBias + (gate + 1) * layer.padded);
}

Packed packWeights(const KernelRequest& request, const Layer& layer, CpuContext& context) {
  std::string form = text(request.node.op, layer.isLinear);
  for (const size_t i : {2U, 3U, 7U}) form += request.has(i) ? digest(*request.constant(i)) : "-";
  return context.packed.find(*request.constant(1), form, [&] {
    AlignedBytes packed(static_cast<size_t>(layer.directions * layer.packedSize()) * sizeof(float));
    for (int64_t i = 0; i < layer.directions; ++i)
      packDirection(request, layer, i, reinterpret_cast<float*>(packed.data()) + i * layer.packedSize());
    return packed;
  });
}

class RecurrentKernel : public Kernel {
 public:
  RecurrentKernel(const KernelRequest& request, Layer layer, Packed packed)
      : layer_(std::move(layer)),
        packed_(std::move(packed)),
        hasPeepholes_(request.has(7)),
        threads_(layer_.macs() < kParallelMacs ? 1 : std::min<int64_t>(request.threads, tasks())) {}

  std::string name() const override { return "vector recurrent"; }
  int64_t macs() const override { return layer_.macs(); }
  int64_t scratchBytes() const { return threads_ * layer_.scratchSize() * static_cast<int64_t>(sizeof(float)); }

  void bind(std::span<std::byte* const> inputs, std::span<std::byte* const> outputs, std::byte* scratch) override {
    const auto input = [&](size_t i) { return i < inputs.size() ? inputs[i] : nullptr; };
    const auto output = [&](size_t i) { return reinterpret_cast<float*>(i < outputs.size() ? outputs[i] : nullptr); };
    x_ = reinterpret_cast<const float*>(input(0));
    lengths_ = reinterpret_cast<const int32_t*>(input(4));
    firstH_ = reinterpret_cast<const float*>(input(5));
    firstC_ = reinterpret_cast<const float*>(input(6));
    y_ = output(0);
    lastH_ = output(1);
    lastC_ = output(2);
    scratch_ = reinterpret_cast<float*>(scratch);
  }

  void run() override {
    if (threads_ <= 1) {
      for (int64_t task = 0; task < tasks(); ++task) runTask(task, scratch_);
      return;
    }
#pragma omp parallel for num_threads(static_cast <int>(threads_)) schedule(static)
    for (int64_t task = 0; task < tasks(); ++task)
      runTask(task, scratch_ + omp_get_thread_num() * layer_.scratchSize());
  }

 private:
  /// The sequences [first, first + count) of a direction, and where their intermediate results lie.
  struct Task {
    Weights weights;
    int64_t direction, first, count;
    float* products;  ///< [count, time, gates, padded]: of the inputs
    float* gates;     ///< [count, gates, padded]
    float* h;         ///< [count, padded], as are the next two
    float* c;
    float* reset;
  };

  int64_t tasks() const {
    return layer_.directions * layer_.chunks();
  }

  void runTask(int64_t index, float* scratch) const {
    const int64_t direction = index / layer_.chunks();
    const int64_t first = index % layer_.chunks() * layer_.chunk();
    const int64_t chunk = layer_.chunk();
    Task task{Weights(layer_, reinterpret_cast<const float*>(packed_->data()), direction, hasPeepholes_),
              direction,
              first,
              std::min(chunk, layer_.batch - first),
              scratch,
              nullptr,
              nullptr,
              nullptr,
              nullptr};
    task.gates = scratch + chunk * layer_.time * layer_.width();
    task.h = task.gates + chunk * layer_.width();
    task.c = task.h + chunk * layer_.padded;
    task.reset = task.c + chunk * layer_.padded;
    multiplyInputs(task);
    loadState(firstH_, task, task.h);
    loadState(firstC_, task, task.c);
    const int64_t length = lengths_ != nullptr ? std::clamp<int64_t>(lengths_[first], 0, layer_.time) : layer_.time;
    for (int64_t i = 0; i < length; ++i) {
      const int64_t t = layer_.isReverse[static_cast<size_t>(direction)] ? length - 1 - i : i;
      step(task, t);
      if (y_ != nullptr) storeRows(task, task.h, t);
    }
    if (y_ != nullptr) {
      std::fill_n(task.reset, chunk * layer_.padded, 0.F);
      for (int64_t t = length; t < layer_.time; ++t) storeRows(task, task.reset, t);
    }
    storeState(task, task.h, lastH_);
    storeState(task, task.c, lastC_);
  }

  void multiplyInputs(const Task& task) const {
    for (int64_t i = 0; i < task.count; ++i) {
      const int64_t sequence = task.first + i;
      const float* x = x_ + sequence * layer_.input * (layer_.isBatchFirst ? layer_.time : 1);
      runSmallGemm({x, layer_.input * (layer_.isBatchFirst ? 1 : layer_.batch), task.weights.w, task.weights.bias, 0,
                    task.products + i * layer_.time * layer_.width(), layer_.width(), layer_.time, layer_.input,
                    layer_.width()});
    }
  }

  /// target = start + h * columns [gate, gate + count) of R, for all sequences.
  void multiplyState(const Task& task, const float* h, const float* start, int64_t startStep, int64_t gate,
                     int64_t count) const {
    runSmallGemm({h, layer_.padded, task.weights.r + gate * layer_.padded * layer_.hidden, start, startStep,
                  task.gates + gate * layer_.padded, layer_.width(), task.count, layer_.hidden, count * layer_.padded});
  }

  void step(const Task& task, int64_t t) const {
    const float* products = task.products + t * layer_.width();
    const int64_t productStep = layer_.time * layer_.width();
    const GateRow row{layer_.activations.data() + task.direction * static_cast<int64_t>(layer_.activationsEach),
                      layer_.clip, layer_.padded, layer_.padded};
    const int64_t plain = layer_.gates == 3 ? 2 : layer_.gates;
    multiplyState(task, task.h, products, productStep, 0, plain);
    if (layer_.gates == 3 && layer_.isLinear)
      multiplyState(task, task.h, task.weights.stateBias, 0, 2, 1);
    else if (layer_.gates == 3)
      resetState(task, row, products, productStep);
    for (int64_t i = 0; i < task.count; ++i) {
      const float* gates = task.gates + i * layer_.width();
      float* h = task.h + i * layer_.padded;
      if (layer_.gates == 1)
        runRnnGates(row, gates, h);
      else if (layer_.gates == 4)
        runLstmGates(row, gates, task.weights.peepholes, layer_.isCoupled, task.c + i * layer_.padded, h);
      else if (layer_.isLinear)
        runGruLinear(row, gates, products + i * productStep + 2 * layer_.padded, h);
      else
        runGruState(row, gates, h);
    }
  }

  /// The candidate gate of a GRU whose reset comes before the product.
  void resetState(const Task& task, const GateRow& row, const float* products, int64_t productStep) const {
    for (int64_t i = 0; i < task.count; ++i)
      runGruReset(row, task.gates + i * layer_.width(), task.h + i * layer_.padded, task.reset + i * layer_.padded);
    multiplyState(task, task.reset, products + 2 * layer_.padded, productStep, 2, 1);
  }

  /// Offset of a sequence's state in Y_h and Y_c.
  int64_t stateOffset(const Task& task, int64_t i) const {
    const int64_t sequence = task.first + i;
    return (layer_.isBatchFirst ? sequence * layer_.directions + task.direction
                                : task.direction * layer_.batch + sequence) *
           layer_.hidden;
  }

  void loadState(const float* from, const Task& task, float* to) const {
    std::fill_n(to, task.count * layer_.padded, 0.F);
    for (int64_t i = 0; from != nullptr && i < task.count; ++i)
      std::copy_n(from + stateOffset(task, i), layer_.hidden, to + i * layer_.padded);
  }

  void storeState(const Task& task, const float* from, float* to) const {
    for (int64_t i = 0; to != nullptr && i < task.count; ++i)
      std::copy_n(from + i * layer_.padded, layer_.hidden, to + stateOffset(task, i));
  }

  void storeRows(const Task& task, const float* from, int64_t t) const {
    for (int64_t i = 0; i < task.count; ++i) {
      const int64_t sequence = task.first + i;
      const int64_t row = layer_.isBatchFirst ? (sequence * layer_.time + t) * layer_.directions + task.direction
                                              : (t * layer_.directions + task.direction) * layer_.batch + sequence;
      std::copy_n(from + i * layer_.padded, layer_.hidden, y_ + row * layer_.hidden);
    }
  }

  Layer layer_;
  Packed packed_;
  bool hasPeepholes_;
  int64_t threads_;
  const float* x_ = nullptr;
  const int32_t* lengths_ = nullptr;
  const float* firstH_ = nullptr;
  const float* firstC_ = nullptr;
  float* y_ = nullptr;
  float* lastH_ = nullptr;
  float* lastC_ = nullptr;
  float* scratch_ = nullptr;
};

bool isHandled(const KernelRequest& request) {
  const auto hasForm = [&](size_t i, const Shape& shape) { return !request.has(i) || request.shape(i) == shape; };
  if (request.dtype(0) != DType::f32 || request.shape(0).rank() != 3 || request.shape(0).elementCount() == 0)
    return false;
  for (const size_t i : {1U, 2U, 3U, 7U})
    if (request.has(i) && (request.constant(i) == nullptr || request.dtype(i) != DType::f32)) return false;
  const Shape w = request.shape(1);
  const Shape r = request.shape(2);
  if (w.rank() != 3 || r.rank() != 3 || r[2] == 0) return false;
  const int64_t gates = request.node.op == "LSTM" ? 4 : request.node.op == "GRU" ? 3 : 1;
  return w == Shape{w[0], gates * r[2], request.shape(0)[2]} && r == Shape{w[0], gates * r[2], r[2]} &&
         hasForm(3, {w[0], 2 * gates * r[2]}) && hasForm(7, {w[0], 3 * r[2]}) &&
         (!request.has(4) || request.dtype(4) == DType::i32);
}

}  // namespace

KernelChoice makeRecurrent(const KernelRequest& request, CpuContext& context) {
  if (!isHandled(request)) return notForMe();
  std::optional<Layer> layer = layerOf(request);
  if (!layer) return notForMe();
  Packed packed = packWeights(request, *layer, context);
  auto kernel = std::make_unique<RecurrentKernel>(request, *std::move(layer), std::move(packed));
  KernelChoice choice;
  choice.scratchBytes = kernel->scratchBytes();
  choice.kernel = std::move(kernel);
  choice.inputLayouts.assign(request.node.inputs.size(), Layout::plain);
  choice.inputUsed.assign(request.node.inputs.size(), true);
  for (const size_t i : {1U, 2U, 3U, 7U})
    if (i < choice.inputUsed.size()) choice.inputUsed[i] = false;
  choice.outputLayouts.assign(request.node.outputs.size(), Layout::plain);
  return choice;
}

}  // namespace compress
