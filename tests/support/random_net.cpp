#include "tests/support/random_net.h"

#include <algorithm>
#include <array>

#include "tests/support/net.h"

namespace compress::test {
namespace {

using Dims = Net::Dims;
using Values = Net::Values;

class RandomNet {
 public:
  explicit RandomNet(uint64_t seed) : net_(seed) {}

  Model build() {
    const bool isPicture = below(3) != 0;
    grow(isPicture ? convolution(net_.input({1 + below(2), 3, 4 + 2 * below(3), 4}))
                   : net_.linear(net_.input({2, 4, 5}), 8));
    for (int64_t steps = 3 + below(9); steps > 0; --steps) {
      const auto at = static_cast<size_t>(below(static_cast<int64_t>(live_.size())));
      if (net_.dims(live_[at]).size() == 4)
        picture(at);
      else
        sequence(at);
    }
    Values outputs;
    for (const ValueId value : live_) outputs.push_back(head(value));
    return std::move(net_).finish(outputs);
  }

 private:
  int64_t below(int64_t bound) { return net_.below(bound); }
  template <typename Item>
  Item oneOf(std::initializer_list<Item> items) {
    return *(items.begin() + below(static_cast<int64_t>(items.size())));
  }
  const Dims& dims(ValueId value) const { return net_.dims(value); }
  int64_t channels(ValueId value) const { return dims(value)[1]; }
  void grow(ValueId value) { live_.push_back(value); }
  /// `value` takes the place of the one at `at`, or goes on beside it.
  void put(size_t at, ValueId value) {
    if (below(4) == 0 && live_.size() < 4)
      live_.push_back(value);
    else
      live_[at] = value;
  }

  ValueId head(ValueId x) {
    if (dims(x).size() == 3) return net_.linear(x, 3);
    return below(2) == 0 ? net_.pointwise(x, 2) : net_.classifier(x, 3);
  }

  // Pictures [N, C, H, W] ---------------------------------------------------------------------------------------------
  using Step = ValueId (RandomNet::*)(ValueId);

  void picture(size_t at) {
    static constexpr std::array<Step, 26> kSteps = {
        &RandomNet::convolution, &RandomNet::convolution, &RandomNet::grouped,  &RandomNet::depthwise,
        &RandomNet::transposed,  &RandomNet::residual,    &RandomNet::doubled,  &RandomNet::dense,
        &RandomNet::divided,     &RandomNet::selected,    &RandomNet::shuffled, &RandomNet::pixelShuffled,
        &RandomNet::deepened,    &RandomNet::excited,     &RandomNet::pooled,   &RandomNet::resized,
        &RandomNet::padded,      &RandomNet::activated,   &RandomNet::scaled,   &RandomNet::gathered,
        &RandomNet::reduced,     &RandomNet::instance,    &RandomNet::joined,   &RandomNet::toSequence,
        &RandomNet::limited,     &RandomNet::attended};
    put(at, (this->*kSteps[static_cast<size_t>(below(kSteps.size()))])(live_[at]));
  }

  ValueId convolution(ValueId x) {
    ValueId y = net_.conv(x, 4 * (1 + below(3)), {.kernel = 1 + 2 * below(2), .hasBias = below(2) == 0});
    if (below(2) == 0) y = net_.norm(y);
    return activated(y);
  }
  ValueId grouped(ValueId x) {
    const int64_t groups = channels(x) % 4 == 0 ? oneOf<int64_t>({2, 4}) : channels(x) % 2 == 0 ? 2 : 1;
    return net_.relu(net_.conv(x, groups * (1 + below(3)), {.kernel = 1, .groups = groups, .hasBias = below(2) == 0}));
  }
  ValueId depthwise(ValueId x) {
    const int64_t multiplier = 1 + below(2);
    return net_.conv(x, channels(x) * multiplier, {.groups = channels(x), .hasBias = below(2) == 0});
  }
  ValueId transposed(ValueId x) {
    const int64_t groups = channels(x) % 2 == 0 ? 1 + below(2) : 1, per = 2 + below(3);
    Values inputs = {x, net_.weight({channels(x), per, 2, 2}, channels(x))};
    if (below(2) == 0) inputs.push_back(net_.normal({groups * per}));
    return net_.op("ConvTranspose", inputs, {{"group", groups}, {"pads", Dims{0, 0, 1, 1}}});
  }
  ValueId residual(ValueId x) {
    const ValueId branch = net_.conv(net_.relu(net_.conv(x, 6)), channels(x));
    return net_.op(oneOf<std::string_view>({"Add", "Sub", "Mul", "Max", "Min"}), {x, branch});
  }
  ValueId doubled(ValueId x) { return channels(x) > 16 ? x : net_.concat({x, x}); }
  ValueId dense(ValueId x) { return channels(x) > 16 ? convolution(x) : net_.concat({x, convolution(x)}); }
  ValueId divided(ValueId x) {
    if (channels(x) < 4) return x;
    const int64_t first = 1 + below(channels(x) - 1);
    const Values parts = net_.split(x, {first, channels(x) - first});
    return net_.concat({net_.relu(parts[1]), convolution(parts[0])});
  }
  ValueId selected(ValueId x) {
    if (channels(x) < 4) return x;
    switch (below(4)) {
      case 0:
        return net_.slice(x, 1, 1, channels(x));
      case 1:
        return net_.slice(x, 1, 0, channels(x), 2);
      case 2:
        return net_.slice(x, 1, -1, -channels(x) - 1, -1);
      default:
        return net_.concat({net_.slice(x, 1, 0, 2), net_.op("Neg", {net_.slice(x, 1, 2, channels(x))})});
    }
  }
  ValueId shuffled(ValueId x) {
    const Dims d = dims(x);
    if (d[1] % 2 != 0) return x;
    const ValueId apart = net_.reshape(x, {d[0], 2, d[1] / 2, d[2], d[3]});
    return net_.reshape(net_.transpose(apart, {0, 2, 1, 3, 4}), below(2) == 0 ? d : Dims{d[0], -1, d[2], d[3]});
  }
  ValueId pixelShuffled(ValueId x) {
    if (channels(x) % 4 != 0 || dims(x)[2] > 12) return x;
    return net_.op("DepthToSpace", {x},
                   {{"blocksize", int64_t{2}}, {"mode", std::string(below(2) == 0 ? "DCR" : "CRD")}});
  }
  ValueId deepened(ValueId x) {
    if (dims(x)[2] % 2 != 0 || dims(x)[3] % 2 != 0 || channels(x) > 12) return x;
    return net_.op("SpaceToDepth", {x}, {{"blocksize", int64_t{2}}});
  }
  ValueId excited(ValueId x) {
    const ValueId squeezed = net_.relu(net_.conv(net_.globalPool(x), 4, {.kernel = 1, .hasBias = true}));
    return net_.mul(
        x, net_.op(oneOf<std::string_view>({"Sigmoid", "HardSigmoid"}), {net_.pointwise(squeezed, channels(x))}));
  }
  ValueId pooled(ValueId x) { return std::min(dims(x)[2], dims(x)[3]) < 3 ? x : net_.maxPool(x, 3, 1, 1); }
  ValueId resized(ValueId x) {
    const Dims d = dims(x);
    if (d[2] > 8) return x;
    return below(2) == 0 ? net_.op("Resize", {x, kNoValue, net_.uniform({4}, 1, 1)})
                         : net_.op("Resize", {x, kNoValue, kNoValue, net_.ints({d[0], d[1], 2 * d[2], d[3]})});
  }
  ValueId padded(ValueId x) {
    const Dims pads = below(2) == 0 ? Dims{0, 0, 1, 0, 0, 0, 0, 1} : Dims{0, below(3), 0, 0, 0, 1 + below(2), 0, 0};
    return net_.op("Pad", {x, net_.ints(pads)});
  }
  ValueId activated(ValueId x) {
    return net_.op(
        oneOf<std::string_view>({"Relu", "Sigmoid", "Tanh", "LeakyRelu", "Softplus", "Softsign", "Erf", "HardSwish"}),
        {x});
  }
  ValueId scaled(ValueId x) {
    const ValueId factor = below(3) == 0 ? net_.number(0.7F) : net_.uniform({channels(x), 1, 1}, 0.5, 1.5);
    if (below(4) == 0) return net_.op("PRelu", {x, net_.uniform({channels(x), 1, 1}, 0, 0.3)});
    return net_.op(oneOf<std::string_view>({"Mul", "Add", "Div"}), {x, factor});
  }
  ValueId gathered(ValueId x) {
    Dims picks;
    for (int64_t i = 0; i < 3 + below(4); ++i) picks.push_back(below(2 * channels(x)) - channels(x));
    return net_.op("Gather", {x, net_.ints(picks)}, {{"axis", int64_t{1}}});
  }
  ValueId reduced(ValueId x) {
    const ValueId mean =
        net_.op(oneOf<std::string_view>({"ReduceMean", "ReduceMax", "ReduceL2"}), {x}, {{"axes", Dims{2, 3}}});
    return net_.op("Sub", {x, mean});
  }
  ValueId limited(ValueId x) { return net_.op("Clip", {x, net_.number(oneOf({-1.0F, 0.0F, 0.3F})), net_.number(1)}); }
  /// Sums over the channels, which weigh the places.
  ValueId attended(ValueId x) {
    const auto type = oneOf<std::string_view>({"ReduceMean", "ReduceL1", "ReduceL2", "ReduceSumSquare", "ReduceMax"});
    return net_.mul(x, net_.op("Tanh", {net_.op(type, {x}, {{"axes", Dims{1}}})}));
  }
  ValueId instance(ValueId x) {
    return net_.op("InstanceNormalization", {x, net_.uniform({channels(x)}, 0.5, 1.5), net_.normal({channels(x)})});
  }
  ValueId joined(ValueId x) {
    for (const ValueId other : live_)
      if (other != x && dims(other) == dims(x)) return net_.add(x, other);
    return net_.op("Sum", {x, net_.relu(x), net_.pointwise(x, channels(x))});
  }
  ValueId toSequence(ValueId x) {
    const Dims d = dims(x);
    if (d[2] * d[3] > 36) return x;
    return net_.transpose(net_.reshape(x, {d[0], d[1], d[2] * d[3]}), {0, 2, 1});
  }

  // Sequences [N, T, C] -----------------------------------------------------------------------------------------------
  void sequence(size_t at) {
    static constexpr std::array<Step, 11> kSteps = {
        &RandomNet::projected, &RandomNet::projected,  &RandomNet::feedForward, &RandomNet::fusedAttention,
        &RandomNet::attention, &RandomNet::normalized, &RandomNet::recurrent,   &RandomNet::crossed,
        &RandomNet::gated,     &RandomNet::flattened,  &RandomNet::activated};
    put(at, (this->*kSteps[static_cast<size_t>(below(kSteps.size()))])(live_[at]));
  }

  ValueId projected(ValueId x) { return activated(net_.linear(x, 4 + 2 * below(4), below(2) == 0)); }
  ValueId feedForward(ValueId x) {
    return net_.add(x, net_.linear(net_.gelu(net_.linear(x, 6 + below(6))), dims(x)[2]));
  }
  ValueId gated(ValueId x) {
    const int64_t width = 4 + below(4);
    return net_.mul(net_.linear(x, width), net_.swish(net_.linear(x, width, false)));
  }
  ValueId weighted(ValueId q, ValueId k, ValueId v) {
    const ValueId scores = net_.op("MatMul", {net_.mul(q, net_.number(0.5F)), k});
    return net_.transpose(net_.op("MatMul", {net_.op("Softmax", {scores}, {{"axis", int64_t{-1}}}), v}), {0, 2, 1, 3});
  }
  ValueId attention(ValueId x) {
    const Dims d = dims(x);
    const int64_t heads = 2 + below(2), width = 2 + below(2), valueWidth = 2 + below(2);
    const auto split = [&](int64_t each, Dims order) {
      return net_.transpose(net_.reshape(net_.linear(x, heads * each, below(2) == 0), {d[0], d[1], heads, each}),
                            std::move(order));
    };
    const ValueId mixed =
        weighted(split(width, {0, 2, 1, 3}), split(width, {0, 2, 3, 1}), split(valueWidth, {0, 2, 1, 3}));
    return net_.add(x, net_.linear(net_.reshape(mixed, {d[0], d[1], heads * valueWidth}), d[2]));
  }
  ValueId fusedAttention(ValueId x) {
    const Dims d = dims(x);
    const int64_t heads = 2 + below(2), width = 2 + below(2);
    const ValueId joint = net_.reshape(net_.linear(x, 3 * heads * width), {d[0], d[1], 3, heads, width});
    const ValueId apart = net_.transpose(joint, {2, 0, 3, 1, 4});
    const auto part = [&](int64_t i) {
      if (i != 2) return net_.op("Squeeze", {net_.slice(apart, 0, i, i + 1), net_.ints({0})});
      return net_.op("Gather", {apart, net_.number64(i)}, {{"axis", int64_t{0}}});
    };
    const ValueId mixed = weighted(part(0), net_.transpose(part(1), {0, 1, 3, 2}), part(2));
    return net_.linear(net_.reshape(mixed, {d[0], d[1], heads * width}), d[2]);
  }
  ValueId normalized(ValueId x) { return below(2) == 0 ? net_.layerNorm(x) : net_.decomposedLayerNorm(x); }
  ValueId recurrent(ValueId x) {
    const bool isLstm = below(2) == 0;
    const int64_t hidden = 2 + below(3), gates = isLstm ? 4 : 3, directions = 1 + below(2), inputs = dims(x)[2];
    Values operands = {net_.transpose(x, {1, 0, 2}), net_.weight({directions, gates * hidden, inputs}, inputs),
                       net_.weight({directions, gates * hidden, hidden}, hidden)};
    if (below(2) == 0) operands.push_back(net_.normal({directions, 2 * gates * hidden}, 0.3));
    const ValueId y =
        net_.op(isLstm ? "LSTM" : "GRU", operands,
                {{"hidden_size", hidden}, {"direction", std::string(directions == 1 ? "forward" : "bidirectional")}});
    return net_.reshape(net_.transpose(y, {2, 0, 1, 3}), {dims(x)[0], dims(x)[1], directions * hidden});
  }
  /// Every place against every other: products of activations.
  ValueId crossed(ValueId x) {
    const ValueId a = below(2) == 0 ? net_.linear(x, 4) : activated(net_.linear(x, 4)),
                  b = activated(net_.linear(x, 4));
    const ValueId products = below(2) == 0 ? net_.op("MatMul", {a, net_.transpose(b, {0, 2, 1})})
                                           : net_.op("Einsum", {a, b}, {{"equation", std::string("nic,njc->nij")}});
    return net_.op("MatMul", {net_.op("Tanh", {products}), x});
  }
  ValueId flattened(ValueId x) {
    const Dims d = dims(x);
    const ValueId flat = net_.reshape(x, {d[0], d[1] * d[2]});
    return net_.reshape(net_.gemm(net_.relu(net_.gemm(flat, 6)), 8), {d[0], 2, 4});
  }

  Net net_;
  Values live_;
};

}  // namespace

Model randomNet(uint64_t seed) {
  return RandomNet(seed).build();
}

}  // namespace compress::test
