// Recurrent layers: RNN, GRU, LSTM over X [time, batch, input] (layout 0) or [batch, time, input] (layout 1).
// Gates lie behind each other in W [directions, gates * hidden, input], R [directions, gates * hidden, hidden], B
// [directions, 2 * gates * hidden].
#include <cmath>
#include <functional>

#include "lib/base/parallel.h"
#include "lib/ops/access.h"
#include "lib/ops/families.h"
#include "lib/ops/rules.h"

namespace compress {
namespace {

using Function = std::function<double(double)>;

double sigmoid(double x) {
  return 1 / (1 + std::exp(-x));
}

Function activation(const std::string& name, double alpha, double beta) {
  if (name == "Sigmoid") return sigmoid;
  if (name == "Tanh") return [](double x) { return std::tanh(x); };
  if (name == "Relu") return [](double x) { return std::max(0.0, x); };
  if (name == "Affine") return [=](double x) { return alpha * x + beta; };
  if (name == "LeakyRelu") return [=](double x) { return x < 0 ? alpha * x : x; };
  if (name == "ThresholdedRelu") return [=](double x) { return x > alpha ? x : 0; };
  if (name == "ScaledTanh") return [=](double x) { return alpha * std::tanh(beta * x); };
  if (name == "HardSigmoid") return [=](double x) { return std::min(1.0, std::max(0.0, alpha * x + beta)); };
  if (name == "Elu") return [=](double x) { return x < 0 ? alpha * std::expm1(x) : x; };
  if (name == "Softsign") return [](double x) { return x / (1 + std::abs(x)); };
  if (name == "Softplus") return [](double x) { return std::max(x, 0.0) + std::log1p(std::exp(-std::abs(x))); };
  reject("activation '", displayName(name), "' is not known");
}

/// Parameters that an activation has where the node does not say them.
std::pair<double, double> parametersOf(const std::string& name) {
  if (name == "LeakyRelu") return {0.01, 0};
  if (name == "ThresholdedRelu" || name == "Elu") return {1, 0};
  if (name == "HardSigmoid") return {0.2, 0.5};
  return {1, name == "ScaledTanh" ? 1 : 0};
}

/// A list of strings; empty when absent.
std::vector<std::string> stringsOf(const Node& node, std::string_view name) {
  const Attribute* attribute = node.attributes.find(name);
  if (attribute == nullptr) return {};
  const auto* list = std::get_if<std::vector<std::string>>(&attribute->data);
  if (list == nullptr) reject(name, " is no list of strings");
  return *list;
}

/// Everything about a layer that its node and shapes say.
struct Layer {
  int64_t time, batch, input, hidden, directions, gates;
  bool isBatchFirst;
  double clip;
  std::vector<bool> isReverse;                     ///< per direction
  std::vector<std::vector<Function>> activations;  ///< per direction

  Layer(const ReferenceContext& context, int64_t gateCount, const std::vector<std::string>& defaults);
  double limited(double x) const { return clip > 0 ? std::min(clip, std::max(-clip, x)) : x; }

 private:
  void readActivations(const Node& node, const std::vector<std::string>& defaults);
};

Layer::Layer(const ReferenceContext& context, int64_t gateCount, const std::vector<std::string>& defaults)
    : gates(gateCount) {
  const Node& node = context.node;
  const Shape &x = context.inputs[0].shape(), &w = context.inputs[1].shape(), &r = context.inputs[2].shape();
  if (x.rank() != 3 || w.rank() != 3 || r.rank() != 3)
    reject("X, W and R have ranks ", x.rank(), ", ", w.rank(), " and ", r.rank(), ", expected 3");
  isBatchFirst = node.attributes.integer("layout", 0) != 0;
  time = x[isBatchFirst ? 1 : 0];
  batch = x[isBatchFirst ? 0 : 1];
  input = x[2];
  hidden = r[2];
  directions = w[0];
  clip = static_cast<double>(node.attributes.real("clip", 0));
  if (w != Shape{directions, gates * hidden, input} || r != Shape{directions, gates * hidden, hidden})
    reject("W is ", print(w), " and R ", print(r), ", expected ", gates, " gates of ", hidden, " and inputs of ",
           input);
  const std::string direction = node.attributes.string("direction", "forward");
  if (direction == "forward")
    isReverse = {false};
  else if (direction == "reverse")
    isReverse = {true};
  else if (direction == "bidirectional")
    isReverse = {false, true};
  else
    reject("direction is '", displayName(direction), "', expected forward, reverse or bidirectional");
  if (static_cast<int64_t>(isReverse.size()) != directions)
    reject("W has ", directions, " directions, the node ", isReverse.size());
  readActivations(node, defaults);
}

void Layer::readActivations(const Node& node, const std::vector<std::string>& defaults) {
  auto names = stringsOf(node, "activations");
  const size_t wanted = defaults.size() * isReverse.size();
  while (names.size() < wanted) names.push_back(defaults[names.size() % defaults.size()]);
  if (names.size() != wanted) reject("activations has ", names.size(), " elements, expected ", wanted);
  const auto alphas = node.attributes.reals("activation_alpha"), betas = node.attributes.reals("activation_beta");
  size_t nextAlpha = 0, nextBeta = 0;
  for (size_t i = 0; i < names.size(); ++i) {
    if (i % defaults.size() == 0) activations.emplace_back();
    auto [alpha, beta] = parametersOf(names[i]);
    const bool hasAlpha = names[i] == "Affine" || names[i] == "LeakyRelu" || names[i] == "ThresholdedRelu" ||
                          names[i] == "ScaledTanh" || names[i] == "HardSigmoid" || names[i] == "Elu";
    const bool hasBeta = names[i] == "Affine" || names[i] == "ScaledTanh" || names[i] == "HardSigmoid";
    if (hasAlpha && nextAlpha < alphas.size()) alpha = static_cast<double>(alphas[nextAlpha++]);
    if (hasBeta && nextBeta < betas.size()) beta = static_cast<double>(betas[nextBeta++]);
    activations.back().push_back(activation(names[i], alpha, beta));
  }
}

/// Weights of one direction, in double.
struct Weights {
  std::vector<double> w, r, wBias, rBias;

  Weights(const ReferenceContext& context, const Layer& layer, int64_t direction) {
    const auto part = [&](const Tensor& tensor, int64_t size, int64_t offset) {
      const auto all = load<double>(tensor);
      if (static_cast<int64_t>(all.size()) < offset + size)
        reject("a tensor of shape ", print(tensor.shape()), " is too small, expected ", layer.directions,
               " directions");
      return std::vector<double>(all.begin() + offset, all.begin() + offset + size);
    };
    const int64_t rows = layer.gates * layer.hidden;
    w = part(context.inputs[1], rows * layer.input, direction * rows * layer.input);
    r = part(context.inputs[2], rows * layer.hidden, direction * rows * layer.hidden);
    wBias.assign(static_cast<size_t>(rows), 0.0);
    rBias = wBias;
    if (!context.has(3)) return;
    wBias = part(context.inputs[3], rows, direction * 2 * rows);
    rBias = part(context.inputs[3], rows, direction * 2 * rows + rows);
  }
};

double dot(const double* a, const double* b, int64_t count) {
  double sum = 0;
  for (int64_t i = 0; i < count; ++i) sum += a[i] * b[i];
  return sum;
}

/// State of one sequence in one direction.
struct State {
  std::vector<double> h, c;
};

/// One step: the new state from x and the old one.
using Step = std::function<void(const Weights&, size_t direction, const double* x, State&)>;

/// Row `row` of W x + bias of W, and of R h + bias of R.
double inputTerm(const Weights& weights, const Layer& layer, int64_t row, const double* x) {
  return dot(weights.w.data() + row * layer.input, x, layer.input) + weights.wBias[static_cast<size_t>(row)];
}
double stateTerm(const Weights& weights, const Layer& layer, int64_t row, const std::vector<double>& h) {
  return dot(weights.r.data() + row * layer.hidden, h.data(), layer.hidden) + weights.rBias[static_cast<size_t>(row)];
}

int64_t stateOffset(const Layer& layer, int64_t direction, int64_t b) {
  return (layer.isBatchFirst ? b * layer.directions + direction : direction * layer.batch + b) * layer.hidden;
}

std::vector<double> initialState(const ReferenceContext& context, size_t i, const Layer& layer) {
  const auto size = static_cast<size_t>(layer.directions * layer.batch * layer.hidden);
  if (!context.has(i)) return std::vector<double>(size, 0.0);
  auto values = load<double>(context.inputs[i]);
  if (values.size() != size)
    reject("the initial state has shape ", print(context.inputs[i].shape()), ", expected ", size, " elements");
  return values;
}

/// Runs all sequences; Y [time, directions, batch, hidden] (or [batch, time, directions, hidden]), Y_h, and Y_c for
/// LSTM.
void runLayer(ReferenceContext& context, const Layer& layer, const Step& step) {
  const auto x = load<double>(context.inputs[0]);
  const auto lengths =
      context.has(4) ? toInts(context.inputs[4]) : std::vector<int64_t>(static_cast<size_t>(layer.batch), layer.time);
  auto h = initialState(context, 5, layer), c = initialState(context, 6, layer);
  std::vector<double> y(static_cast<size_t>(layer.time * layer.directions * layer.batch * layer.hidden), 0.0);
  for (int64_t direction = 0; direction < layer.directions; ++direction) {
    const Weights weights(context, layer, direction);
    parallelFor(layer.batch, [&](int64_t b) {
      const int64_t length = lengths.at(static_cast<size_t>(b)), offset = stateOffset(layer, direction, b);
      if (length < 0 || length > layer.time) reject("sequence length ", length, " is outside [0, ", layer.time, "]");
      State state{{h.begin() + offset, h.begin() + offset + layer.hidden},
                  {c.begin() + offset, c.begin() + offset + layer.hidden}};
      for (int64_t i = 0; i < length; ++i) {
        const int64_t t = layer.isReverse[static_cast<size_t>(direction)] ? length - 1 - i : i;
        step(weights, static_cast<size_t>(direction),
             x.data() + (layer.isBatchFirst ? b * layer.time + t : t * layer.batch + b) * layer.input, state);
        const int64_t row = layer.isBatchFirst ? (b * layer.time + t) * layer.directions + direction
                                               : (t * layer.directions + direction) * layer.batch + b;
        std::ranges::copy(state.h, y.begin() + row * layer.hidden);
      }
      std::ranges::copy(state.h, h.begin() + offset);
      std::ranges::copy(state.c, c.begin() + offset);
    });
  }
  if (context.wants(0)) store(std::span<const double>(y), context.outputs[0]);
  if (context.wants(1)) store(std::span<const double>(h), context.outputs[1]);
  if (context.wants(2)) store(std::span<const double>(c), context.outputs[2]);
}

void rnn(ReferenceContext& context) {
  const Layer layer(context, 1, {"Tanh"});
  runLayer(context, layer, [&layer](const Weights& weights, size_t direction, const double* x, State& state) {
    std::vector<double> next(state.h.size());
    for (int64_t i = 0; i < layer.hidden; ++i)
      next[static_cast<size_t>(i)] = layer.activations[direction][0](
          layer.limited(inputTerm(weights, layer, i, x) + stateTerm(weights, layer, i, state.h)));
    state.h = std::move(next);
  });
}

/// Gates z, r, h: h' = (1 - z) * candidate + z * h.
void gru(ReferenceContext& context) {
  const Layer layer(context, 3, {"Sigmoid", "Tanh"});
  const bool isLinearBeforeReset = context.node.attributes.integer("linear_before_reset", 0) != 0;
  runLayer(context, layer,
           [&layer, isLinearBeforeReset](const Weights& weights, size_t direction, const double* x, State& state) {
             const Function &f = layer.activations[direction][0], &g = layer.activations[direction][1];
             const auto gate = [&](int64_t index, int64_t i) {
               const int64_t row = index * layer.hidden + i;
               return f(layer.limited(inputTerm(weights, layer, row, x) + stateTerm(weights, layer, row, state.h)));
             };
             std::vector<double> next(state.h.size()), reset(state.h.size());
             for (int64_t i = 0; i < layer.hidden; ++i) reset[static_cast<size_t>(i)] = gate(1, i);
             std::vector<double> resetState = state.h;
             for (size_t i = 0; i < resetState.size(); ++i) resetState[i] *= reset[i];
             for (int64_t i = 0; i < layer.hidden; ++i) {
               const int64_t row = 2 * layer.hidden + i;
               const auto at = static_cast<size_t>(i);
               const double recurrent = isLinearBeforeReset ? reset[at] * stateTerm(weights, layer, row, state.h)
                                                            : stateTerm(weights, layer, row, resetState);
               const double candidate = g(layer.limited(inputTerm(weights, layer, row, x) + recurrent)), z = gate(0, i);
               next[at] = (1 - z) * candidate + z * state.h[at];
             }
             state.h = std::move(next);
           });
}

/// Gates i, o, f, c; peepholes P [directions, 3 * hidden] for i, o, f.
void lstm(ReferenceContext& context) {
  const Layer layer(context, 4, {"Sigmoid", "Tanh", "Tanh"});
  const bool isCoupled = context.node.attributes.integer("input_forget", 0) != 0;
  const auto peepholes = context.has(7)
                             ? load<double>(context.inputs[7])
                             : std::vector<double>(static_cast<size_t>(layer.directions * 3 * layer.hidden), 0.0);
  if (static_cast<int64_t>(peepholes.size()) != layer.directions * 3 * layer.hidden)
    reject("P has ", peepholes.size(), " elements, expected ", layer.directions * 3 * layer.hidden);
  runLayer(context, layer, [&](const Weights& weights, size_t direction, const double* x, State& state) {
    const auto& functions = layer.activations[direction];
    std::vector<double> next(state.h.size());
    for (int64_t k = 0; k < layer.hidden; ++k) {
      const auto at = static_cast<size_t>(k);
      const double* peephole = peepholes.data() + static_cast<int64_t>(direction) * 3 * layer.hidden + k;
      const auto sum = [&](int64_t gate) {
        const int64_t row = gate * layer.hidden + k;
        return inputTerm(weights, layer, row, x) + stateTerm(weights, layer, row, state.h);
      };
      const double before = state.c[at];
      const double in = functions[0](layer.limited(sum(0) + peephole[0] * before));
      const double forget =
          isCoupled ? 1 - in : functions[0](layer.limited(sum(2) + peephole[2 * layer.hidden] * before));
      const double cell = forget * before + in * functions[1](layer.limited(sum(3)));
      const double out = functions[0](layer.limited(sum(1) + peephole[layer.hidden] * cell));
      state.c[at] = cell;
      next[at] = out * functions[2](cell);
    }
    state.h = std::move(next);
  });
}

void inferRecurrent(InferContext& context) {
  requireInputs(context, 3);
  requireRank(context, 0, 3);
  const Type &x = context.input(0), &w = context.input(1), &r = context.input(2);
  const bool isBatchFirst = context.node.attributes.integer("layout", 0) != 0;
  const Dim time = x.hasRank() ? (*x.dims)[isBatchFirst ? 1 : 0] : Dim{},
            batch = x.hasRank() ? (*x.dims)[isBatchFirst ? 0 : 1] : Dim{};
  const Dim directions = w.hasRank() ? w.dims->at(0) : Dim{}, hidden = r.hasRank() ? r.dims->at(2) : Dim{};
  const std::vector<Dim> all = isBatchFirst ? std::vector<Dim>{batch, time, directions, hidden}
                                            : std::vector<Dim>{time, directions, batch, hidden};
  const std::vector<Dim> last =
      isBatchFirst ? std::vector<Dim>{batch, directions, hidden} : std::vector<Dim>{directions, batch, hidden};
  for (size_t i = 0; i < context.outputs.size(); ++i) context.outputs[i] = Type::tensor(x.dtype, i == 0 ? all : last);
}

}  // namespace

std::vector<OpSpec> recurrentOps() {
  return {
      {"RNN", "", inferRecurrent, rnn, {}, "h = f(W x + R h + b), step by step"},
      {"GRU", "", inferRecurrent, gru, {}, "gated recurrent unit"},
      {"LSTM", "", inferRecurrent, lstm, {}, "long short-term memory"},
  };
}

}  // namespace compress
