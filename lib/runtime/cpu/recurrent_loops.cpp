// One source for all instruction sets (see elementwise_loops.cpp). Rows are padded to whole vectors by the caller, so
// there are no tails.
#include "lib/runtime/cpu/recurrent_loops.h"

// The order of these matters.
// clang-format off
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "lib/runtime/cpu/recurrent_loops.cpp"
#include "lib/runtime/cpu/vector_targets.h"
// Highway includes this file again for each target.
#include <hwy/foreach_target.h>
#include <hwy/highway.h>
#include "lib/runtime/cpu/vector_math-inl.h"
// clang-format on

HWY_BEFORE_NAMESPACE();
namespace compress::HWY_NAMESPACE {
namespace {

using D = hn::CappedTag<float, 16>;
using V = hn::Vec<D>;
using Kind = PostOp::Kind;

HWY_INLINE V activate(D d, const GateActivation& f, V x) {
  switch (f.kind) {
    case Kind::sigmoid:
      return sigmoid(d, x);
    case Kind::tanh:
      return tanhOf(d, x);
    case Kind::relu:
      return hn::Max(x, hn::Zero(d));
    case Kind::leakyRelu:
      return leakyRelu(d, x, f.alpha);
    case Kind::hardSigmoid:
      return hardSigmoid(d, x, f.alpha, f.beta);
    case Kind::elu:
      return elu(d, x, f.alpha);
    default:  // linear
      return hn::MulAdd(x, hn::Set(d, f.alpha), hn::Set(d, f.beta));
  }
}

HWY_INLINE V limited(D d, V x, float clip) {
  return hn::Min(hn::Set(d, clip), hn::Max(hn::Set(d, -clip), x));
}

HWY_INLINE V gateAt(D d, const GateRow& row, const float* at, const GateActivation& f) {
  return activate(d, f, limited(d, hn::LoadU(d, at), row.clip));
}

void rnnGates(const GateRow& row, const float* gates, float* h) {
  const D d;
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(d));
  for (int64_t i = 0; i < row.count; i += lanes) hn::StoreU(gateAt(d, row, gates + i, row.activations[0]), d, h + i);
}

void gruReset(const GateRow& row, float* gates, const float* h, float* reset) {
  const D d;
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(d));
  for (int64_t i = 0; i < row.count; i += lanes) {
    const V z = gateAt(d, row, gates + i, row.activations[0]);
    const V r = gateAt(d, row, gates + row.step + i, row.activations[0]);
    hn::StoreU(z, d, gates + i);
    hn::StoreU(hn::Mul(r, hn::LoadU(d, h + i)), d, reset + i);
  }
}

void gruState(const GateRow& row, const float* gates, float* h) {
  const D d;
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(d));
  for (int64_t i = 0; i < row.count; i += lanes) {
    const V candidate = gateAt(d, row, gates + 2 * row.step + i, row.activations[1]);
    const V z = hn::LoadU(d, gates + i);
    hn::StoreU(hn::MulAdd(z, hn::Sub(hn::LoadU(d, h + i), candidate), candidate), d, h + i);
  }
}

void gruLinear(const GateRow& row, const float* gates, const float* input, float* h) {
  const D d;
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(d));
  for (int64_t i = 0; i < row.count; i += lanes) {
    const V z = gateAt(d, row, gates + i, row.activations[0]);
    const V r = gateAt(d, row, gates + row.step + i, row.activations[0]);
    const V sum = hn::MulAdd(r, hn::LoadU(d, gates + 2 * row.step + i), hn::LoadU(d, input + i));
    const V candidate = activate(d, row.activations[1], limited(d, sum, row.clip));
    hn::StoreU(hn::MulAdd(z, hn::Sub(hn::LoadU(d, h + i), candidate), candidate), d, h + i);
  }
}

/// Gate `index`, with its peephole on `c` where there is one.
HWY_INLINE V lstmGate(D d, const GateRow& row, const float* gates, const float* peepholes, int64_t index, int64_t i,
                      V c) {
  V sum = hn::LoadU(d, gates + index * row.step + i);
  if (peepholes != nullptr) sum = hn::MulAdd(hn::LoadU(d, peepholes + index * row.step + i), c, sum);
  return activate(d, row.activations[0], limited(d, sum, row.clip));
}

void lstmGates(const GateRow& row, const float* gates, const float* peepholes, bool isCoupled, float* c, float* h) {
  const D d;
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(d));
  for (int64_t i = 0; i < row.count; i += lanes) {
    const V before = hn::LoadU(d, c + i);
    const V in = lstmGate(d, row, gates, peepholes, 0, i, before);
    const V forget = isCoupled ? hn::Sub(hn::Set(d, 1.F), in) : lstmGate(d, row, gates, peepholes, 2, i, before);
    const V candidate = gateAt(d, row, gates + 3 * row.step + i, row.activations[1]);
    const V now = hn::MulAdd(forget, before, hn::Mul(in, candidate));
    const V out = lstmGate(d, row, gates, peepholes, 1, i, now);
    hn::StoreU(now, d, c + i);
    hn::StoreU(hn::Mul(out, activate(d, row.activations[2], now)), d, h + i);
  }
}

}  // namespace
}  // namespace compress::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace compress {

HWY_EXPORT(rnnGates);
HWY_EXPORT(gruReset);
HWY_EXPORT(gruState);
HWY_EXPORT(gruLinear);
HWY_EXPORT(lstmGates);

void runRnnGates(const GateRow& row, const float* gates, float* h) {
  HWY_DYNAMIC_DISPATCH(rnnGates)(row, gates, h);
}
void runGruReset(const GateRow& row, float* gates, const float* h, float* reset) {
  HWY_DYNAMIC_DISPATCH(gruReset)(row, gates, h, reset);
}
void runGruState(const GateRow& row, const float* gates, float* h) {
  HWY_DYNAMIC_DISPATCH(gruState)(row, gates, h);
}
void runGruLinear(const GateRow& row, const float* gates, const float* input, float* h) {
  HWY_DYNAMIC_DISPATCH(gruLinear)(row, gates, input, h);
}
void runLstmGates(const GateRow& row, const float* gates, const float* peepholes, bool isCoupled, float* c, float* h) {
  HWY_DYNAMIC_DISPATCH(lstmGates)(row, gates, peepholes, isCoupled, c, h);
}

}  // namespace compress
#endif
