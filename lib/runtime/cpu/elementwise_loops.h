// Vector loops over rows of floats: the operations of Fused::post.
#pragma once
#include <cstdint>
#include <span>

#include "lib/runtime/plan/fused_graph.h"

namespace compress {

struct LoopOp {
  PostOp::Kind kind;
  float alpha;
  float beta;
  const float* operand;  ///< of binary operations
  int64_t step;          ///< 1: one operand element per element; 0: one for the whole row
  bool isBf16 = false;   ///< `operand` points to bf16: for runMixedElementwise() alone
};

/// target[i] = ops(source[i * sourceStep]) for i in [0, count). `target` may be `source` or an operand of step 1.
void runElementwise(const float* source, int64_t sourceStep, float* target, int64_t count, std::span<const LoopOp> ops);

/// Softmax (or its logarithm) of `count` contiguous elements.
void runSoftmax(const float* source, float* target, int64_t count, bool isLog);

}  // namespace compress
