// Lowering: a plan and its encodings become Q and DQ nodes in the graph, by the layout rules Q1 to Q6 of
// docs/quantization.md.
#pragma once
#include <map>
#include <vector>

#include "lib/ir/model.h"
#include "passes/quantize/plan.h"
#include "passes/quantize/weights.h"

namespace compress {

struct Lowering {
  std::vector<Encoding> groups;               ///< one per QuantizePlan::groups
  std::map<NodeId, QuantizedWeight> weights;  ///< of the weighted nodes
};

/// Before: Conv -> Relu -> r. After: DQ, DQ, DQ -> Conv -> Q -> DQ -> r, the Relu gone. A quantized tensor keeps its
/// name on the DQ that its readers see; what a float node computes keeps it on the float tensor.
void insertQuantization(Graph& graph, const QuantizePlan& plan, const Lowering& lowering);

/// MatMul with a constant and a constant Add behind it become Gemm where the data have rank 2: an integer Gemm needs no
/// Q behind it. Returns the count.
int64_t rewriteMatMulAdd(Graph& graph, const Inferred& inferred);

}  // namespace compress
