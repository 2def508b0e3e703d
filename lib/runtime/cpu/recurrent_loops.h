// Vector loops over the gates of one step of a recurrent layer.
#pragma once
#include <cstdint>

#include "lib/runtime/plan/fused_graph.h"

namespace compress {

/// f of ONNX's recurrent operators, as an operation of elementwise loops.
struct GateActivation {
  PostOp::Kind kind;
  float alpha = 0;
  float beta = 0;
};

/// One sequence of one direction. Gates lie `step` elements apart in `gates`; all rows have `count` elements.
struct GateRow {
  const GateActivation* activations;  ///< f, g, h in ONNX's order
  float clip;                         ///< infinite for none
  int64_t step;
  int64_t count;
};

/// h = f(gates).
void runRnnGates(const GateRow& row, const float* gates, float* h);
/// z, r = f(gates); then `reset` = r * h, for a product with the weights of the candidate.
void runGruReset(const GateRow& row, float* gates, const float* h, float* reset);
/// Gates z and r as runGruReset leaves them; candidate = g(gates[2]). h = (1 - z) * candidate + z * h.
void runGruState(const GateRow& row, const float* gates, float* h);
/// All in one where the reset is applied behind the product: candidate = g(input + r * gates[2]).
void runGruLinear(const GateRow& row, const float* gates, const float* input, float* h);
/// Gates i, o, f, c; `peepholes` (i, o, f, `step` apart) or null; `isCoupled`: f = 1 - i.
void runLstmGates(const GateRow& row, const float* gates, const float* peepholes, bool isCoupled, float* c, float* h);

}  // namespace compress
