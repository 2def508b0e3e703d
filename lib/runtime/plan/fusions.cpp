// The list of fusions, in the order in which they run.
#include "lib/runtime/plan/fusions.h"

#include <algorithm>
#include <array>

#include "lib/base/error.h"
#include "lib/base/text.h"
#include "lib/runtime/plan/patterns.h"

namespace compress {
namespace {

using Stage = Fusion::Stage;
constexpr std::array kFusions = {
    Fusion{Stage::quantized, "int8-move",
           "DequantizeLinear -> Reshape, Transpose, Slice, MaxPool ... -> the same on bytes, then DequantizeLinear",
           int8::moveBytes},
    Fusion{Stage::quantized, "int8-table",
           "DequantizeLinear -> elementwise function of one tensor -> QuantizeLinear -> a table of 256 bytes",
           int8::fuseTables},
    Fusion{Stage::quantized, "int8-conv",
           "DequantizeLinear -> Conv, Gemm, MatMul (-> Relu, Clip) (-> QuantizeLinear) -> one step on bytes",
           int8::fuseConv},
    Fusion{Stage::quantized, "int8-dynamic",
           "MatMulInteger, ConvInteger of constant weights (-> Cast -> Mul (-> Add)) -> one step on bytes",
           int8::fuseDynamic},
    Fusion{Stage::quantized, "int8-binary",
           "DequantizeLinear of two -> Add, Sub, Mul (-> Relu, Clip) -> QuantizeLinear -> one step on bytes",
           int8::fuseBinary},
    Fusion{Stage::quantized, "int8-concat",
           "DequantizeLinear of all -> Concat (-> QuantizeLinear) -> one step on bytes", int8::fuseConcat},
    Fusion{Stage::quantized, "int8-average-pool",
           "DequantizeLinear -> average pool -> QuantizeLinear -> one step on bytes", int8::fuseAveragePool},
    Fusion{Stage::quantized, "int8-channels",
           "Slice, SpaceToDepth, Gather, Concat of channels -> QuantizeLinear -> one pass", int8::fuseQuantizeChannels},
    Fusion{Stage::quantized, "int8-border", "padding with the zero point -> part of the step that writes the bytes",
           int8::fuseBorders},
    Fusion{Stage::operators, "silu", "Mul(x, Sigmoid(x)) -> one operation", fuseSilu},
    Fusion{Stage::operators, "transpose-pair", "Transpose(Transpose(x)) -> one Transpose or none", fuseTransposePair},
    Fusion{Stage::operators, "pad", "Pad of zeros -> pads of the Conv or AveragePool behind it", fusePad},
    Fusion{Stage::operators, "strided-slices", "Slices -> Concat or Pad -> one copy", fuseStridedSlices},
    Fusion{Stage::operators, "conv-affine", "Conv -> BatchNormalization, Mul, Add of constants -> weights and bias",
           fuseAffine},
    Fusion{Stage::operators, "gemm", "Gemm or MatMul of a constant -> Add of a row -> one product", fuseGemm},
    Fusion{Stage::chains, "elementwise-chain", "runs of elementwise operators -> one pass over memory",
           fuseElementwiseChains},
    Fusion{Stage::chains, "post-activation", "Conv or Gemm -> activation -> post-operation", fusePostActivation},
    Fusion{Stage::chains, "post-residual", "Conv -> Add (-> activation) -> post-operations", fusePostResidual},
    Fusion{Stage::chains, "concat-elementwise", "elementwise operators -> Concat of channels -> one pass over memory",
           fuseConcat},
    Fusion{Stage::chains, "sparse-product",
           "Conv of window 1 or Gemm whose weights are mostly zero -> a product that never sees the zeros", fuseSparse},
};

void runStage(FusedGraph& graph, Stage stage, const std::set<std::string>& disabled, std::vector<int64_t>& changes) {
  for (size_t i = 0; i < kFusions.size(); ++i)
    if (kFusions[i].stage == stage && !disabled.contains(std::string(kFusions[i].name)))
      changes[i] = kFusions[i].apply(graph);
}

}  // namespace

std::span<const Fusion> allFusions() {
  return kFusions;
}

std::vector<int64_t> fuse(FusedGraph& graph, const std::set<std::string>& disabled) {
  std::vector<std::string> names;
  for (const Fusion& fusion : kFusions) names.emplace_back(fusion.name);
  for (const std::string& name : disabled)
    if (std::ranges::find(names, name) == names.end())
      throw Error(ErrorKind::usage, text("unknown fusion '", name, "'"),
                  text("close to it: ", join(nearest(name, names), ", ")));
  std::vector<int64_t> changes(kFusions.size(), 0);
  runStage(graph, Stage::quantized, disabled, changes);
  graph.foldConstants(false);
  runStage(graph, Stage::operators, disabled, changes);
  lowerElementwise(graph);
  runStage(graph, Stage::chains, disabled, changes);
  graph.graph.eraseDead();
  return changes;
}

}  // namespace compress
