// The table of fast kernels: one line per operator and kernel.
#include <array>

#include "lib/ir/private_domains.h"
#include "lib/runtime/cpu/conv.h"
#include "lib/runtime/cpu/elementwise.h"
#include "lib/runtime/cpu/elementwise_concat.h"
#include "lib/runtime/cpu/gather.h"
#include "lib/runtime/cpu/int8/makers.h"
#include "lib/runtime/cpu/matmul.h"
#include "lib/runtime/cpu/pool.h"
#include "lib/runtime/cpu/recurrent.h"
#include "lib/runtime/cpu/reduce.h"
#include "lib/runtime/cpu/resize.h"
#include "lib/runtime/cpu/softmax.h"
#include "lib/runtime/cpu/sparse_product.h"
#include "lib/runtime/cpu/training.h"
#include "lib/runtime/cpu/typed.h"
#include "lib/runtime/cpu/views.h"
#include "lib/runtime/cpu/winograd.h"

namespace compress {

std::span<const KernelEntry> cpuKernels() {
  static constexpr std::array kKernels = {
      KernelEntry{"QuantizedConv", kPlanDomain, int8::makeQuantizedConv},
      KernelEntry{"IntegerConv", kPlanDomain, int8::makeIntegerConv},
      KernelEntry{"ByteTable", kPlanDomain, int8::makeByteTable},
      KernelEntry{"ByteBorder", kPlanDomain, int8::makeByteBorder},
      KernelEntry{"QuantizedBinary", kPlanDomain, int8::makeQuantizedBinary},
      KernelEntry{"QuantizedConcat", kPlanDomain, int8::makeQuantizedConcat},
      KernelEntry{"QuantizedAveragePool", kPlanDomain, int8::makeQuantizedAveragePool},
      KernelEntry{"QuantizeChannels", kPlanDomain, int8::makeQuantizeChannels},
      KernelEntry{"QuantizeLinear", "", int8::makeQuantizeLinear},
      KernelEntry{"DequantizeLinear", "", int8::makeDequantizeLinear},
      KernelEntry{"DynamicQuantizeLinear", "", int8::makeDynamicQuantizeLinear},
      KernelEntry{"MaxPool", "", int8::makeByteMaxPool},
      KernelEntry{"Resize", "", int8::makeNearestResize},
      KernelEntry{"Conv", "", makeWinogradConv},
      KernelEntry{"Conv", "", makeConv},
      KernelEntry{"Gemm", "", makeGemm},
      KernelEntry{"Elementwise", kPlanDomain, makeElementwise},
      KernelEntry{"ElementwiseConcat", kPlanDomain, makeElementwiseConcat},
      KernelEntry{"Gemm", kPlanDomain, makePlanGemm},
      KernelEntry{"MatMul", "", makeMatMul},
      KernelEntry{"SparseProduct", kPlanDomain, makeSparseProduct},
      KernelEntry{"RNN", "", makeRecurrent},
      KernelEntry{"GRU", "", makeRecurrent},
      KernelEntry{"LSTM", "", makeRecurrent},
      KernelEntry{"MaxPool", "", makePool},
      KernelEntry{"AveragePool", "", makePool},
      KernelEntry{"GlobalMaxPool", "", makePool},
      KernelEntry{"GlobalAveragePool", "", makePool},
      KernelEntry{"Softmax", "", makeSoftmax},
      KernelEntry{"LogSoftmax", "", makeSoftmax},
      KernelEntry{"ReduceSum", "", makeReduce},
      KernelEntry{"ReduceMean", "", makeReduce},
      KernelEntry{"ReduceMax", "", makeReduce},
      KernelEntry{"ReduceMin", "", makeReduce},
      KernelEntry{"ReduceL1", "", makeReduce},
      KernelEntry{"ReduceL2", "", makeReduce},
      KernelEntry{"ReduceSumSquare", "", makeReduce},
      KernelEntry{"ReduceLogSum", "", makeReduce},
      KernelEntry{"ArgMax", "", makeArgExtreme},
      KernelEntry{"ArgMin", "", makeArgExtreme},
      KernelEntry{"LayerNormalization", "", makeNormalization},
      KernelEntry{"RMSNormalization", "", makeNormalization},
      KernelEntry{"Gather", "", makeGather},
      KernelEntry{"Add", "", makeTyped},
      KernelEntry{"Sub", "", makeTyped},
      KernelEntry{"Mul", "", makeTyped},
      KernelEntry{"Min", "", makeTyped},
      KernelEntry{"Max", "", makeTyped},
      KernelEntry{"Equal", "", makeTyped},
      KernelEntry{"Less", "", makeTyped},
      KernelEntry{"LessOrEqual", "", makeTyped},
      KernelEntry{"Greater", "", makeTyped},
      KernelEntry{"GreaterOrEqual", "", makeTyped},
      KernelEntry{"And", "", makeTyped},
      KernelEntry{"Or", "", makeTyped},
      KernelEntry{"Xor", "", makeTyped},
      KernelEntry{"Where", "", makeWhere},
      KernelEntry{"Cast", "", makeCast},
      KernelEntry{"Expand", "", makeExpand},
      KernelEntry{"Tile", "", makeExpand},
      KernelEntry{"Resize", "", makeResize},
      KernelEntry{"Reshape", "", makeReshape},
      KernelEntry{"Flatten", "", makeReshape},
      KernelEntry{"Squeeze", "", makeReshape},
      KernelEntry{"Unsqueeze", "", makeReshape},
      KernelEntry{"Identity", "", makeReshape},
      KernelEntry{"Dropout", "", makeReshape},
      KernelEntry{"Transpose", "", makeTranspose},
      KernelEntry{"Concat", "", makeConcat},
      KernelEntry{"Slice", "", makeSlice},
      KernelEntry{"Split", "", makeSplit},
      KernelEntry{"Pad", "", makePad},
      KernelEntry{"DepthToSpace", "", makeDepthToSpace},
      KernelEntry{"SpaceToDepth", "", makeSpaceToDepth},
      KernelEntry{"StridedConcat", kPlanDomain, makeStridedConcat},
      KernelEntry{"ConvGradData", kTrainDomain, makeConvGradData},
      KernelEntry{"ConvGradWeights", kTrainDomain, makeConvGradWeights},
      KernelEntry{"BatchNormalizationTraining", kTrainDomain, makeBatchNormalization},
      KernelEntry{"BatchNormalizationGrad", kTrainDomain, makeBatchNormalizationGrad},
      KernelEntry{"ActivationGrad", kTrainDomain, makeActivationGrad},
      KernelEntry{"MaxPoolGrad", kTrainDomain, makePoolGrad},
      KernelEntry{"AveragePoolGrad", kTrainDomain, makePoolGrad},
      KernelEntry{"LayerNormalizationGrad", kTrainDomain, makeRowGrad},
      KernelEntry{"RMSNormalizationGrad", kTrainDomain, makeRowGrad},
      KernelEntry{"SoftmaxGrad", kTrainDomain, makeRowGrad},
      KernelEntry{"LogSoftmaxGrad", kTrainDomain, makeRowGrad},
      KernelEntry{"GatherGrad", kTrainDomain, makeGatherGrad},
  };
  return kKernels;
}

}  // namespace compress
