// Attention without softmax, as a recurrence over a state matrix per head, and the causal convolution that goes before
// it: LinearAttention, CausalConvWithState.
#include <algorithm>
#include <cmath>

#include "lib/base/parallel.h"
#include "lib/ops/access.h"
#include "lib/ops/families.h"
#include "lib/ops/heads.h"
#include "lib/ops/rules.h"

namespace compress {
namespace {

enum Input : size_t { kQuery, kKey, kValue, kPastState, kDecay, kBeta };

void inferLinearAttention(InferContext& context) {
  requireInputs(context, 3);
  for (const size_t i : {kQuery, kKey, kValue}) requireRank(context, i, 3);
  const int64_t queryHeads = headCount(context.node, "q_num_heads"), heads = headCount(context.node, "kv_num_heads");
  const DType dtype = dtypeOfInput(context, kQuery);
  const Dim size = divided(dimOfInput(context, kQuery, 2), queryHeads),
            valueSize = divided(dimOfInput(context, kValue, 2), heads);
  context.outputs.at(0) = Type::tensor(
      dtype,
      std::vector<Dim>{dimOfInput(context, kQuery, 0), dimOfInput(context, kQuery, 1), times(valueSize, queryHeads)});
  if (context.outputs.size() > 1)
    context.outputs[1] =
        Type::tensor(context.has(kPastState) ? dtypeOfInput(context, kPastState) : dtype,
                     std::vector<Dim>{dimOfInput(context, kQuery, 0), Dim::of(heads), size, valueSize});
}

/// An input of one number per head, or one per element of each head, as [batch, heads, length, 1 or size].
Heads gateOf(const ReferenceContext& context, size_t i, int64_t heads) {
  const Shape& shape = context.inputs[i].shape();
  if (shape.rank() != 3) reject("input ", i, " has rank ", shape.rank(), ", expected 3");
  return headsOf(context.inputs[i], shape[2] == 1 ? 1 : heads);
}

struct Rule {
  bool isGated, isDelta;
  explicit Rule(const Node& node) {
    const std::string name = node.attributes.string("update_rule", "gated_delta");
    if (name != "linear" && name != "gated" && name != "delta" && name != "gated_delta")
      reject("update_rule is '", displayName(name), "', expected linear, gated, delta or gated_delta");
    isGated = name.starts_with("gated");
    isDelta = name.ends_with("delta");
  }
};

/// One step of one head: state *= e^decay; state += k (beta (v - state^T k))^T or k v^T.
void advance(double* state, const double* k, int64_t size, std::span<const double> v, const double* decay,
             int64_t decaySize, const double* beta) {
  const auto width = static_cast<int64_t>(v.size());
  for (int64_t d = 0; decay != nullptr && d < size; ++d) {
    const double factor = std::exp(decay[decaySize == 1 ? 0 : d]);
    for (int64_t m = 0; m < width; ++m) state[d * width + m] *= factor;
  }
  std::vector<double> written(v.begin(), v.end());
  for (int64_t m = 0; beta != nullptr && m < width; ++m) {
    double held = 0;
    for (int64_t d = 0; d < size; ++d) held += state[d * width + m] * k[d];
    written[static_cast<size_t>(m)] = *beta * (written[static_cast<size_t>(m)] - held);
  }
  for (int64_t d = 0; d < size; ++d)
    for (int64_t m = 0; m < width; ++m) state[d * width + m] += k[d] * written[static_cast<size_t>(m)];
}

void linearAttention(ReferenceContext& context) {
  const Rule rule(context.node);
  const int64_t heads = headCount(context.node, "kv_num_heads");
  const Heads q = headsOf(context.inputs[kQuery], headCount(context.node, "q_num_heads")),
              k = headsOf(context.inputs[kKey], heads), v = headsOf(context.inputs[kValue], heads);
  if (q.heads % heads != 0 || k.size != q.size) reject("heads of q and k do not fit");
  if ((rule.isGated && !context.has(kDecay)) || (rule.isDelta && !context.has(kBeta)))
    reject("decay or beta is missing, which the update rule needs");
  const Heads decay = rule.isGated ? gateOf(context, kDecay, heads) : Heads(),
              beta = rule.isDelta ? gateOf(context, kBeta, heads) : Heads();
  Heads state =
      context.has(kPastState) ? headsOf(context.inputs[kPastState], heads) : Heads(q.batch, heads, q.size, v.size);
  const double named = static_cast<double>(context.node.attributes.real("scale", 0));
  const double scale = named != 0 ? named : 1 / std::sqrt(static_cast<double>(q.size));
  const int64_t group = q.heads / heads;
  Heads y(q.batch, q.heads, q.length, v.size);
  parallelFor(q.batch * heads, [&](int64_t task) {
    const int64_t b = task / heads, h = task % heads;
    double* own = state.row(b, h, 0);
    for (int64_t i = 0; i < q.length; ++i) {
      advance(own, k.row(b, h, i), k.size, {v.row(b, h, i), static_cast<size_t>(v.size)},
              rule.isGated ? decay.row(b, decay.heads == 1 ? 0 : h, i) : nullptr, decay.size,
              rule.isDelta ? beta.row(b, beta.heads == 1 ? 0 : h, i) : nullptr);
      for (int64_t reader = h * group; reader < (h + 1) * group; ++reader)
        for (int64_t d = 0; d < q.size; ++d)
          for (int64_t m = 0; m < v.size; ++m)
            y.row(b, reader, i)[m] += scale * q.row(b, reader, i)[d] * own[d * v.size + m];
    }
  });
  storeHeads(y, context.outputs[0]);
  if (context.wants(1)) storeHeads(state, context.outputs[1]);
}

// CausalConvWithState -------------------------------------------------------------------------------------------------

void inferCausalConv(InferContext& context) {
  requireInputs(context, 2);
  for (const size_t i : {size_t{0}, size_t{1}, size_t{3}}) requireRank(context, i, 3);
  sameAsFirst(context);
  const Dim kernel = dimOfInput(context, 1, 2);
  if (context.outputs.size() > 1)
    context.outputs[1] =
        Type::tensor(context.outputs[0].dtype, std::vector<Dim>{dimOfInput(context, 0, 0), dimOfInput(context, 0, 1),
                                                                kernel.isKnown() ? Dim::of(kernel.value - 1) : Dim{}});
}

/// y[c, i] = bias[c] + sum of w[c, k] x[c, i - K + 1 + k], where the state stands before x, zeros where there is none.
void causalConv(ReferenceContext& context) {
  const Shape &shape = context.inputs[0].shape(), &kernel = context.inputs[1].shape();
  const std::string activation = context.node.attributes.string("activation", "none");
  if (activation != "none" && activation != "silu" && activation != "swish")
    reject("activation is '", displayName(activation), "', expected none, silu or swish");
  if (kernel[0] != shape[1] || kernel[1] != 1 || kernel[2] < 1)
    reject("a kernel of ", print(kernel), " for ", shape[1], " channels");
  const auto x = load<double>(context.inputs[0]), w = load<double>(context.inputs[1]);
  const auto bias = context.has(2) ? load<double>(context.inputs[2]) : std::vector<double>(w.size(), 0.0);
  const int64_t taps = kernel[2], held = taps - 1, length = shape[2];
  const auto past = context.has(3) ? load<double>(context.inputs[3])
                                   : std::vector<double>(static_cast<size_t>(shape[0] * shape[1] * held), 0.0);
  if (static_cast<int64_t>(past.size()) != shape[0] * shape[1] * held)
    reject("a state of ", past.size(), " elements, expected ", shape[0] * shape[1] * held);
  std::vector<double> y(x.size()), next(past.size());
  for (int64_t row = 0; row < shape[0] * shape[1]; ++row) {
    std::vector<double> line(past.begin() + row * held, past.begin() + (row + 1) * held);
    line.insert(line.end(), x.begin() + row * length, x.begin() + (row + 1) * length);
    const int64_t c = row % shape[1];
    for (int64_t i = 0; i < length; ++i) {
      double sum = bias.at(static_cast<size_t>(c));
      for (int64_t k = 0; k < taps; ++k) sum += w[static_cast<size_t>(c * taps + k)] * line[static_cast<size_t>(i + k)];
      y[static_cast<size_t>(row * length + i)] = activation == "none" ? sum : sum / (1 + std::exp(-sum));
    }
    std::copy(line.end() - held, line.end(), next.begin() + row * held);
  }
  store(std::span<const double>(y), context.outputs[0]);
  if (context.wants(1)) store(std::span<const double>(next), context.outputs[1]);
}

}  // namespace

std::vector<OpSpec> linearAttentionOps() {
  return {
      {"LinearAttention", "", inferLinearAttention, linearAttention, {}, "y = scale q^T S, where S gathers k v^T"},
      {"CausalConvWithState", "", inferCausalConv, causalConv, {}, "a depthwise convolution of what has come so far"},
  };
}

}  // namespace compress
